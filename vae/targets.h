#pragma once

#include "io/core/image.h"
#include "io/core/skeleton.h"

namespace handforge {

// Between labels in millimetres and pixels and the numbers the networks work with. The networks
// know right hands only: a left hand is mirrored (x -> -x in 3D, x -> W - 1 - x in the image).

// joints_in_cam -> {21, 3} palm-centred, divided by the reference bone length (Spurr et al. 2018),
// axes of the camera, right hand. Requires ReferenceBoneLength(joints_in_cam) > 0.
void NormaliseJoints3(const Joints3& joints_in_cam, Handedness handedness, float* normalised);
// The same divided by `unit_mm` in place of the bone, so that the hand's size stays.
void CentreJoints3(const Joints3& joints_in_cam,
                   double unit_mm,
                   Handedness handedness,
                   float* centred);
constexpr double kMetricUnitMm = 45;  // about a mean hand's reference bone
// The inverse up to the translation: palm-centred millimetres in the axes of the camera.
Joints3 MetricJoints3(const float* normalised, double bone_mm, Handedness handedness);

// Pixels of a square image -> {21, 2} in [-1, 1] across it (half-pixel rule: -1 is the outer edge
// of the first pixel), right hand.
void NormaliseJoints2(const Joints2& joints_px,
                      int image_px,
                      Handedness handedness,
                      float* normalised);
Joints2 PixelJoints2(const float* normalised, int image_px, Handedness handedness);

// Depth relative to the hand, from the picture alone: (z - m) / kRelativeDepthMm cut to [-1, 1],
// where m is the median of the foreground and what is no foreground is 1. Foreground is measured
// depth that lies at most kDepthReachMm behind the second percentile of all measured depth, which
// finds the hand of a rendered crop (nothing behind it) and of a sensor's (a room behind it)
// without a label.
//   depth_mm    {count} along the optical axis, 0 = nothing measured
//   normalised  {count}; all 1 where nothing is measured
void NormaliseDepth(const float* depth_mm, int count, float* normalised);
constexpr double kRelativeDepthMm = 150;
constexpr double kDepthReachMm = 250;

}  // namespace handforge
