#include "vae/hand_predictor.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "vae/augment.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr double kConfidenceScaleMm = 20;
constexpr int kQuarterTurns = 4;
constexpr double kPi = 3.14159265358979323846;
// A crop made anew is at most this many times smaller or larger than the one before.
constexpr double kMaxZoom = 2.5;
constexpr double kMinSidePx = 4;

cv::Mat View(const ImageU8& image) {
  return {image.height,
          image.width,
          CV_MAKETYPE(CV_8U, image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

cv::Scalar MeanOfEdge(const cv::Mat& image) {
  return (cv::mean(image.row(0)) + cv::mean(image.row(image.rows - 1)) + cv::mean(image.col(0)) +
          cv::mean(image.col(image.cols - 1))) /
         4;
}

// A square of whole pixels: what is cut out, and where it lies.
struct PixelSquare {
  int x = 0;  // of the first pixel
  int y = 0;
  int side = 1;

  explicit PixelSquare(const CropSquare& square)
      : x(static_cast<int>(std::lround(square.centre_x_px - (square.side_px - 1) / 2))),
        y(static_cast<int>(std::lround(square.centre_y_px - (square.side_px - 1) / 2))),
        side(std::max(1, static_cast<int>(std::lround(square.side_px)))) {}
};

// {px, px, 3}, shrunk by area average or enlarged.
cv::Mat Cut(const cv::Mat& image, const PixelSquare& square, int px) {
  const cv::Rect wanted(square.x, square.y, square.side, square.side);
  const cv::Rect inside = wanted & cv::Rect(0, 0, image.cols, image.rows);
  cv::Mat crop(wanted.size(), image.type(), MeanOfEdge(image));
  if (!inside.empty()) image(inside).copyTo(crop(inside - wanted.tl()));
  cv::Mat resized;
  const int filter = square.side > px ? cv::INTER_AREA : cv::INTER_LINEAR;
  cv::resize(crop, resized, {px, px}, 0, 0, filter);
  return resized;
}

// 0, or the four quarter turns.
std::vector<double> FirstAngles(bool turns) {
  std::vector<double> angles = {0};
  for (int k = 1; turns && k < kQuarterTurns; ++k) angles.push_back(k * kPi / 2);
  return angles;
}

// A picture as often as there are angles.
std::vector<float> Repeated(const std::vector<float>& input, size_t count) {
  std::vector<float> repeated;
  for (size_t i = 0; i < count; ++i) repeated.insert(repeated.end(), input.begin(), input.end());
  return repeated;
}

template <typename Joints>
Joints FromFloats(const float* values) {
  using Floats =
      Eigen::Matrix<float, Joints::RowsAtCompileTime, Joints::ColsAtCompileTime, Eigen::RowMajor>;
  return Eigen::Map<const Floats>(values).template cast<double>();
}

template <typename Joints>
Joints Average(const std::vector<float>& rows, size_t count) {
  Joints mean = Joints::Zero();
  for (size_t i = 0; i < count; ++i) {
    mean += FromFloats<Joints>(rows.data() + i * rows.size() / count) / static_cast<double>(count);
  }
  return mean;
}

void AppendInput(const cv::Mat& image, std::vector<float>* input) {
  for (int y = 0; y < image.rows; ++y) {
    const uint8_t* row = image.ptr(y);
    for (int i = 0; i < 3 * image.cols; ++i) input->push_back(static_cast<float>(row[i]) / 255.0F);
  }
}

void Require(bool has, const char* what) {
  if (!has) {
    throw UsageError(std::string("the model has no ") + what +
                     "; predictions need an encoder of rgb and decoders of 3d and 2d");
  }
}

}  // namespace

CropSquare WholeImage(int width_px, int height_px) {
  return {(width_px - 1) / 2.0,
          (height_px - 1) / 2.0,
          static_cast<double>(std::max(width_px, height_px))};
}

CropSquare AroundBox(const std::array<double, 4>& box_px) {
  return {box_px[0] + (box_px[2] - 1) / 2,
          box_px[1] + (box_px[3] - 1) / 2,
          std::max(box_px[2], box_px[3]) / kCanonicalFill};
}

std::vector<float> EncodeCrop(const HandVae& vae,
                              const ImageU8& rgb,
                              const CropSquare& square,
                              bool mirrored) {
  cv::Mat crop = Cut(View(rgb), PixelSquare(square), vae.info().rgb_px);
  if (mirrored) cv::flip(crop, crop, 1);
  std::vector<float> input;
  AppendInput(crop, &input);
  std::vector<float> mean(static_cast<size_t>(vae.info().latent_dim));
  vae.Encode(Modality::kRgb, input.data(), 1, mean.data(), nullptr);
  return mean;
}

// What the model says of one crop: a right hand; 3D in bone lengths, 2D in the whole image.
struct HandPredictor::Estimate {
  Joints3 joints3 = Joints3::Zero();
  Joints2 joints_px = Joints2::Zero();
  double spread = 0;  // in bone lengths
};

HandPredictor::HandPredictor(const HandVae& vae, const PredictorOptions& options)
    : vae_(vae),
      options_(options),
      bone_mm_(options.bone_mm > 0 ? options.bone_mm : vae.info().bone_mean_mm) {
  const VaeInfo& info = vae.info();
  Require(info.has_encoder[static_cast<size_t>(Modality::kRgb)], "encoder of rgb");
  Require(info.has_decoder[static_cast<size_t>(Modality::kJoints3)], "decoder of 3d");
  Require(info.has_decoder[static_cast<size_t>(Modality::kJoints2)], "decoder of 2d");
  if (options.handedness != "left" && options.handedness != "right" &&
      options.handedness != "auto") {
    throw UsageError("handedness = " + options.handedness + "; expected left, right or auto");
  }
}

HandPredictor::Estimate HandPredictor::Look(const ImageU8& rgb,
                                            CropSquare square,
                                            bool mirrored,
                                            uint64_t index) const {
  const PixelSquare pixels(square);
  cv::Mat crop = Cut(View(rgb), pixels, vae_.info().rgb_px);
  if (mirrored) cv::flip(crop, crop, 1);
  std::vector<float> input;
  AppendInput(crop, &input);

  std::vector<double> angles = FirstAngles(options_.turns);
  const auto look = [&] {
    return LookTurned(vae_, Modality::kRgb, Repeated(input, angles.size()).data(), angles);
  };
  TurnedLooks looks = look();
  Estimate estimate;
  estimate.joints3 = Average<Joints3>(looks.joints3, angles.size());
  if (options_.upright_views > 0) {
    const Eigen::Matrix<float, kNumJoints, 3, Eigen::RowMajor> seen =
        estimate.joints3.cast<float>();
    angles = UprightViews(UprightAngle(seen.data()), options_.upright_views);
    looks = look();
    estimate.joints3 = Average<Joints3>(looks.joints3, angles.size());
  }
  Joints2 joints2 = Average<Joints2>(looks.joints2, angles.size());
  estimate.spread = Spread(looks, angles, estimate.joints3, index);

  // To the pixels of the whole image.
  if (mirrored) joints2.col(0) *= -1;
  const double half = pixels.side / 2.0;
  estimate.joints_px.col(0) = (joints2.col(0).array() + 1) * half - 0.5 + pixels.x;
  estimate.joints_px.col(1) = (joints2.col(1).array() + 1) * half - 0.5 + pixels.y;
  return estimate;
}

// Draws from the posteriors of all looks: RMS distance of the joints they say from the average.
double HandPredictor::Spread(const TurnedLooks& looks,
                             const std::vector<double>& angles_rad,
                             const Joints3& average,
                             uint64_t index) const {
  const size_t dim = static_cast<size_t>(vae_.info().latent_dim);
  std::vector<float> codes;
  for (size_t view = 0; view < angles_rad.size(); ++view) {
    for (int draw = 0; draw < options_.draws; ++draw) {
      Random random(options_.seed,
                    index,
                    static_cast<uint32_t>(view) * static_cast<uint32_t>(options_.draws) +
                        static_cast<uint32_t>(draw),
                    Purpose::kLatent);
      for (size_t d = view * dim; d < (view + 1) * dim; ++d) {
        codes.push_back(looks.mean[d] +
                        std::exp(0.5F * looks.logvar[d]) * static_cast<float>(random.Normal()));
      }
    }
  }
  const int draws = static_cast<int>(angles_rad.size()) * options_.draws;
  DecodedBatch said;
  vae_.Decode(codes.data(), draws, &said, {true, false, false, false});
  double squares = 0;
  for (int i = 0; i < draws; ++i) {
    float* joints = said.joints3.data() + static_cast<ptrdiff_t>(i) * kNumJoints * 3;
    AugmentDraw back;
    back.angle_rad = -angles_rad[static_cast<size_t>(i / options_.draws)];
    MoveJoints3(back, joints);
    squares += (FromFloats<Joints3>(joints) - average).squaredNorm();
  }
  return std::sqrt(squares / (draws * kNumJoints));
}

HandPredictor::Estimate HandPredictor::LookAgain(const ImageU8& rgb,
                                                 CropSquare square,
                                                 bool mirrored,
                                                 uint64_t index) const {
  Estimate estimate = Look(rgb, square, mirrored, index);
  for (int i = 0; i < options_.refinements; ++i) {
    const Eigen::RowVector2d low = estimate.joints_px.colwise().minCoeff();
    const Eigen::RowVector2d high = estimate.joints_px.colwise().maxCoeff();
    const double side = (high - low).maxCoeff() / kCanonicalFill;
    if (!(side > kMinSidePx) || !estimate.joints_px.allFinite()) break;
    const Eigen::RowVector2d centre = (low + high) / 2;
    square = {centre[0],
              centre[1],
              std::clamp(side, square.side_px / kMaxZoom, square.side_px * kMaxZoom)};
    estimate = Look(rgb, square, mirrored, index);
  }
  return estimate;
}

// The side head, averaged over the turns.
bool HandPredictor::SaysLeft(const ImageU8& rgb, const CropSquare& square) const {
  const cv::Mat crop = Cut(View(rgb), PixelSquare(square), vae_.info().rgb_px);
  std::vector<float> input;
  for (int turn = 0; turn < kQuarterTurns; ++turn) {
    cv::Mat turned = crop;
    if (turn > 0) cv::rotate(crop, turned, turn - 1);  // cv::RotateFlags: 90, 180, 270 degrees
    AppendInput(turned, &input);
    if (!options_.turns) break;
  }
  const int turns = options_.turns ? kQuarterTurns : 1;
  std::vector<float> left(static_cast<size_t>(turns));
  vae_.EncodeSide(Modality::kRgb, input.data(), turns, left.data());
  return std::accumulate(left.begin(), left.end(), 0.0F) > 0.5F * static_cast<float>(turns);
}

HandPrediction HandPredictor::Predict(const ImageU8& rgb,
                                      const CropSquare& square,
                                      uint64_t index) const {
  const bool choose = options_.handedness == "auto";
  const bool has_side = vae_.info().has_side;
  bool left = options_.handedness == "left" || (choose && has_side && SaysLeft(rgb, square));
  Estimate estimate = LookAgain(rgb, square, left, index);
  if (choose && !has_side) {
    const Estimate mirrored = LookAgain(rgb, square, true, index);
    left = mirrored.spread < estimate.spread;
    if (left) estimate = mirrored;
  }
  HandPrediction prediction;
  prediction.handedness = left ? Handedness::kLeft : Handedness::kRight;
  Joints3 joints_mm = estimate.joints3 * bone_mm_;
  if (left) joints_mm.col(0) *= -1;
  prediction.joints_in_crop_mm = joints_mm.rowwise() - joints_mm.row(kWrist).eval();
  prediction.joints_px = estimate.joints_px;
  prediction.spread_mm = estimate.spread * bone_mm_;
  prediction.confidence = std::exp(-prediction.spread_mm / kConfidenceScaleMm);
  return prediction;
}

}  // namespace handforge
