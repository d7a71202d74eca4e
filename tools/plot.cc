#include "tools/plot.h"

#include "io/core/error.h"
#include "io/files.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

constexpr int kPanelWidthPx = 720;
constexpr int kPanelHeightPx = 640;

// A text in gnuplot's single quotes, which know no escapes but the doubled quote.
std::string Quote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

std::string DataBlock(const std::string& name, const PlotCurve& curve) {
  std::string block = name + " << EOD\n";
  for (size_t i = 0; i < curve.x.size(); ++i) {
    if (std::isnan(curve.y[i])) {
      block += "\n";
      continue;
    }
    block += fmt::format("{:.6g} {:.6g}", curve.x[i], curve.y[i]);
    block += curve.deviation.empty() ? "\n" : fmt::format(" {:.6g}\n", curve.deviation[i]);
  }
  return block + "EOD\n";
}

std::string Script(const std::vector<PlotPanel>& panels, const std::string& png) {
  std::string script = fmt::format(
      "set terminal pngcairo noenhanced size {}, {}\nset output {}\nset key below Left reverse "
      "height 1\n"
      "set grid\nset multiplot layout 1, {}\n",
      kPanelWidthPx * panels.size(),
      kPanelHeightPx,
      Quote(png),
      panels.size());
  for (size_t p = 0; p < panels.size(); ++p) {
    const PlotPanel& panel = panels[p];
    std::string plots;
    for (size_t c = 0; c < panel.curves.size(); ++c) {
      const PlotCurve& curve = panel.curves[c];
      const std::string name = fmt::format("$panel{}curve{}", p, c);
      script += DataBlock(name, curve);
      plots += fmt::format("{}{} with {} linewidth 2 linetype {}{} title {}",
                           c == 0 ? "plot " : ", \\\n  ",
                           name,
                           curve.deviation.empty() ? "lines" : "yerrorlines",
                           c + 1,
                           curve.dashed ? " dashtype 2" : "",
                           Quote(curve.title));
    }
    script += fmt::format("set title {} font ',9'\nset xlabel {}\nset ylabel {}\n",
                          Quote(panel.title),
                          Quote(panel.x_label),
                          Quote(panel.y_label));
    script += fmt::format("set xrange [{}:{}]\nset yrange [{}:{}]\n{}\n",
                          panel.x_low,
                          panel.x_high,
                          panel.y_low,
                          panel.y_high,
                          plots);
  }
  return script + "unset multiplot\n";
}

// Exit status of `gnuplot SCRIPT`; -1 where there is no such program.
int RunGnuplot(const std::string& script) {
  const char* const arguments[] = {"gnuplot", script.c_str(), nullptr};
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, "gnuplot", nullptr, nullptr, const_cast<char**>(arguments), environ);
  if (error == ENOENT) return -1;
  if (error != 0) throw EnvironmentError(std::string("gnuplot: ") + std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

bool WritePlot(const std::vector<PlotPanel>& panels, const std::filesystem::path& png) {
  std::filesystem::path script = png;
  script.replace_extension(".gp");
  PublishText(script, Script(panels, png.string()));
  const int status = RunGnuplot(script.string());
  if (status > 0) {
    throw EnvironmentError(script.string() + ": gnuplot ended with exit code " +
                           std::to_string(status) + "; its own words stand above");
  }
  return status == 0;
}

}  // namespace handforge
