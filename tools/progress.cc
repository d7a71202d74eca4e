#include "tools/progress.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace handforge {
namespace {

constexpr double kTerminalIntervalS = 0.2;
constexpr double kLogIntervalS = 10;
constexpr int kBarColumns = 24;
constexpr char kEraseLine[] = "\r\033[K";

std::atomic<bool> bar_on_terminal{false};

bool DrawOver(Progress::Style style) {
  if (style != Progress::Style::kAutomatic) return style == Progress::Style::kTerminal;
  return isatty(STDERR_FILENO) == 1;
}

int TerminalColumns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string Bar(double fraction) {
  const int full = static_cast<int>(std::lround(fraction * kBarColumns));
  std::string bar(static_cast<size_t>(kBarColumns), ' ');
  std::fill_n(bar.begin(), full, '=');
  if (full < kBarColumns) bar[static_cast<size_t>(full)] = '>';
  return "[" + bar + "] ";
}

}  // namespace

std::string FormatDuration(double seconds) {
  constexpr double kLongestS = 1e8;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLongestS) return "-";
  const int64_t whole = std::llround(seconds);
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, rest);
  return fmt::format("{}:{:02}", minutes, rest);
}

std::string ProgressLine(const std::string& label,
                         const std::string& unit,
                         uint64_t done,
                         uint64_t total,
                         uint64_t already_done,
                         double seconds,
                         const std::string& note,
                         int columns) {
  const double fraction =
      total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const uint64_t done_now = done > already_done ? done - already_done : 0;
  const double rate = seconds > 0 ? static_cast<double>(done_now) / seconds : 0;
  const double left_s =
      done >= total ? 0 : (rate > 0 ? static_cast<double>(total - done) / rate : -1);

  const std::string tail = fmt::format("{}/{}  {:.0f} %  {:.{}f} {}/s  {} {}{}",
                                       done,
                                       total,
                                       std::floor(100 * fraction),
                                       rate,
                                       rate < 10 ? 2 : 1,
                                       unit,
                                       done >= total ? "took" : "ETA",
                                       FormatDuration(done >= total ? seconds : left_s),
                                       note.empty() ? "" : "  " + note);
  const std::string head = label + " ";
  const size_t with_bar = head.size() + tail.size() + kBarColumns + 3;
  if (static_cast<int>(with_bar) < columns) return head + Bar(fraction) + tail;
  const std::string line = head + tail;
  return columns > 0 ? line.substr(0, static_cast<size_t>(columns - 1)) : line;
}

Progress::Progress(
    std::string label, std::string unit, uint64_t total, uint64_t already_done, Style style)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      already_done_(already_done),
      on_terminal_(DrawOver(style)),
      start_(Clock::now()),
      last_drawn_(start_),
      total_(total),
      done_(already_done) {}

Progress::~Progress() {
  try {
    Finish();
  } catch (...) {  // a lost progress line must not end the program
  }
}

double Progress::SecondsSince(Clock::time_point time) const {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

void Progress::Update(uint64_t done, const std::string& note) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (finished_) return;
  done_ = std::max(done_, done);
  note_ = note;
  if (SecondsSince(last_drawn_) < (on_terminal_ ? kTerminalIntervalS : kLogIntervalS)) return;
  last_drawn_ = Clock::now();
  DrawLine(note_);
}

void Progress::SetTotal(uint64_t total) {
  const std::lock_guard<std::mutex> lock(mutex_);
  total_ = total;
}

void Progress::Finish() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (finished_) return;
  finished_ = true;
  DrawLine(note_);
  if (on_terminal_) {
    bar_on_terminal = false;
    std::fputc('\n', stderr);
  }
}

void Progress::Clear() {
  if (bar_on_terminal.exchange(false)) std::fputs(kEraseLine, stderr);
}

void Progress::DrawLine(const std::string& note) {
  const int columns = on_terminal_ ? TerminalColumns() : 0;
  const std::string line = ProgressLine(
      label_, unit_, done_, total_, already_done_, SecondsSince(start_), note, columns);
  if (!on_terminal_) {
    spdlog::info("{}", line);
    return;
  }
  // One write, so that lines of other threads do not cut it.
  bar_on_terminal = true;
  std::fputs((kEraseLine + line).c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace handforge
