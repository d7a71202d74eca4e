#pragma once

#include "io/core/random.h"
#include "io/core/skeleton.h"

#include <Eigen/Core>
#include <Eigen/Geometry>

namespace handforge {

inline Eigen::Matrix3d RandomRotation(Random& random) {
  Eigen::Quaterniond q(random.Normal(), random.Normal(), random.Normal(), random.Normal());
  return q.normalized().toRotationMatrix();
}

inline Eigen::Vector3d RandomVector(Random& random, double deviation) {
  return {random.Normal(0, deviation), random.Normal(0, deviation), random.Normal(0, deviation)};
}

inline Joints3 RandomJoints3(Random& random, double deviation) {
  Joints3 joints;
  for (int j = 0; j < kNumJoints; ++j) joints.row(j) = RandomVector(random, deviation).transpose();
  return joints;
}

}  // namespace handforge
