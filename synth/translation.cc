#include "synth/translation.h"

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/QR>

namespace handforge {
namespace {

using Eigen::Matrix3d;
using Eigen::Vector3d;

Vector3d LinearSolution(const Joints3& x, const Joints2& px, const PinholeCamera& camera) {
  Eigen::Matrix<double, 2 * kNumJoints, 3> a;
  Eigen::Matrix<double, 2 * kNumJoints, 1> b;
  for (int j = 0; j < kNumJoints; ++j) {
    const double u = px(j, 0) - camera.cx, v = px(j, 1) - camera.cy;
    a.row(2 * j) << camera.fx, 0, -u;
    a.row(2 * j + 1) << 0, camera.fy, -v;
    b[2 * j] = u * x(j, 2) - camera.fx * x(j, 0);
    b[2 * j + 1] = v * x(j, 2) - camera.fy * x(j, 1);
  }
  return a.colPivHouseholderQr().solve(b);
}

bool InFront(const Joints3& x, const Vector3d& t) {
  return (x.col(2).array() + t.z()).minCoeff() > 1;
}

double SquaredError(const Joints3& x,
                    const Joints2& px,
                    const PinholeCamera& camera,
                    const Vector3d& t) {
  const Joints3 moved = x.rowwise() + t.transpose();
  return (camera.Project(moved) - px).squaredNorm();
}

}  // namespace

Placement SolveTranslation(const Joints3& joints_mm,
                           const Joints2& joints_px,
                           const PinholeCamera& camera) {
  constexpr int kMaxSteps = 20;
  constexpr double kSmallStepMm = 1e-6;
  Placement out;
  Vector3d t = LinearSolution(joints_mm, joints_px, camera);
  out.in_front = t.allFinite() && InFront(joints_mm, t);
  if (!out.in_front) return out;

  double error = SquaredError(joints_mm, joints_px, camera, t);
  for (int i = 0; i < kMaxSteps; ++i) {
    Matrix3d normal = Matrix3d::Zero();
    Vector3d gradient = Vector3d::Zero();
    for (int j = 0; j < kNumJoints; ++j) {
      const Vector3d p = joints_mm.row(j).transpose() + t;
      Eigen::Matrix<double, 2, 3> jacobian;
      jacobian << camera.fx / p.z(), 0, -camera.fx * p.x() / (p.z() * p.z()), 0, camera.fy / p.z(),
          -camera.fy * p.y() / (p.z() * p.z());
      const Eigen::Vector2d r = camera.Project(p) - joints_px.row(j).transpose();
      normal += jacobian.transpose() * jacobian;
      gradient += jacobian.transpose() * r;
    }
    const Vector3d step = -normal.ldlt().solve(gradient);
    if (!step.allFinite() || !InFront(joints_mm, t + step)) break;
    const double next = SquaredError(joints_mm, joints_px, camera, t + step);
    if (next >= error) break;
    error = next;
    t += step;
    if (step.norm() < kSmallStepMm) break;
  }
  out.translation_mm = t;
  out.residual_px = std::sqrt(error / kNumJoints);
  return out;
}

Joints3 MovedTowardsPixels(const Joints3& joints_mm,
                           const Joints2& joints_px,
                           const PinholeCamera& camera,
                           double share) {
  const Placement placement = SolveTranslation(joints_mm, joints_px, camera);
  if (!placement.in_front) return joints_mm;
  Joints3 moved = joints_mm;
  for (int j = 0; j < kNumJoints; ++j) {
    const Vector3d said = joints_mm.row(j).transpose() + placement.translation_mm;
    const Vector3d seen = said.z() * camera.Ray(joints_px.row(j));
    moved.row(j) += share * (seen - said).transpose();
  }
  return moved;
}

}  // namespace handforge
