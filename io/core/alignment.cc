#include "io/core/alignment.h"

#include <Eigen/LU>
#include <Eigen/SVD>

namespace handforge {
namespace {

Eigen::Matrix3d RotationOf(const Eigen::Matrix3d& covariance, double* trace) {
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(covariance,
                                              Eigen::ComputeFullU | Eigen::ComputeFullV);
  Eigen::Vector3d sign(1, 1, 1);
  if (svd.matrixU().determinant() * svd.matrixV().determinant() < 0) sign.z() = -1;
  if (trace != nullptr) *trace = svd.singularValues().dot(sign);
  return svd.matrixU() * sign.asDiagonal() * svd.matrixV().transpose();
}

}  // namespace

Joints3 Similarity3::Apply(const Joints3& joints) const {
  return (scale * joints * rotation.transpose()).rowwise() + translation.transpose();
}

Eigen::Matrix3d BestRotation(const Eigen::MatrixX3d& source,
                             const Eigen::MatrixX3d& target,
                             const Eigen::VectorXd& weights) {
  return RotationOf(target.transpose() * weights.asDiagonal() * source, nullptr);
}

Similarity3 Align(const Joints3& source, const Joints3& target, bool with_scale) {
  const Eigen::RowVector3d source_mean = source.colwise().mean();
  const Eigen::RowVector3d target_mean = target.colwise().mean();
  const Joints3 a = source.rowwise() - source_mean;
  const Joints3 b = target.rowwise() - target_mean;
  double trace = 0;
  Similarity3 out;
  out.rotation = RotationOf(b.transpose() * a, &trace);
  const double spread = a.squaredNorm();
  if (with_scale && spread > 0) out.scale = trace / spread;
  out.translation = target_mean.transpose() - out.scale * out.rotation * source_mean.transpose();
  return out;
}

}  // namespace handforge
