#include "synth/cycle.h"

#include "vae/targets.h"
#include "vae/upright_look.h"

#include <algorithm>

namespace handforge {
namespace {

// What 3D joints {kDecodeBatch, 21, 3} an encoder's posterior means decode to.
std::vector<float> DecodedAgain(const HandVae& model,
                                Modality modality,
                                const std::vector<float>& inputs) {
  if (IsImage(modality)) {
    return LookUpright(model, modality, inputs.data(), kDecodeBatch, 1).joints3;
  }
  std::vector<float> z(static_cast<size_t>(kDecodeBatch) * model.info().latent_dim);
  model.Encode(modality, inputs.data(), kDecodeBatch, z.data(), nullptr);
  DecodedBatch decoded;
  model.Decode(z.data(), kDecodeBatch, &decoded, {true, false, false, false});
  return std::move(decoded.joints3);
}

float ErrorMm(const std::vector<float>& again, const CycleInput& hand) {
  double sum = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    Eigen::Vector3d difference;
    for (int c = 0; c < 3; ++c) {
      difference[c] = again[(hand.place * kNumJoints + j) * 3 + c] - hand.joints.in_bones(j, c);
    }
    sum += difference.norm();
  }
  return static_cast<float>(hand.bone_mm * sum / kNumJoints);
}

}  // namespace

std::vector<CycleErrors> MeasureCycles(const HandVae& model, const std::vector<CycleInput>& hands) {
  std::vector<CycleErrors> errors(hands.size());
  const auto has = [&](Modality modality) {
    return model.info().has_encoder[static_cast<size_t>(modality)];
  };
  if (has(Modality::kRgb)) {
    const auto size = static_cast<size_t>(InputSize(Modality::kRgb, model.info().rgb_px));
    std::vector<float> inputs(kDecodeBatch * size, 0);
    for (size_t row = 0; row < hands.size(); ++row) {
      std::transform(hands[row].rgb->pixels.begin(),
                     hands[row].rgb->pixels.end(),
                     inputs.begin() + static_cast<long>(hands[row].place * size),
                     [](uint8_t value) { return static_cast<float>(value) / 255; });
    }
    const std::vector<float> again = DecodedAgain(model, Modality::kRgb, inputs);
    for (size_t row = 0; row < hands.size(); ++row) {
      errors[row].rgb_mm = ErrorMm(again, hands[row]);
    }
  }
  if (has(Modality::kJoints2)) {
    constexpr size_t kSize = kNumJoints * 2;
    std::vector<float> inputs(kDecodeBatch * kSize, 0);
    for (size_t row = 0; row < hands.size(); ++row) {
      const CycleInput& hand = hands[row];
      NormaliseJoints2(
          hand.joints.px, hand.image_px, Handedness::kRight, &inputs[hand.place * kSize]);
    }
    const std::vector<float> again = DecodedAgain(model, Modality::kJoints2, inputs);
    for (size_t row = 0; row < hands.size(); ++row) {
      errors[row].joints2_mm = ErrorMm(again, hands[row]);
    }
  }
  return errors;
}

}  // namespace handforge
