#include "tests/vae/toy_hands.h"

#include "io/core/random.h"
#include "io/dataset.h"
#include "io/files.h"

#include <cmath>

#include <Eigen/Geometry>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr double kDistanceMm = 450;
constexpr double kFocalOverSize = 2;

// Joints of a right hand, palm in the x-y plane, fingers along -y, palm side towards +z.
Joints3 HandInRest(Random& random) {
  const double breadth_mm[kNumFingers] = {35, 25, 5, -15, -32};
  const double reach_mm[kNumFingers] = {30, 85, 88, 82, 74};
  const double bones_mm[kNumFingers][3] = {
      {42, 32, 25}, {44, 26, 22}, {48, 30, 23}, {45, 28, 23}, {35, 20, 20}};
  const double size = random.Uniform(0.9, 1.1);
  Joints3 joints = Joints3::Zero();
  for (int finger = 0; finger < kNumFingers; ++finger) {
    const double flexion = random.Uniform(0, 1.4);
    const double spread = finger == kThumb ? 0.7 : 0.0;
    Eigen::RowVector3d at(-breadth_mm[finger], -reach_mm[finger], 0);
    joints.row(FingerJoint(finger, 0)) = at;
    double angle = 0;
    for (int level = 1; level < 4; ++level) {
      angle += flexion * 0.7;
      const Eigen::RowVector3d along(-std::sin(spread) * std::cos(angle),
                                     -std::cos(spread) * std::cos(angle),
                                     std::sin(angle));
      at += bones_mm[finger][level - 1] * along;
      joints.row(FingerJoint(finger, level)) = at;
    }
  }
  return joints * size;
}

void DrawHand(const Tuple& tuple, int px, const cv::Scalar& colour, int scale, cv::Mat* image) {
  for (const auto& edge : Edges()) {
    cv::Point ends[2];
    for (int i = 0; i < 2; ++i) {
      const auto joint = tuple.joints_px.row(edge[i]);
      ends[i] = {static_cast<int>(RescalePixel(joint[0], tuple.camera.width_px, px) * 16),
                 static_cast<int>(RescalePixel(joint[1], tuple.camera.height_px, px) * 16)};
    }
    cv::line(*image, ends[0], ends[1], colour, std::max(1, px / scale), cv::LINE_8, 4);
  }
}

void DrawImages(const ToyOptions& options, Random& random, Tuple* tuple) {
  tuple->rgb = ImageU8(options.rgb_px, options.rgb_px, 3);
  cv::Mat rgb(options.rgb_px, options.rgb_px, CV_8UC3, tuple->rgb.pixels.data());
  rgb = cv::Scalar(random.Uniform(0, 90), random.Uniform(0, 90), random.Uniform(0, 90));
  const double light = random.Uniform(0.8, 1.1);
  DrawHand(*tuple, options.rgb_px, cv::Scalar(210 * light, 160 * light, 130 * light), 14, &rgb);
  tuple->mask = ImageU8(options.image_px, options.image_px);
  cv::Mat mask(options.image_px, options.image_px, CV_8U, tuple->mask.pixels.data());
  DrawHand(*tuple, options.image_px, cv::Scalar(kPartPalm), 14, &mask);
  tuple->depth = ImageU16(options.image_px, options.image_px);
  cv::Mat depth(options.image_px, options.image_px, CV_16U, tuple->depth.pixels.data());
  DrawHand(*tuple, options.image_px, cv::Scalar(kDistanceMm / kDepthUnitMm), 14, &depth);
}

// The mirror image in x of the whole tuple.
void MakeLeft(Tuple* tuple) {
  tuple->handedness = Handedness::kLeft;
  tuple->joints_in_cam.col(0) *= -1;
  tuple->joints_px.col(0) = (tuple->camera.width_px - 1) - tuple->joints_px.col(0).array();
  const auto flip = [](ImageU8* image) {
    cv::Mat pixels(
        image->height, image->width, CV_MAKETYPE(CV_8U, image->channels), image->pixels.data());
    cv::flip(pixels, pixels, 1);
  };
  flip(&tuple->rgb);
  flip(&tuple->mask);
  cv::Mat depth(tuple->depth.height, tuple->depth.width, CV_16U, tuple->depth.pixels.data());
  cv::flip(depth, depth, 1);
}

}  // namespace

Tuple ToyTuple(const ToyOptions& options, uint64_t index) {
  Random random(options.seed, index, 0, Purpose::kTest);
  Tuple tuple;
  tuple.seed = options.seed;
  tuple.index = index;
  tuple.camera = PinholeCamera::Centred(options.image_px, kFocalOverSize * options.image_px);
  const Joints3 rest = HandInRest(random);
  const auto turn = Eigen::AngleAxisd(random.Uniform(-3.2, 3.2), Eigen::Vector3d::UnitZ()) *
                    Eigen::AngleAxisd(random.Uniform(-options.max_tilt_rad, options.max_tilt_rad),
                                      Eigen::Vector3d::UnitX()) *
                    Eigen::AngleAxisd(random.Uniform(-options.max_tilt_rad, options.max_tilt_rad),
                                      Eigen::Vector3d::UnitY());
  Rigid3 cam_from_hand;
  cam_from_hand.rotation = turn.toRotationMatrix();
  const Eigen::Vector3d centre = rest.row(kMiddleMcp).transpose();
  cam_from_hand.translation = Eigen::Vector3d(0, 0, kDistanceMm) - cam_from_hand.rotation * centre;
  tuple.joints_in_cam = cam_from_hand.Apply(rest);
  tuple.joints_px = tuple.camera.Project(tuple.joints_in_cam);
  tuple.visible.fill(kVisible);
  DrawImages(options, random, &tuple);
  if (index % 2 == 1) MakeLeft(&tuple);
  tuple.present = kHasRgb | kHasDepth | kHasMask | kHasJoints3 | kHasJoints2;
  return tuple;
}

void WriteToyDataset(const ToyOptions& options, int count, const std::filesystem::path& folder) {
  Manifest manifest;
  manifest.generator = "toy";
  manifest.command = "render";
  manifest.seed = options.seed;
  manifest.count = static_cast<uint64_t>(count);
  manifest.layout.image_px = options.image_px;
  manifest.layout.rgb_px = options.rgb_px;
  manifest.config_sha256 = Sha256("", 0);
  EnsureWritableFolder(folder);
  ShardWriter writer(folder, 0, manifest.count, manifest.layout, ShardMetadata());
  for (int i = 0; i < count; ++i) {
    Tuple tuple = ToyTuple(options, static_cast<uint64_t>(i));
    tuple.present &= options.present;
    tuple.split = i < count - count / 4 ? Split::kTrain : Split::kValidation;
    writer.Append(EncodeTuple(tuple, manifest.layout, 1));
  }
  manifest.shards = {writer.Publish()};
  PublishText(ManifestPath(folder), manifest.ToJson());
}

}  // namespace handforge
