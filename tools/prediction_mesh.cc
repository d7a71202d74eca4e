#include "tools/prediction_mesh.h"

#include "io/assets.h"
#include "synth/mesh_portrait.h"
#include "vae/targets.h"

namespace handforge {

struct PredictionMesh::Impl {
  Rig rig;
  double focal_over_size;
  std::vector<std::unique_ptr<MeshPortrait>> portraits;
};

namespace {

Rig LoadHand(const std::string& file) {
  RigSpec spec = RigSpec::Load(FindResource(file));
  spec.forearm = false;  // a prediction says nothing of it
  return LoadRig(spec);
}

}  // namespace

PredictionMesh::PredictionMesh(const std::string& rig_file, double focal_over_size, int workers)
    : impl_(new Impl{LoadHand(rig_file), focal_over_size, {}}) {
  for (int i = 0; i < workers; ++i) {
    impl_->portraits.push_back(std::make_unique<MeshPortrait>(impl_->rig));
  }
}

PredictionMesh::~PredictionMesh() = default;

ImageU8 PredictionMesh::Draw(
    int worker, const HandPrediction& prediction, int width_px, int height_px, int factor) {
  // The rig is a right hand: a left one is drawn in the mirror.
  const bool left = prediction.handedness == Handedness::kLeft;
  Joints3 joints_mm = prediction.joints_in_crop_mm;
  Joints2 joints_px = prediction.joints_px;
  const CropSquare& square = prediction.square;
  double centre_x_px = square.centre_x_px;
  if (left) {
    joints_mm.col(0) *= -1;
    joints_px.col(0) = (width_px - 1) - joints_px.col(0).array();
    centre_x_px = width_px - 1 - centre_x_px;
  }
  const double focal_px = impl_->focal_over_size * square.side_px;
  const PinholeCamera camera{
      width_px, height_px, focal_px, focal_px, centre_x_px, square.centre_y_px};
  joints_px = ((joints_px.array() + 0.5) * factor - 0.5).matrix().eval();
  ImageU8 picture = impl_->portraits[static_cast<size_t>(worker)]->Draw(
      joints_mm, joints_px, camera.Resized(factor * width_px, factor * height_px));
  if (left) MirrorImage(&picture);
  return picture;
}

}  // namespace handforge
