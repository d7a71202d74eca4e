#include "vae/augment.h"

#include "io/core/random.h"
#include "io/core/skeleton.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Geometry>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr float kLuma[3] = {0.299F, 0.587F, 0.114F};  // ITU-R BT.601

// What a draw does to places in the crop, but for its shift.
Eigen::Matrix2d InCrop(const AugmentDraw& draw, double scale) {
  const Eigen::Matrix2d axis = Eigen::Rotation2Dd(draw.stretch_axis_rad).toRotationMatrix();
  const Eigen::Vector2d by(draw.stretch, 1 / draw.stretch);
  return scale * axis * by.asDiagonal() * axis.transpose() * Eigen::Rotation2Dd(draw.angle_rad);
}

// Moves (x, y) pairs that lie `stride` floats apart.
void MoveXY(const Eigen::Matrix2d& map,
            const std::array<double, 2>& shift,
            int stride,
            float* joints) {
  for (int j = 0; j < kNumJoints; ++j) {
    float* point = joints + static_cast<ptrdiff_t>(j) * stride;
    const Eigen::Vector2d moved = map * Eigen::Vector2d(point[0], point[1]);
    point[0] = static_cast<float>(moved.x() + shift[0]);
    point[1] = static_cast<float>(moved.y() + shift[1]);
  }
}

// Pixel of the source for a pixel of the moved image: the inverse move about the centre.
cv::Matx23d SourceFromMoved(const AugmentDraw& draw, int px) {
  const Eigen::Matrix2d back = InCrop(draw, draw.scale).inverse();
  const Eigen::Vector2d middle = Eigen::Vector2d::Constant((px - 1) / 2.0);
  const Eigen::Vector2d moved_middle =
      middle + Eigen::Vector2d(draw.shift[0], draw.shift[1]) * px / 2;
  const Eigen::Vector2d origin = middle - back * moved_middle;
  return {back(0, 0), back(0, 1), origin.x(), back(1, 0), back(1, 1), origin.y()};
}

bool Moves(const AugmentDraw& draw) {
  return draw.angle_rad != 0 || draw.scale != 1 || draw.shift[0] != 0 || draw.shift[1] != 0 ||
         draw.stretch != 1;
}

}  // namespace

void AugmentOptions::Visit(Fields& fields) {
  fields.Field("rotate", rotate, "turn samples about the optical axis");
  fields.Field("image_tilt_deg",
               image_tilt_deg,
               0,
               45,
               "images turn by a quarter turn plus at most this many degrees");
  fields.Field("upright", upright, 0, 1, "share of images turned upright, not by any angle");
  fields.Field("upright_tilt_deg",
               upright_tilt_deg,
               0,
               180,
               "upright images stand so give or take this many degrees");
  fields.Field("brightness", brightness, 0, 0.9, "largest relative change of brightness");
  fields.Field("colour", colour, 0, 0.9, "largest relative change of one colour");
  fields.Field("zoom", zoom, 0, 0.5, "largest relative change of an image's size");
  fields.Field("shift", shift, 0, 0.5, "largest shift of an image, half crops");
  fields.Field("stretch", stretch, 0, 0.5, "largest stretch of pictures of hands along an axis");
  fields.Field("grey", grey, 0, 1, "share of images made grey");
  fields.Field("background", background, 0, 1, "share of inputs with another background");
  fields.Field("occluder", occluder, 0, 1, "share of inputs that something lies across");
  fields.Field("convolve", convolve, 0, 1, "share of inputs in another style: random convolutions");
  fields.Field("shade", shade, 0, 1, "share of inputs under uneven light");
  fields.Field("texture", texture, 0, 1, "share of inputs with a fine pattern");
  fields.Field("blur", blur, 0, 1, "share of inputs blurred");
  fields.Field("sharpen", sharpen, 0, 1, "share of inputs sharpened, as cameras do");
  fields.Field("noise", noise, 0, 1, "share of inputs with sensor noise");
  fields.Field("jpeg", jpeg, 0, 1, "share of inputs compressed");
  fields.Field("contrast", contrast, 0, 0.9, "largest relative change of contrast and gamma");
}

AugmentDraw DrawAugment(
    const AugmentOptions& options, uint64_t seed, int64_t step, int row, bool with_image) {
  Random random(
      seed, static_cast<uint64_t>(step), static_cast<uint32_t>(row), Purpose::kTrainAugment);
  AugmentDraw draw;
  const double quarter_turns = static_cast<double>(random.Integer(4));
  const double tilt_deg = with_image ? options.image_tilt_deg : 45;
  const double tilt = random.Uniform(-tilt_deg, tilt_deg) * kPi / 180;
  if (options.rotate) draw.angle_rad = quarter_turns * kPi / 2 + tilt;
  const double brightness = random.Uniform(-options.brightness, options.brightness);
  for (float& gain : draw.gain) {
    const double colour = random.Uniform(-options.colour, options.colour);
    if (with_image) gain = static_cast<float>((1 + brightness) * (1 + colour));
  }
  if (!with_image) return draw;
  draw.scale = 1 + random.Uniform(-options.zoom, options.zoom);
  for (double& shift : draw.shift) shift = random.Uniform(-options.shift, options.shift);
  draw.grey = random.Chance(options.grey);
  draw.upright = options.rotate && random.Chance(options.upright);
  const double upright_tilt = options.upright_tilt_deg * kPi / 180;
  draw.tilt_rad = random.Uniform(-upright_tilt, upright_tilt);
  draw.stretch_axis_rad = random.Uniform(0, kPi);
  draw.stretch = std::exp(random.Uniform(-1, 1) * std::log1p(options.stretch));
  return draw;
}

double UprightAngle(const float* joints3) {
  const float* wrist = joints3 + 3 * kWrist;
  const float* knuckle = joints3 + 3 * kMiddleMcp;
  return -kPi / 2 - std::atan2(knuckle[1] - wrist[1], knuckle[0] - wrist[0]);
}

void SetUpright(const float* joints3, AugmentDraw* draw) {
  if (draw->upright) draw->angle_rad = UprightAngle(joints3) + draw->tilt_rad;
}

void SetCanonicalFraming(const float* joints2, AugmentDraw* draw) {
  std::array<float, kNumJoints * 2> turned;
  std::copy_n(joints2, turned.size(), turned.begin());
  MoveXY(InCrop(*draw, 1), {0, 0}, 2, turned.data());
  double low[2] = {turned[0], turned[1]};
  double high[2] = {turned[0], turned[1]};
  for (size_t i = 0; i < turned.size(); ++i) {
    low[i % 2] = std::min<double>(low[i % 2], turned[i]);
    high[i % 2] = std::max<double>(high[i % 2], turned[i]);
  }
  const double extent = std::max(high[0] - low[0], high[1] - low[1]);
  if (!(extent > 0)) return;
  draw->scale = 2 * kCanonicalFill / extent;
  for (size_t c = 0; c < 2; ++c) draw->shift[c] = -draw->scale * (low[c] + high[c]) / 2;
}

void MoveJoints3(const AugmentDraw& draw, float* joints) {
  Eigen::Map<Eigen::Matrix<float, 3, kNumJoints>> points(joints);
  const auto bone = [&points] { return ReferenceBoneLength(points.transpose().cast<double>()); };
  const double bone_before = draw.stretch == 1 ? 1 : bone();
  MoveXY(InCrop(draw, 1), {0, 0}, 3, joints);
  if (draw.stretch != 1) points *= static_cast<float>(bone_before / std::max(1e-6, bone()));
  if (draw.focal <= 0 || (draw.shift[0] == 0 && draw.shift[1] == 0)) return;
  const double reach = draw.focal * draw.scale;
  const Eigen::Vector3d to_centre(-draw.shift[0] / reach, -draw.shift[1] / reach, 1);
  const Eigen::Matrix3f turn =
      Eigen::Quaterniond::FromTwoVectors(to_centre, Eigen::Vector3d::UnitZ())
          .toRotationMatrix()
          .cast<float>();
  points = turn * points.eval();
}

void MoveJoints2(const AugmentDraw& draw, float* joints) {
  MoveXY(InCrop(draw, draw.scale), draw.shift, 2, joints);
}

void AugmentImage(
    const AugmentDraw& draw, const uint8_t* rgb, const uint8_t* alpha, int px, float* planes) {
  const size_t count = static_cast<size_t>(px) * px;

  // Colours, alpha and validity as one interleaved image, so that one warp moves all.
  cv::Mat image(px, px, CV_8UC4);
  for (size_t i = 0; i < count; ++i) {
    uint8_t* pixel = image.data + 4 * i;
    std::copy_n(rgb + 3 * i, 3, pixel);
    pixel[3] = alpha[i];
  }
  cv::Mat moved = image;
  cv::Mat inside(px, px, CV_8U, cv::Scalar(255));
  if (Moves(draw)) {
    const cv::Matx23d map = SourceFromMoved(draw, px);
    const int flags = cv::INTER_LINEAR | cv::WARP_INVERSE_MAP;
    cv::warpAffine(image, moved, map, image.size(), flags, cv::BORDER_REFLECT_101);
    const cv::Mat full = inside.clone();
    cv::warpAffine(full, inside, map, image.size(), flags, cv::BORDER_CONSTANT);
  }

  // Planes of floats, tinted.
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* pixel = moved.data + 4 * i;
    const float grey = kLuma[0] * pixel[0] + kLuma[1] * pixel[1] + kLuma[2] * pixel[2];
    const bool reached = inside.data[i] == 255;
    for (size_t c = 0; c < 3; ++c) {
      const float colour = draw.grey ? grey : static_cast<float>(pixel[c]);
      planes[c * count + i] = std::min(1.0F, draw.gain[c] * colour / 255.0F);
    }
    planes[3 * count + i] = reached ? static_cast<float>(pixel[3]) / 255.0F : 0.0F;
    planes[4 * count + i] = reached ? 1.0F : 0.0F;
  }
}

void AugmentDepth(const AugmentDraw& draw, const float* depth, int px, float* planes) {
  const cv::Mat source(px, px, CV_32F, const_cast<float*>(depth));
  cv::Mat moved(px, px, CV_32F, planes);
  cv::Mat reached(px, px, CV_32F, planes + static_cast<ptrdiff_t>(px) * px);
  reached = cv::Scalar(1);
  if (!Moves(draw)) {
    source.copyTo(moved);
    return;
  }
  // Nearest pixels: between hand and background lies nothing.
  const cv::Matx23d map = SourceFromMoved(draw, px);
  const int flags = cv::INTER_NEAREST | cv::WARP_INVERSE_MAP;
  cv::warpAffine(source, moved, map, moved.size(), flags, cv::BORDER_CONSTANT, cv::Scalar(1));
  const cv::Mat full(px, px, CV_32F, cv::Scalar(1));
  cv::warpAffine(full, reached, map, moved.size(), flags, cv::BORDER_CONSTANT, cv::Scalar(0));
}

void MirrorPlanes(int count, int px, float* planes) {
  for (int row = 0; row < count * px; ++row) {
    float* begin = planes + static_cast<ptrdiff_t>(row) * px;
    std::reverse(begin, begin + px);
  }
}

}  // namespace handforge
