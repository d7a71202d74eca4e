#include "render/depth_sensor.h"

#include "io/core/error.h"
#include "io/core/tuple.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <vector>

namespace handforge {
namespace {

constexpr double kSpeedOfLightMmPerS = 2.99792458e11;

// Kinect v1: Khoshelham and Elberink, Accuracy and resolution of Kinect depth data for indoor
// mapping applications, Sensors 12, 2012: 1/Z = m/(f b) d + c with m/(f b) = 2.85e-5 / cm, noise of
// half a unit of d (their 4 cm at 5 m), units being eighths of a pixel of a 580 px focal length and
// 75 mm baseline. Lateral noise: Nguyen, Izadi and Lovell, Modeling Kinect sensor noise for
// improved 3D reconstruction and tracking, 3DIMPVT 2012: 0.8 + 0.035 theta / (pi/2 - theta) px.
// That data end at 80 degrees is an assumption.
DepthSensor Kinect() {
  DepthSensor s;
  s.principle = DepthPrinciple::kStructuredLight;
  s.focal_px = 580;
  s.baseline_mm = 75;
  s.nearest_mm = 400;
  s.furthest_mm = 5000;
  // One unit of d is m pixels: 2.85e-6 / mm * f * b.
  s.disparity_step_px = 2.85e-6 * 580 * 75;
  s.disparity_noise_px = 0.5 * s.disparity_step_px;
  s.lateral_noise_px = 0.8;
  s.grazing_deg = 80;
  return s;
}

// SoftKinetic DepthSense 325 (sold as Creative Senz3D and Intel Creative Gesture Camera): 320 x
// 240; the focal length is the one that work on ICVL and MSRA projects with. Range, noise,
// modulation and angle are assumptions of the size that data sheets of such cameras give.
DepthSensor IntelCreative() {
  DepthSensor s;
  s.principle = DepthPrinciple::kTimeOfFlight;
  s.focal_px = 241.42;
  s.nearest_mm = 150;
  s.furthest_mm = 1500;
  s.noise_at_1m_mm = 14;
  s.modulation_hz = 50e6;
  s.grazing_deg = 85;
  return s;
}

// Kinect v2: 512 x 424 over 70 degrees, 0.5 to 4.5 m, modulated with 16, 80 and 120 MHz, the lowest
// of which decides the range that is unambiguous. Noise: Corti, Giancola, Mainetti and Sala, A
// metrological characterization of the Kinect V2 time-of-flight camera, Robotics and Autonomous
// Systems 75, 2016: from 1.5 mm up; that it is so at 1 m is an assumption.
DepthSensor Kinect2() {
  DepthSensor s = IntelCreative();
  s.focal_px = 366;
  s.nearest_mm = 500;
  s.furthest_mm = 4500;
  s.noise_at_1m_mm = 1.5;
  s.modulation_hz = 16e6;
  return s;
}

// D435 at 848 x 480 over 90 degrees: baseline 50 mm, deviation of the disparity 0.08 px
// (Grunnet-Jepsen, Sweetser and Woodfill, Tuning depth cameras for best performance, Intel). Steps
// of 1/32 px, range, angle and window are assumptions; on matching windows see Keselman, Woodfill,
// Grunnet-Jepsen and Bhowmik, Intel RealSense stereoscopic depth cameras, CVPR workshops 2017.
DepthSensor RealSense() {
  DepthSensor s;
  s.principle = DepthPrinciple::kStereo;
  s.focal_px = 425;
  s.baseline_mm = 50;
  s.nearest_mm = 200;
  s.furthest_mm = 6000;
  s.disparity_step_px = 1.0 / 32;
  s.disparity_noise_px = 0.08;
  s.grazing_deg = 83;
  s.window_px = 2;
  return s;
}

// z in mm at the sensor's pixels, 0 = nothing there.
class SensorGrid {
 public:
  SensorGrid(int width, int height) : width_(width), height_(height), z_mm_(width * height, 0) {}
  int width() const { return width_; }
  int height() const { return height_; }
  bool Contains(int x, int y) const { return x >= 0 && y >= 0 && x < width_ && y < height_; }
  double& at(int x, int y) { return z_mm_[static_cast<size_t>(y) * width_ + x]; }
  double at(int x, int y) const { return z_mm_[static_cast<size_t>(y) * width_ + x]; }

 private:
  int width_, height_;
  std::vector<double> z_mm_;
};

class Simulation {
 public:
  Simulation(const ImageU16& ideal,
             const PinholeCamera& camera,
             const DepthSensor& sensor,
             Random& random)
      : ideal_(ideal),
        sensor_(sensor),
        random_(random),
        // The sensor looks along the crop's axis; a crop that is finer than the sensor is sampled.
        step_px_(std::max(1.0, camera.fx / sensor.focal_px)),
        focal_px_(camera.fx / step_px_),
        grid_(static_cast<int>(std::ceil(ideal.width / step_px_)),
              static_cast<int>(std::ceil(ideal.height / step_px_))) {}

  ImageU16 Run() {
    Look();
    const SensorGrid truth = grid_;
    if (sensor_.principle == DepthPrinciple::kTimeOfFlight) IntegrateLight();
    if (sensor_.window_px > 0) GrowForeground();
    if (sensor_.baseline_mm > 0) DropShadows(truth);
    DropGrazing(truth);
    AddNoise(truth);
    return OnTheCropsGrid();
  }

 private:
  double IdealMm(double x, double y) const {
    const int px = static_cast<int>(std::lround(x)), py = static_cast<int>(std::lround(y));
    return ideal_.Contains(px, py) ? kDepthUnitMm * ideal_.at(px, py) : 0;
  }
  // Crop coordinates of a place on the sensor's grid (half-pixel rule).
  double Crop(double sensor_px) const { return (sensor_px + 0.5) * step_px_ - 0.5; }

  // One ray per sensor pixel.
  void Look() {
    for (int y = 0; y < grid_.height(); ++y) {
      for (int x = 0; x < grid_.width(); ++x) grid_.at(x, y) = IdealMm(Crop(x), Crop(y));
    }
  }

  // A time-of-flight pixel adds up the phasors of all light it receives: where it sees two surfaces
  // it reports a depth between them ("flying pixels", Sarbolandi et al. 2015). Less than half a
  // pixel of light is too little.
  void IntegrateLight() {
    constexpr int kSamples = 4;
    const double phase_per_mm = 4 * M_PI * sensor_.modulation_hz / kSpeedOfLightMmPerS;
    for (int y = 0; y < grid_.height(); ++y) {
      for (int x = 0; x < grid_.width(); ++x) {
        std::complex<double> sum = 0;
        int lit = 0;
        double nearest = 0;
        for (int k = 0; k < kSamples * kSamples; ++k) {
          // A little wider than the pixel: lenses blur.
          constexpr double kWidth = 1.3;
          const double dx = kWidth * ((k % kSamples + 0.5) / kSamples - 0.5);
          const double dy = kWidth * ((k / kSamples + 0.5) / kSamples - 0.5);
          const double z = IdealMm(Crop(x + dx), Crop(y + dy));
          if (z <= 0) continue;
          ++lit;
          nearest = nearest == 0 ? z : std::min(nearest, z);
          // Light falls off with the square of the distance.
          sum += std::polar(1e6 / (z * z), phase_per_mm * z);
        }
        grid_.at(x, y) = 0;
        if (2 * lit < kSamples * kSamples) continue;
        // The phase is known to the wrap; the surfaces of one pixel lie within one.
        double z = std::arg(sum) / phase_per_mm;
        const double wrap = 2 * M_PI / phase_per_mm;
        while (z < nearest - wrap / 2) z += wrap;
        grid_.at(x, y) = z;
      }
    }
  }

  // Matching windows that hold an edge follow the nearer side.
  void GrowForeground() {
    constexpr double kEdgeMm = 15;
    const SensorGrid before = grid_;
    const int w = sensor_.window_px;
    for (int y = 0; y < grid_.height(); ++y) {
      for (int x = 0; x < grid_.width(); ++x) {
        double nearest = before.at(x, y);
        if (nearest == 0) continue;  // the background is not part of the scene
        for (int dy = -w; dy <= w; ++dy) {
          for (int dx = -w; dx <= w; ++dx) {
            if (dx * dx + dy * dy > w * w || !before.Contains(x + dx, y + dy)) continue;
            const double z = before.at(x + dx, y + dy);
            if (z > 0 && z < nearest - kEdgeMm) nearest = z;
          }
        }
        grid_.at(x, y) = nearest;
      }
    }
  }

  // What the projector (or the second camera) does not see is lost: of the surfaces that share one
  // of its columns only the nearest is lit.
  void DropShadows(const SensorGrid& truth) {
    constexpr double kSameSurfaceMm = 10;
    const double reach_px = focal_px_ * sensor_.baseline_mm;
    for (int y = 0; y < grid_.height(); ++y) {
      std::map<int, double> nearest;  // column of the projector -> depth
      const auto column = [&](int x, double z) {
        return static_cast<int>(std::lround(x - reach_px / z));
      };
      for (int x = 0; x < grid_.width(); ++x) {
        const double z = truth.at(x, y);
        if (z <= 0) continue;
        const auto [it, fresh] = nearest.emplace(column(x, z), z);
        if (!fresh) it->second = std::min(it->second, z);
      }
      for (int x = 0; x < grid_.width(); ++x) {
        const double z = truth.at(x, y);
        if (z <= 0) continue;
        // A surface that leans away may skip a column.
        for (int c = column(x, z) - 1; c <= column(x, z) + 1; ++c) {
          const auto it = nearest.find(c);
          if (it != nearest.end() && it->second < z - kSameSurfaceMm) grid_.at(x, y) = 0;
        }
      }
    }
  }

  // Cosine of the angle between the ray and the surface's normal, from neighbouring depths; 1 where
  // a neighbour is missing.
  double CosineOfIncidence(const SensorGrid& truth, int x, int y) const {
    const double z = truth.at(x, y);
    if (z <= 0) return 1;
    const auto slope = [&](int dx, int dy) {
      double best = 0;
      bool found = false;
      for (const int side : {-1, 1}) {
        if (!truth.Contains(x + side * dx, y + side * dy)) continue;
        const double other = truth.at(x + side * dx, y + side * dy);
        if (other <= 0) continue;
        const double change = side * (other - z);
        if (!found || std::abs(change) < std::abs(best)) best = change;
        found = true;
      }
      return best * focal_px_ / z;  // mm of depth per mm across
    };
    const double sx = slope(1, 0), sy = slope(0, 1);
    return 1 / std::sqrt(1 + sx * sx + sy * sy);
  }

  void DropGrazing(const SensorGrid& truth) {
    const double least = std::cos(sensor_.grazing_deg * M_PI / 180);
    for (int y = 0; y < grid_.height(); ++y) {
      for (int x = 0; x < grid_.width(); ++x) {
        double& z = grid_.at(x, y);
        if (z <= 0) continue;
        if (z < sensor_.nearest_mm || z > sensor_.furthest_mm ||
            CosineOfIncidence(truth, x, y) < least) {
          z = 0;
        }
      }
    }
  }

  void AddNoise(const SensorGrid& truth) {
    const SensorGrid clean = grid_;
    for (int y = 0; y < grid_.height(); ++y) {
      for (int x = 0; x < grid_.width(); ++x) {
        // The same number of draws for every pixel keeps pixels independent of each other.
        const double n0 = random_.Normal(), n1 = random_.Normal(), n2 = random_.Normal();
        if (clean.at(x, y) <= 0) continue;
        const double cosine = CosineOfIncidence(truth, x, y);
        double z = Jittered(clean, x, y, cosine, n1, n2);
        if (sensor_.principle == DepthPrinciple::kTimeOfFlight) {
          // Deviation goes as 1 / amplitude (Lange and Seitz, Solid-state time-of-flight range
          // camera, IEEE J. Quantum Electronics 37, 2001; measured by Belhedi et al., Noise
          // modelling in time-of-flight sensors, IET Computer Vision 9, 2015), amplitude as cosine
          // over squared distance.
          z += n0 * sensor_.noise_at_1m_mm * (z / 1000) * (z / 1000) / std::max(cosine, 0.1);
        } else {
          // Disparities are those of the sensor itself, whatever the crop's scale.
          const double reach = sensor_.focal_px * sensor_.baseline_mm;
          const double disparity = reach / z + n0 * sensor_.disparity_noise_px;
          const double steps = std::round(disparity / sensor_.disparity_step_px);
          z = steps > 0 ? reach / (steps * sensor_.disparity_step_px) : 0;
        }
        grid_.at(x, y) = std::max(z, 0.0);
      }
    }
  }

  // Depth at a place beside the pixel (Nguyen et al. 2012), on the same surface or the next.
  double Jittered(
      const SensorGrid& clean, int x, int y, double cosine, double n1, double n2) const {
    if (sensor_.lateral_noise_px == 0) return clean.at(x, y);
    const double theta = std::min(std::acos(cosine), 1.5);
    // Of Nguyen's deviation, the part that pixels of one edge do not share.
    const double sigma = 0.5 * (sensor_.lateral_noise_px + 0.035 * theta / (M_PI / 2 - theta));
    const int jx = x + static_cast<int>(std::lround(std::clamp(sigma * n1, -2.0, 2.0)));
    const int jy = y + static_cast<int>(std::lround(std::clamp(sigma * n2, -2.0, 2.0)));
    return clean.Contains(jx, jy) ? clean.at(jx, jy) : clean.at(x, y);
  }

  ImageU16 OnTheCropsGrid() const {
    ImageU16 out(ideal_.width, ideal_.height);
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        const int sx = std::min(static_cast<int>((x + 0.5) / step_px_), grid_.width() - 1);
        const int sy = std::min(static_cast<int>((y + 0.5) / step_px_), grid_.height() - 1);
        const double units = std::round(grid_.at(sx, sy) / kDepthUnitMm);
        out.at(x, y) = units > UINT16_MAX ? 0 : static_cast<uint16_t>(units);
      }
    }
    return out;
  }

  const ImageU16& ideal_;
  const DepthSensor& sensor_;
  Random& random_;
  const double step_px_;   // crop pixels per sensor pixel
  const double focal_px_;  // of the grid
  SensorGrid grid_;
};

}  // namespace

const std::vector<std::string> kDepthSensorNames = {
    "off", "ideal", "kinect", "intel_creative", "kinect2", "realsense"};

DepthSensor DepthSensorNamed(const std::string& name) {
  if (name == "ideal") return {};
  if (name == "kinect") return Kinect();
  if (name == "intel_creative") return IntelCreative();
  if (name == "kinect2") return Kinect2();
  if (name == "realsense") return RealSense();
  throw UsageError("depth sensor '" + name +
                   "' is unknown; ideal, kinect, intel_creative, kinect2 or realsense");
}

ImageU16 SimulateDepthSensor(const ImageU16& ideal,
                             const PinholeCamera& camera,
                             const DepthSensor& sensor,
                             Random& random) {
  if (sensor.principle == DepthPrinciple::kIdeal) return ideal;
  return Simulation(ideal, camera, sensor, random).Run();
}

}  // namespace handforge
