#pragma once

#include "io/config.h"
#include "io/core/tuple.h"
#include "render/skin.h"

#include <cstdint>
#include <string>

namespace handforge {

// What is kept out of the training data, so that a test set shows what a model never saw: persons
// (shape and skin), skin tones, light probes and gestures. Every such thing belongs to exactly one
// of two parts, by its own number or name, whatever the seed: recipes that differ in `part` alone
// make disjoint data.
struct HoldOutOptions {
  std::string part = "all";  // all | train (nothing that is held out) | test (only that)
  // Shares held out, by the hash of the name.
  double gestures = 0.2;
  double probes = 0.25;
  // Every n-th of the bands of ToneBand is held out; 0 = none.
  int64_t every_nth_tone = 4;

  void Visit(Fields& fields);
};

// Test persons are numbered from here, all others from 0.
constexpr int64_t kFirstHeldOutSubject = int64_t{1} << 40;

// Decides for one run whether something may be drawn.
class HoldOut {
 public:
  explicit HoldOut(const HoldOutOptions& options) : options_(options) {}

  bool AllowsGesture(const std::string& name) const;
  bool AllowsProbe(const std::string& name) const;
  bool AllowsTone(int band) const;
  // The number of the run's k-th person.
  int64_t Subject(int64_t k) const;
  // Test persons are the test split; of the others `validation` is a share.
  Split SplitOf(int64_t subject, uint64_t seed, double validation) const;

 private:
  bool Allows(bool held_out) const;
  HoldOutOptions options_;
};

// Ten bands of equal width in the lightness L* (CIE 1976) of the back of the hand, 1 = up to 26.5,
// 10 = above 78.5; they span the skins of the Monk Skin Tone Scale.
constexpr int kToneBands = 10;
int ToneBand(const SkinAppearance& skin);

// The person's skin: the first of a sequence of draws whose tone the run may show. A function of
// seed, person and hold-out alone.
SkinAppearance SubjectSkin(uint64_t seed, int64_t subject, const HoldOut& hold_out);

}  // namespace handforge
