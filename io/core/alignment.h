#pragma once

#include "io/core/skeleton.h"

#include <Eigen/Core>

namespace handforge {

// x_in_target = scale * rotation * x_in_source + translation.
struct Similarity3 {
  double scale = 1;
  Eigen::Matrix3d rotation = Eigen::Matrix3d::Identity();
  Eigen::Vector3d translation = Eigen::Vector3d::Zero();

  Joints3 Apply(const Joints3& joints) const;
};

// Least-squares rotation (det +1) with R source_i ~ target_i for centred points {N, 3} (Kabsch
// 1976), optionally weighted {N}.
Eigen::Matrix3d BestRotation(const Eigen::MatrixX3d& source,
                             const Eigen::MatrixX3d& target,
                             const Eigen::VectorXd& weights);

// Least-squares similarity, or rigid motion where `with_scale` is false (Umeyama 1991).
Similarity3 Align(const Joints3& source, const Joints3& target, bool with_scale);

}  // namespace handforge
