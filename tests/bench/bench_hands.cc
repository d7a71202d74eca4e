#include "tests/bench/bench_hands.h"

namespace handforge {

const std::vector<RigPose>& Poses() {
  static const auto poses = [] {
    std::vector<RigPose> p;
    for (int i = 0; i < kHands; ++i) p.push_back(ToRigPose(DrawHand(1, i).poses_in_cam));
    return p;
  }();
  return poses;
}

PinholeCamera CameraOn(const RigPose& pose) {
  const Joints3 joints = JointsOf(TestRig(), ToBonePoses(pose));
  const double z = joints.col(2).mean();
  PinholeCamera camera = PinholeCamera::Centred(256, 256 * z / 280);
  camera.cx -= camera.fx * joints.col(0).mean() / z;
  camera.cy -= camera.fy * joints.col(1).mean() / z;
  return camera;
}

const std::vector<std::vector<Eigen::Vector3f>>& Surfaces() {
  static const auto surfaces = [] {
    std::vector<std::vector<Eigen::Vector3f>> s(kHands);
    for (int i = 0; i < kHands; ++i) PoseSurface(TestRig(), ToBonePoses(Poses()[i]), &s[i]);
    return s;
  }();
  return surfaces;
}

}  // namespace handforge
