#include "vae/teacher.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <future>
#include <string>
#include <vector>

namespace handforge {
namespace {

constexpr size_t kRowsAtOnce = 64;

void CheckTeacher(const VaeInfo& info, const SampleSet& samples) {
  const auto has = [](const ModalitySet& set, Modality modality) {
    return set[static_cast<size_t>(modality)];
  };
  if (!has(info.has_encoder, Modality::kRgb) || !has(info.has_decoder, Modality::kJoints3) ||
      !has(info.has_decoder, Modality::kJoints2)) {
    throw UsageError("teacher: needs an encoder of rgb and decoders of 3d and 2d");
  }
  if (info.rgb_px != samples.rgb_px) {
    throw UsageError("teacher: sees pictures of " + std::to_string(info.rgb_px) +
                     " px, the model to be trained " + std::to_string(samples.rgb_px));
  }
  RequireRightHandsInBoneLengths(info, "teacher");
}

std::vector<int64_t> UnlabelledPictures(const SampleSet& samples) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < samples.size(); ++row) {
    const bool labelled =
        samples.Has(row, Modality::kJoints3) || samples.Has(row, Modality::kJoints2);
    if (samples.Has(row, Modality::kRgb) && !labelled) rows.push_back(row);
  }
  return rows;
}

// Looks at rows [first, end) of `rows` and writes their labels; no two calls share a row.
void LabelRows(const HandVae& teacher,
               const std::vector<int64_t>& rows,
               size_t first,
               size_t end,
               SampleSet* samples) {
  const size_t size = static_cast<size_t>(InputSize(Modality::kRgb, samples->rgb_px));
  std::vector<float> input((end - first) * size);
  for (size_t i = first; i < end; ++i) {
    samples->CopyInput(rows[i], Modality::kRgb, input.data() + (i - first) * size);
  }
  const TurnedLooks said = LookUpright(
      teacher, Modality::kRgb, input.data(), static_cast<int>(end - first), kTeacherViews);
  for (size_t i = first; i < end; ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    std::copy_n(said.joints3.data() + (i - first) * kNumJoints * 3,
                kNumJoints * 3,
                samples->joints3.data() + row * kNumJoints * 3);
    std::copy_n(said.joints2.data() + (i - first) * kNumJoints * 2,
                kNumJoints * 2,
                samples->joints2.data() + row * kNumJoints * 2);
    samples->bone_mm[row] = static_cast<float>(teacher.info().bone_mean_mm);
    samples->present[row] |= kHasJoints3 | kHasJoints2;
  }
}

}  // namespace

int64_t LabelBy(const HandVae& teacher, int threads, SampleSet* samples) {
  CheckTeacher(teacher.info(), *samples);
  const std::vector<int64_t> rows = UnlabelledPictures(*samples);
  const size_t at_once = static_cast<size_t>(std::max(1, threads)) * kRowsAtOnce;
  for (size_t begin = 0; begin < rows.size(); begin += at_once) {
    std::vector<std::future<void>> parts;
    for (size_t first = begin; first < std::min(rows.size(), begin + at_once);
         first += kRowsAtOnce) {
      const size_t end = std::min(rows.size(), first + kRowsAtOnce);
      parts.push_back(std::async(
          std::launch::async, [&, first, end] { LabelRows(teacher, rows, first, end, samples); }));
    }
    for (std::future<void>& part : parts) part.get();
  }
  return static_cast<int64_t>(rows.size());
}

}  // namespace handforge
