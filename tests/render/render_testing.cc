#include "tests/render/render_testing.h"

#include <Eigen/Geometry>

namespace handforge {

std::filesystem::path SourcePath(const std::string& relative) {
  return std::filesystem::path(HANDFORGE_SOURCE_DIR) / relative;
}

const Rig& TestRig() {
  static const Rig rig = LoadRig(RigSpec::Load(SourcePath("configs/rigs/generic-hand.yaml")));
  return rig;
}

const std::vector<Gesture>& TestGestures() {
  static const auto gestures = LoadGestures(SourcePath("configs/poses/gestures.yaml"));
  return gestures;
}

Eigen::Matrix3d RandomRotation(Random& random) {
  Eigen::Quaterniond q(random.Normal(), random.Normal(), random.Normal(), random.Normal());
  return q.normalized().toRotationMatrix();
}

RandomHand DrawHand(uint64_t seed, uint64_t index) {
  Random shape_random(seed, index, 0, Purpose::kShape);
  Random pose_random(seed, index, 0, Purpose::kPose);
  Random camera_random(seed, index, 0, Purpose::kCamera);
  RandomHand hand;
  hand.shape = SampleShape(TestRig(), ShapeOptions(), shape_random);
  hand.angles_deg = SamplePose(TestGestures(), PosePriorOptions(), pose_random).angles_deg;
  Rigid3 cam_from_hand;
  cam_from_hand.rotation = RandomRotation(camera_random);
  cam_from_hand.translation = {camera_random.Uniform(-50, 50),
                               camera_random.Uniform(-50, 50),
                               camera_random.Uniform(350, 800)};
  hand.poses_in_cam =
      ForwardKinematics(TestRig(), hand.shape, hand.angles_deg).Moved(cam_from_hand);
  return hand;
}

}  // namespace handforge
