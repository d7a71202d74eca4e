#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

struct PlotCurve {
  std::string title;
  std::vector<double> x;
  std::vector<double> y;          // as many; NaN leaves a gap
  std::vector<double> deviation;  // empty, or as many: error bars
  bool dashed = false;
};

// One pair of axes.
struct PlotPanel {
  std::string title;
  std::string x_label;
  std::string y_label;
  double x_low = 0;
  double x_high = 1;
  double y_low = 0;
  double y_high = 1;
  std::vector<PlotCurve> curves;
};

// Draws the panels beside each other. Writes `png` and, beside it, the gnuplot script that made it
// (same name, .gp), which holds the numbers. Where gnuplot is not installed the script alone is
// written, and false returned. Throws EnvironmentError where gnuplot fails or a file cannot be
// written.
bool WritePlot(const std::vector<PlotPanel>& panels, const std::filesystem::path& png);

}  // namespace handforge
