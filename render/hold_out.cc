#include "render/hold_out.h"

#include "io/core/error.h"
#include "io/core/random.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

// FNV-1a, 64 bits: a function of the name alone, the same on every machine.
double HashToUnit(const std::string& name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  // Its high bits hardly change with the last letters: mixed as in SplitMix64.
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  hash ^= hash >> 31;
  return static_cast<double>(hash >> 11) / 9007199254740992.0;
}

// L* of a linear sRGB reflectance.
double Lightness(const Eigen::Vector3f& linear) {
  const double y = 0.2126 * linear.x() + 0.7152 * linear.y() + 0.0722 * linear.z();
  return y > 216.0 / 24389 ? 116 * std::cbrt(y) - 16 : 24389.0 / 27 * y;
}

}  // namespace

bool HoldOut::Allows(bool held_out) const {
  if (options_.part == "all") return true;
  return held_out == (options_.part == "test");
}

bool HoldOut::AllowsGesture(const std::string& name) const {
  return Allows(HashToUnit("gesture " + name) < options_.gestures);
}

bool HoldOut::AllowsProbe(const std::string& name) const {
  return Allows(HashToUnit("probe " + name) < options_.probes);
}

bool HoldOut::AllowsTone(int band) const {
  if (options_.every_nth_tone == 0) return true;
  return Allows(band % options_.every_nth_tone == 0);
}

int64_t HoldOut::Subject(int64_t k) const {
  return options_.part == "test" ? kFirstHeldOutSubject + k : k;
}

Split HoldOut::SplitOf(int64_t subject, uint64_t seed, double validation) const {
  if (options_.part == "test") return Split::kTest;
  Random random(seed, static_cast<uint64_t>(subject), 0, Purpose::kSplit);
  return random.Chance(validation) ? Split::kValidation : Split::kTrain;
}

int ToneBand(const SkinAppearance& skin) {
  constexpr double kDarkest = 20, kWidth = 6.5;
  const auto band = static_cast<int>(std::floor((Lightness(skin.back) - kDarkest) / kWidth));
  return 1 + std::clamp(band, 0, kToneBands - 1);
}

SkinAppearance SubjectSkin(uint64_t seed, int64_t subject, const HoldOut& hold_out) {
  constexpr uint32_t kDraws = 1000;
  for (uint32_t draw = 0; draw < kDraws; ++draw) {
    Random random(seed, static_cast<uint64_t>(subject), draw, Purpose::kSkin);
    const SkinAppearance skin = SampleSkin(random);
    if (hold_out.AllowsTone(ToneBand(skin))) return skin;
  }
  throw UsageError("render.hold_out.every_nth_tone leaves no skin tone to draw");
}

}  // namespace handforge
