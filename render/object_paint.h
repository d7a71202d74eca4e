#pragma once

#include "io/core/random.h"

#include <Eigen/Core>

namespace handforge {

// What an object's surface looks like: one colour, or two in a pattern that fills space and is cut
// by the surface, so that no shape needs texture coordinates.
struct ObjectPaint {
  enum class Pattern { kPlain, kStripes, kChecks, kPatches };
  Pattern pattern = Pattern::kPlain;
  Eigen::Vector3f colour = Eigen::Vector3f::Constant(0.5f);  // linear reflectance, [0, 1]
  Eigen::Vector3f second = Eigen::Vector3f::Constant(0.5f);  // likewise; not of kPlain
  float period_mm = 20;                                      // of the pattern, above 0

  // At a point of the object's own frame.
  Eigen::Vector3f At(const Eigen::Vector3f& x_in_object_mm) const;
  Eigen::Vector3f Mean() const;
};

// Half of what is painted is plain.
ObjectPaint DrawPaint(Random& random);

}  // namespace handforge
