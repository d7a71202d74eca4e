#pragma once

#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/random.h"

#include <string>
#include <vector>

namespace handforge {

enum class DepthPrinciple { kIdeal, kStructuredLight, kTimeOfFlight, kStereo };

// A depth camera, at its own resolution. The model works on the sensor's pixels, whatever the
// picture's, so that noise, shadows and lost pixels have their true size in a crop.
struct DepthSensor {
  DepthPrinciple principle = DepthPrinciple::kIdeal;
  double focal_px = 0;  // of the sensor's depth image
  double nearest_mm = 0, furthest_mm = 1e9;
  // From the sensor to its projector (structured light) or second camera (stereo), which stands at
  // +x: a Kinect's projector is on the right of its camera as that looks, and a RealSense measures
  // in its left imager. So what is near casts its shadow to the left.
  double baseline_mm = 0;
  // Disparity in sensor pixels: deviation of its noise and the step it is rounded to.
  double disparity_noise_px = 0;
  double disparity_step_px = 0;
  // Deviation of where a sensor pixel looks, in sensor pixels, on a surface that faces it; grows
  // with the angle of incidence.
  double lateral_noise_px = 0;
  // Beyond this angle between ray and normal a pixel is lost.
  double grazing_deg = 90;
  // Half side of the window in which stereo matches, sensor pixels: what is nearer grows by it.
  int window_px = 0;
  // Time of flight: deviation at 1 m on a surface that faces the sensor, and modulation frequency.
  double noise_at_1m_mm = 0;
  double modulation_hz = 0;
};

// "off", "ideal", then the presets:
//   kinect          structured light, the camera of NYU: Kinect v1 / PrimeSense
//   intel_creative  time of flight, the camera of ICVL and MSRA: Creative Senz3D / SoftKinetic
//                   DS325
//   kinect2         time of flight: Kinect v2
//   realsense       active stereo: RealSense D415/D435
// Sources of models and numbers are beside the code, which says too what is assumed.
extern const std::vector<std::string> kDepthSensorNames;
// Throws UsageError for a name that is not in the list, and for "off".
DepthSensor DepthSensorNamed(const std::string& name);

// What the sensor would report for an ideal depth image (z in units of kDepthUnitMm, 0 = nothing
// there) of `camera`; the same grid and units, 0 = nothing or lost. Ideal sensors return the image
// itself, bit for bit.
ImageU16 SimulateDepthSensor(const ImageU16& ideal,
                             const PinholeCamera& camera,
                             const DepthSensor& sensor,
                             Random& random);

}  // namespace handforge
