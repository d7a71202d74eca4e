#pragma once

#include "io/augment/augmentation_options.h"
#include "io/augment/spectrum.h"
#include "io/core/tuple.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace handforge {

// Augments tuples, pictures and labels together: camera move, blobs, spectrum, colours, blur,
// noise, compression, cut-out, in this order. What is done to tuple `index` is a pure function of
// (options, seed, index) and the tuple; what was drawn is written into `Tuple::augmentation`.
// Const calls from any number of threads.
class Augmenter {
 public:
  // Throws UsageError on options that do not fit together, and what ReferenceImages::Load throws.
  // `rgb_px`: side of the pictures to come.
  Augmenter(const AugmentationOptions& options, int rgb_px);

  // The tuple's own seed and index stay; `augmentation.source_index` becomes its index.
  // `rejections` counts camera moves that were drawn again ("joints_out_of_frame",
  // "hand_out_of_frame") and blobs that hid too much ("hand_behind_blobs").
  void Augment(uint64_t seed,
               uint64_t index,
               std::map<std::string, uint64_t>* rejections,
               Tuple* tuple) const;

  // Empty where no spectra are mixed.
  const std::optional<ReferenceImages>& references() const { return references_; }

 private:
  void MoveCamera(uint64_t seed,
                  uint64_t index,
                  std::map<std::string, uint64_t>* rejections,
                  Tuple* tuple) const;
  void Occlude(uint64_t seed,
               uint64_t index,
               std::map<std::string, uint64_t>* rejections,
               Tuple* tuple) const;
  void MixSpectra(uint64_t seed, uint64_t index, Tuple* tuple) const;
  void ChangePicture(uint64_t seed, uint64_t index, Tuple* tuple) const;
  void HideBehindBox(uint64_t seed, uint64_t index, Tuple* tuple) const;

  AugmentationOptions options_;
  std::optional<ReferenceImages> references_;
};

}  // namespace handforge
