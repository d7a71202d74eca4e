#include "vae/upright_look.h"

#include "io/core/skeleton.h"
#include "vae/augment.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

constexpr int kJoints3Size = kNumJoints * 3;
constexpr int kJoints2Size = kNumJoints * 2;

// One encoder input, turned.
void TurnPicture(Modality modality, double angle_rad, int px, const float* input, float* turned) {
  const int type = modality == Modality::kRgb ? CV_32FC3 : CV_32FC1;
  const cv::Mat from(px, px, type, const_cast<float*>(input));
  cv::Mat to(px, px, type, turned);
  if (angle_rad == 0) {
    from.copyTo(to);
    return;
  }
  // The pixel that comes to lie at each place.
  const double c = std::cos(angle_rad);
  const double s = std::sin(angle_rad);
  const double m = (px - 1) / 2.0;
  const cv::Matx23d source(c, s, m - c * m - s * m, -s, c, m + s * m - c * m);
  if (modality == Modality::kRgb) {
    cv::warpAffine(from,
                   to,
                   source,
                   to.size(),
                   cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                   cv::BORDER_REFLECT_101);
  } else {
    cv::warpAffine(from,
                   to,
                   source,
                   to.size(),
                   cv::INTER_NEAREST | cv::WARP_INVERSE_MAP,
                   cv::BORDER_CONSTANT,
                   cv::Scalar(1));
  }
}

double LogOdds(double probability) {
  constexpr double kLeast = 1e-6;
  const double p = std::clamp(probability, kLeast, 1 - kLeast);
  return std::log(p / (1 - p));
}

std::vector<float> TurnPictures(Modality modality,
                                int px,
                                const float* input,
                                const std::vector<double>& angles_rad) {
  const size_t size = static_cast<size_t>(InputSize(modality, px));
  std::vector<float> turned(size * angles_rad.size());
  for (size_t i = 0; i < angles_rad.size(); ++i) {
    TurnPicture(modality, angles_rad[i], px, input + i * size, turned.data() + i * size);
  }
  return turned;
}

// Mean of each picture's rows, which lie one after the other.
std::vector<float> MeanOfViews(const std::vector<float>& values, size_t size, size_t views) {
  std::vector<float> mean(values.size() / views, 0.0F);
  for (size_t i = 0; i < values.size(); ++i) {
    mean[i / (size * views) * size + i % size] += values[i] / static_cast<float>(views);
  }
  return mean;
}

}  // namespace

TurnedLooks LookTurned(const HandVae& vae,
                       Modality modality,
                       const float* input,
                       const std::vector<double>& angles_rad,
                       const uint8_t* sides) {
  const int rows = static_cast<int>(angles_rad.size());
  const std::vector<float> turned = TurnPictures(modality, vae.info().rgb_px, input, angles_rad);
  TurnedLooks looks;
  const size_t codes = angles_rad.size() * static_cast<size_t>(vae.info().latent_dim);
  looks.mean.resize(codes);
  looks.logvar.resize(codes);
  vae.Encode(modality, turned.data(), rows, looks.mean.data(), looks.logvar.data(), sides);
  DecodedBatch said;
  vae.Decode(looks.mean.data(), rows, &said, {true, true, false, false});
  looks.joints3 = std::move(said.joints3);
  looks.joints2 = std::move(said.joints2);
  for (size_t i = 0; i < angles_rad.size(); ++i) {
    AugmentDraw back;
    back.angle_rad = -angles_rad[i];
    if (!looks.joints3.empty()) MoveJoints3(back, looks.joints3.data() + i * kJoints3Size);
    if (!looks.joints2.empty()) MoveJoints2(back, looks.joints2.data() + i * kJoints2Size);
  }
  return looks;
}

double LeftLogOddsTurned(const HandVae& vae,
                         Modality modality,
                         const float* input,
                         const std::vector<double>& angles_rad) {
  const std::vector<float> turned = TurnPictures(modality, vae.info().rgb_px, input, angles_rad);
  std::vector<float> left(angles_rad.size());
  vae.EncodeSide(modality, turned.data(), static_cast<int>(left.size()), left.data());
  double sum = 0;
  for (const float probability : left) sum += LogOdds(static_cast<double>(probability));
  return sum / static_cast<double>(left.size());
}

std::vector<double> UprightViews(double upright_rad, int views) {
  std::vector<double> angles;
  for (int v = 0; v < views; ++v) {
    const double along = views == 1 ? 0 : 2.0 * v / (views - 1) - 1;
    angles.push_back(upright_rad + kUprightReachRad * along);
  }
  return angles;
}

TurnedLooks LookUpright(const HandVae& vae,
                        Modality modality,
                        const float* input,
                        int rows,
                        int views,
                        const uint8_t* sides) {
  const std::vector<double> as_it_is(static_cast<size_t>(rows), 0.0);
  TurnedLooks first = LookTurned(vae, modality, input, as_it_is, sides);
  if (views == 0 || first.joints3.empty()) return first;
  const size_t size = static_cast<size_t>(InputSize(modality, vae.info().rgb_px));
  std::vector<float> repeated;
  std::vector<double> angles;
  std::vector<uint8_t> repeated_sides;
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    for (const double angle :
         UprightViews(UprightAngle(&first.joints3[row * kJoints3Size]), views)) {
      angles.push_back(angle);
      if (sides != nullptr) repeated_sides.push_back(sides[row]);
      repeated.insert(repeated.end(), input + row * size, input + (row + 1) * size);
    }
  }
  TurnedLooks looks = LookTurned(
      vae, modality, repeated.data(), angles, sides == nullptr ? nullptr : repeated_sides.data());
  const size_t per_picture = static_cast<size_t>(views);
  looks.joints3 = MeanOfViews(looks.joints3, kJoints3Size, per_picture);
  if (!looks.joints2.empty()) {
    looks.joints2 = MeanOfViews(looks.joints2, kJoints2Size, per_picture);
  }
  return looks;
}

}  // namespace handforge
