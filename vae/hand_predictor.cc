#include "vae/hand_predictor.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "vae/augment.h"
#include "vae/hand_pairs.h"
#include "vae/targets.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
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
// Sides of the crops looked at, over and under that of the middle one: well within what training
// varies (`augment.zoom`).
constexpr double kCropReach = 1.18;
// A crop is framed as training crops are where another would be at most this many times smaller or
// larger, and moved by less than this share of its side.
constexpr double kFramedZoom = 1.35, kFramedShift = 0.12;
// Between the two looks that say better which way is up, and the first guess.
constexpr double kSecondLookRad = kUprightReachRad / 2;
constexpr double kLeastBone = 1e-3;  // of a decoded hand, so that its size can be divided by it

cv::Mat View(const ImageU8& image) {
  if (image.channels != 3 || image.pixels.empty()) {
    throw DataError("a picture is {H, W, 3}, not {" + std::to_string(image.height) + ", " +
                    std::to_string(image.width) + ", " + std::to_string(image.channels) + "}");
  }
  return {image.height,
          image.width,
          CV_MAKETYPE(CV_8U, image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

cv::Mat DepthInMm(const ImageU16& depth, double unit_mm) {
  const cv::Mat steps(
      depth.height, depth.width, CV_16U, const_cast<uint16_t*>(depth.pixels.data()));
  cv::Mat depth_mm;
  steps.convertTo(depth_mm, CV_32F, unit_mm);
  return depth_mm;
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
  // About `size` times as large, about the same centre: as many pixels more on every side.
  PixelSquare Resized(double size) const {
    const int more = static_cast<int>(std::lround((size - 1) * side / 2));
    PixelSquare resized = *this;
    resized.x -= more;
    resized.y -= more;
    resized.side += 2 * more;
    return resized;
  }
};

// Depth at the pixels nearest to the middles of the model's, as training data are thinned.
cv::Mat Thinned(const cv::Mat& depth_mm, int px) {
  cv::Mat thinned(px, px, CV_32F);
  for (int y = 0; y < px; ++y) {
    for (int x = 0; x < px; ++x) {
      thinned.at<float>(y, x) = depth_mm.at<float>((2 * y + 1) * depth_mm.rows / (2 * px),
                                                   (2 * x + 1) * depth_mm.cols / (2 * px));
    }
  }
  return thinned;
}

// Where the image ends it is mirrored, as training pictures are; beyond the end of depth nothing is
// measured.
cv::Mat CutOut(const cv::Mat& image, const PixelSquare& square) {
  const cv::Rect wanted(square.x, square.y, square.side, square.side);
  const cv::Rect inside = wanted & cv::Rect(0, 0, image.cols, image.rows);
  const bool depth = image.channels() == 1;
  if (inside.empty())
    return {wanted.size(), image.type(), depth ? cv::Scalar(0) : MeanOfEdge(image)};
  cv::Mat crop;
  cv::copyMakeBorder(image(inside),
                     crop,
                     inside.y - wanted.y,
                     wanted.br().y - inside.br().y,
                     inside.x - wanted.x,
                     wanted.br().x - inside.br().x,
                     depth ? cv::BORDER_CONSTANT : cv::BORDER_REFLECT_101);
  return crop;
}

// {px, px}: colours are averaged down; of depth the nearest pixel is taken, or edges would float
// between hand and background.
cv::Mat Cut(const cv::Mat& image, const PixelSquare& square, int px) {
  const cv::Mat crop = CutOut(image, square);
  if (crop.channels() == 1) return Thinned(crop, px);
  cv::Mat resized;
  cv::resize(crop, resized, {px, px}, 0, 0, square.side > px ? cv::INTER_AREA : cv::INTER_LINEAR);
  return resized;
}

// 0, or the four quarter turns.
std::vector<double> FirstAngles(bool turns) {
  std::vector<double> angles = {0};
  for (int k = 1; turns && k < kQuarterTurns; ++k) angles.push_back(k * kPi / 2);
  return angles;
}

// Relative sides of the crops that are looked at.
std::vector<double> CropSizes(int count) {
  std::vector<double> sizes;
  for (int i = 0; i < count; ++i) {
    const double along = count == 1 ? 0 : 2.0 * i / (count - 1) - 1;
    sizes.push_back(std::pow(kCropReach, along));
  }
  return sizes;
}

template <typename Joints>
Joints FromFloats(const float* values) {
  using Floats =
      Eigen::Matrix<float, Joints::RowsAtCompileTime, Joints::ColsAtCompileTime, Eigen::RowMajor>;
  return Eigen::Map<const Floats>(values).template cast<double>();
}

Joints3 Average(const std::vector<float>& looks) {
  constexpr size_t kSize = static_cast<size_t>(kNumJoints) * 3;
  const size_t count = looks.size() / kSize;
  Joints3 mean = Joints3::Zero();
  for (size_t i = 0; i < count; ++i) {
    mean += FromFloats<Joints3>(looks.data() + i * kSize) / static_cast<double>(count);
  }
  return mean;
}

double RmsOf(const std::array<double, kNumJoints>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / kNumJoints);
}

// Mean distance of the joints of each look {looks, 21, 3} from their average.
double Disagreement(const std::vector<float>& looks, const Joints3& average) {
  const size_t size = static_cast<size_t>(kNumJoints) * 3, count = looks.size() / size;
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += (FromFloats<Joints3>(looks.data() + i * size) - average).rowwise().norm().mean();
  }
  return sum / static_cast<double>(count);
}

void AppendInput(const cv::Mat& image, std::vector<float>* input) {
  if (image.channels() == 1) {
    const size_t begin = input->size();
    input->resize(begin + image.total());
    NormaliseDepth(image.ptr<float>(), static_cast<int>(image.total()), input->data() + begin);
    return;
  }
  for (int y = 0; y < image.rows; ++y) {
    const uint8_t* row = image.ptr(y);
    for (int i = 0; i < 3 * image.cols; ++i) input->push_back(static_cast<float>(row[i]) / 255.0F);
  }
}

void Require(bool has, const char* what) {
  if (!has) {
    throw UsageError(std::string("the model has no ") + what +
                     "; predictions need an encoder of rgb or depth and a decoder of 3d");
  }
}

}  // namespace

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

// What is looked at: colours, or depth as CV_32F in mm.
struct HandPredictor::Picture {
  cv::Mat pixels;
  Modality modality = Modality::kRgb;
};

// What an encoder is shown, view by view, and where in the picture each view lies.
struct HandPredictor::Views {
  std::vector<float> input;
  std::vector<double> angles_rad;
  std::vector<PixelSquare> squares;
};

// What the model says of one crop: 3D of a right hand where left ones are mirrored, in units of
// VaeInfo::UnitMm; 2D in the whole image.
struct HandPredictor::Estimate {
  CropSquare square;
  Joints3 joints3 = Joints3::Zero();
  Joints2 joints_px = Joints2::Zero();
  std::array<double, kNumJoints> spreads{};  // RMS of each joint, in the same units
  double disagreement = 0;  // mean distance of the joints of single looks from their mean
  // That the picture shows a left hand, by the side head; 0 where it was not asked.
  double left_log_odds = 0;
};

// Of one square, taken for a right hand, for a left one, or both where the side is not said.
struct HandPredictor::Reading {
  std::optional<Estimate> as_right;
  std::optional<Estimate> as_left;
  std::optional<SideEvidence> evidence;  // of models with a side head, where it is not said

  bool IsLeft() const {
    if (!as_right || !as_left) return as_left.has_value();
    if (evidence) return evidence->LeftLogOdds() > 0;
    return RmsOf(as_left->spreads) < RmsOf(as_right->spreads);
  }
};

HandPredictor::HandPredictor(const HandVae& vae, const PredictorOptions& options)
    : vae_(vae), options_(options) {
  const VaeInfo& info = vae.info();
  Require(Sees(Modality::kRgb) || Sees(Modality::kDepth), "encoder of rgb or depth");
  Require(info.has_decoder[static_cast<size_t>(Modality::kJoints3)], "decoder of 3d");
  if (options.handedness != "left" && options.handedness != "right" &&
      options.handedness != "auto") {
    throw UsageError("handedness = " + options.handedness + "; expected left, right or auto");
  }
  const auto require_least = [](const char* name, double value, double least) {
    if (value >= least) return;
    std::ostringstream text;
    text << name << " = " << value << "; expected at least " << least;
    throw UsageError(text.str());
  };
  require_least("bone_mm", options.bone_mm, 0);
  require_least("upright_views", options.upright_views, 0);
  require_least("crop_sizes", options.crop_sizes, 1);
  require_least("refinements", options.refinements, 0);
  require_least("draws", options.draws, 1);
  if (!(options.opposite_pairs >= 0 && options.opposite_pairs <= 1)) {
    throw UsageError("opposite_pairs = " + std::to_string(options.opposite_pairs) +
                     "; expected a probability, 0 to 1");
  }
  if (options.handedness == "auto" && !info.model.MirrorsLeftHands() && !info.model.TellsSide()) {
    throw UsageError(
        "handedness = auto: the model takes left and right hands alike (model.side_input = 2) and "
        "cannot tell them; say left or right");
  }
  if (options.posture_prior && options.handedness == "auto") posture_.emplace();
}

bool HandPredictor::Sees(Modality modality) const {
  return vae_.info().has_encoder[static_cast<size_t>(modality)];
}

// The crop turned by each of the angles, and so crops `sizes` times as large.
HandPredictor::Views HandPredictor::Show(const Picture& picture,
                                         const CropSquare& square,
                                         const std::vector<double>& sizes,
                                         const std::vector<double>& angles_rad,
                                         bool mirrored) const {
  Views views;
  for (const double size : sizes) {
    const PixelSquare pixels = PixelSquare(square).Resized(size);
    cv::Mat crop = Cut(picture.pixels, pixels, vae_.info().rgb_px);
    if (mirrored) cv::flip(crop, crop, 1);
    for (const double angle_rad : angles_rad) {
      AppendInput(crop, &views.input);
      views.angles_rad.push_back(angle_rad);
      views.squares.push_back(pixels);
    }
  }
  return views;
}

// Average of what the looks say of 2D, in pixels of the whole image.
Joints2 HandPredictor::InImage(const TurnedLooks& looks, const Views& views, bool mirrored) {
  if (looks.joints2.empty()) return Joints2::Constant(std::numeric_limits<double>::quiet_NaN());
  Joints2 mean = Joints2::Zero();
  for (size_t i = 0; i < views.squares.size(); ++i) {
    Joints2 said =
        FromFloats<Joints2>(looks.joints2.data() + i * static_cast<size_t>(kNumJoints) * 2);
    if (mirrored) said.col(0) *= -1;
    const PixelSquare& square = views.squares[i];
    said = (said.array() + 1) * (square.side / 2.0) - 0.5;
    said.rowwise() += Eigen::RowVector2d(square.x, square.y);
    mean += said / static_cast<double>(views.squares.size());
  }
  return mean;
}

HandPredictor::Estimate HandPredictor::Look(const Picture& picture,
                                            const CropSquare& square,
                                            bool left) const {
  const bool mirrored = left && vae_.info().model.MirrorsLeftHands();
  Views views;
  TurnedLooks looks;
  const auto look = [&](const std::vector<double>& sizes, const std::vector<double>& angles_rad) {
    views = Show(picture, square, sizes, angles_rad, mirrored);
    const std::vector<uint8_t> sides(views.squares.size(), static_cast<uint8_t>(left ? 0 : 1));
    looks = LookTurned(vae_, picture.modality, views.input.data(), views.angles_rad, sides.data());
  };
  const std::vector<double> sizes = CropSizes(options_.crop_sizes);
  const bool again = options_.upright_views > 0;
  look(again ? std::vector<double>{1} : sizes, FirstAngles(options_.turns));
  const auto upright_rad = [&looks] {
    const Eigen::Matrix<float, kNumJoints, 3, Eigen::RowMajor> seen =
        Average(looks.joints3).cast<float>();
    return UprightAngle(seen.data());
  };
  if (again) {
    // Hands are read best upright, and so is which way that is.
    const double nearly_rad = upright_rad();
    look({1}, {nearly_rad - kSecondLookRad, nearly_rad + kSecondLookRad});
    look(sizes, UprightViews(upright_rad(), options_.upright_views));
  }
  Estimate estimate;
  estimate.square = square;
  estimate.joints3 = Average(looks.joints3);
  estimate.joints_px = InImage(looks, views, mirrored);
  estimate.spreads = Spread(looks, views.angles_rad, estimate.joints3);
  estimate.disagreement = Disagreement(looks.joints3, estimate.joints3);
  if (options_.handedness == "auto" && vae_.info().has_side) {
    estimate.left_log_odds =
        LeftLogOddsTurned(vae_, picture.modality, views.input.data(), views.angles_rad);
    if (mirrored) estimate.left_log_odds *= -1;
  }
  return estimate;
}

// Draws from the posteriors of all looks: RMS distance of the joints they say from the average.
std::array<double, kNumJoints> HandPredictor::Spread(const TurnedLooks& looks,
                                                     const std::vector<double>& angles_rad,
                                                     const Joints3& average) const {
  const size_t dim = static_cast<size_t>(vae_.info().latent_dim);
  std::vector<float> codes;
  for (size_t view = 0; view < angles_rad.size(); ++view) {
    for (int draw = 0; draw < options_.draws; ++draw) {
      Random random(options_.seed, view, static_cast<uint32_t>(draw), Purpose::kLatent);
      for (size_t d = view * dim; d < (view + 1) * dim; ++d) {
        codes.push_back(looks.mean[d] +
                        std::exp(0.5F * looks.logvar[d]) * static_cast<float>(random.Normal()));
      }
    }
  }
  const int draws = static_cast<int>(angles_rad.size()) * options_.draws;
  DecodedBatch said;
  vae_.Decode(codes.data(), draws, &said, {true, false, false, false});
  Eigen::Array<double, kNumJoints, 1> squares = Eigen::Array<double, kNumJoints, 1>::Zero();
  for (int i = 0; i < draws; ++i) {
    float* joints = said.joints3.data() + static_cast<ptrdiff_t>(i) * kNumJoints * 3;
    AugmentDraw back;
    back.angle_rad = -angles_rad[static_cast<size_t>(i / options_.draws)];
    MoveJoints3(back, joints);
    squares += (FromFloats<Joints3>(joints) - average).rowwise().squaredNorm().array();
  }
  std::array<double, kNumJoints> spreads{};
  for (int j = 0; j < kNumJoints; ++j) spreads[j] = std::sqrt(squares[j] / draws);
  return spreads;
}

HandPredictor::Estimate HandPredictor::LookAgain(const Picture& picture,
                                                 CropSquare square,
                                                 bool left) const {
  Estimate estimate = Look(picture, square, left);
  for (int i = 0; i < options_.refinements && estimate.joints_px.allFinite(); ++i) {
    const Eigen::RowVector2d low = estimate.joints_px.colwise().minCoeff();
    const Eigen::RowVector2d high = estimate.joints_px.colwise().maxCoeff();
    const double side = (high - low).maxCoeff() / kCanonicalFill;
    if (!(side > kMinSidePx)) break;
    const Eigen::RowVector2d centre = (low + high) / 2;
    const double moved =
        (centre - Eigen::RowVector2d(square.centre_x_px, square.centre_y_px)).norm();
    if (side < kFramedZoom * square.side_px && kFramedZoom * side > square.side_px &&
        moved < kFramedShift * square.side_px) {
      break;
    }
    square = {centre[0],
              centre[1],
              std::clamp(side, square.side_px / kMaxZoom, square.side_px * kMaxZoom)};
    estimate = Look(picture, square, left);
  }
  return estimate;
}

SideEvidence HandPredictor::CompareSides(const Picture& picture,
                                         const Estimate& as_right,
                                         const Estimate& as_left) const {
  constexpr double kTiny = 1e-6;
  SideEvidence evidence;
  evidence.head = (as_right.left_log_odds + as_left.left_log_odds) / 2;
  evidence.agreement = std::log((as_right.disagreement + kTiny) / (as_left.disagreement + kTiny));
  if (posture_ && picture.modality == Modality::kRgb) {
    Joints3 left_mirrored = as_left.joints3;
    if (!vae_.info().model.MirrorsLeftHands()) left_mirrored.col(0) *= -1;
    evidence.posture = posture_->LogRatio(left_mirrored) - posture_->LogRatio(as_right.joints3);
  }
  return evidence;
}

double SideEvidence::LeftLogOdds() const {
  constexpr double kTrustInPhotographs = 0.6;
  const double read = 0.98 * head + 1.27 * agreement;
  return (posture ? kTrustInPhotographs * read + *posture : read) + other_hand;
}

// Millimetres of a unit of the estimate.
double HandPredictor::UnitMm(const Estimate& estimate) const {
  const VaeInfo& info = vae_.info();
  if (options_.bone_mm <= 0) return info.UnitMm(info.bone_mean_mm);
  if (info.model.metric_scale == 0) return options_.bone_mm;
  return options_.bone_mm / std::max(kLeastBone, ReferenceBoneLength(estimate.joints3));
}

std::vector<HandPrediction> HandPredictor::Predict(const ImageU8& rgb,
                                                   const std::vector<CropSquare>& squares) const {
  return Predict(Picture{View(rgb), Modality::kRgb}, squares);
}

std::vector<HandPrediction> HandPredictor::Predict(const ImageU16& depth,
                                                   double unit_mm,
                                                   const std::vector<CropSquare>& squares) const {
  return Predict(Picture{DepthInMm(depth, unit_mm), Modality::kDepth}, squares);
}

HandPrediction HandPredictor::Predict(const ImageU8& rgb, const CropSquare& square) const {
  return Predict(rgb, std::vector<CropSquare>{square}).front();
}

HandPrediction HandPredictor::Predict(const ImageU16& depth,
                                      double unit_mm,
                                      const CropSquare& square) const {
  return Predict(depth, unit_mm, std::vector<CropSquare>{square}).front();
}

std::vector<HandPrediction> HandPredictor::Predict(const Picture& picture,
                                                   const std::vector<CropSquare>& squares) const {
  std::vector<Reading> readings;
  for (const CropSquare& square : squares) readings.push_back(Read(picture, square));
  WeighPairs(squares, &readings);
  std::vector<HandPrediction> hands;
  for (const Reading& reading : readings) hands.push_back(Choose(reading));
  return hands;
}

HandPredictor::Reading HandPredictor::Read(const Picture& picture, const CropSquare& square) const {
  Reading reading;
  if (options_.handedness != "left") reading.as_right = LookAgain(picture, square, false);
  if (options_.handedness != "right") reading.as_left = LookAgain(picture, square, true);
  if (options_.handedness == "auto" && vae_.info().has_side) {
    reading.evidence = CompareSides(picture, *reading.as_right, *reading.as_left);
  }
  return reading;
}

void HandPredictor::WeighPairs(const std::vector<CropSquare>& squares,
                               std::vector<Reading>* readings) const {
  std::vector<double> alone;
  for (const Reading& reading : *readings) {
    if (!reading.evidence) return;
    alone.push_back(reading.evidence->LeftLogOdds());
  }
  const std::vector<std::optional<size_t>> others = PairHands(squares);
  for (size_t hand = 0; hand < squares.size(); ++hand) {
    if (!others[hand]) continue;
    (*readings)[hand].evidence->other_hand =
        LeftLogOddsByOther(alone[*others[hand]], options_.opposite_pairs);
  }
}

HandPrediction HandPredictor::Choose(const Reading& reading) const {
  const bool left = reading.IsLeft();
  const Estimate& estimate = left ? *reading.as_left : *reading.as_right;
  const double unit_mm = UnitMm(estimate);
  HandPrediction prediction;
  prediction.handedness = left ? Handedness::kLeft : Handedness::kRight;
  prediction.side_evidence = reading.evidence;
  if (reading.evidence) {
    const double log_odds = std::abs(reading.evidence->LeftLogOdds());
    prediction.handedness_probability = 1 / (1 + std::exp(-log_odds));
  }
  prediction.square = estimate.square;
  Joints3 joints_mm = estimate.joints3 * unit_mm;
  if (left && vae_.info().model.MirrorsLeftHands()) joints_mm.col(0) *= -1;
  prediction.joints_in_crop_mm = joints_mm.rowwise() - joints_mm.row(kWrist).eval();
  prediction.joints_px = estimate.joints_px;
  for (int j = 0; j < kNumJoints; ++j) {
    prediction.joint_spread_mm[j] = estimate.spreads[j] * unit_mm;
  }
  prediction.spread_mm = RmsOf(prediction.joint_spread_mm);
  prediction.confidence = std::exp(-prediction.spread_mm / kConfidenceScaleMm);
  return prediction;
}

}  // namespace handforge
