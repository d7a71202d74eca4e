#include "vae/teacher.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"
#include "io/parallel.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <string>
#include <vector>

namespace handforge {
namespace {

constexpr size_t kRowsAtOnce = 64;

bool Has(const ModalitySet& set, Modality modality) { return set[static_cast<size_t>(modality)]; }

void CheckTeacher(const VaeInfo& info,
                  const std::string& name,
                  bool all_have_depth,
                  const SampleSet& samples) {
  const bool sees = Has(info.has_encoder, Modality::kRgb) ||
                    (all_have_depth && Has(info.has_encoder, Modality::kDepth));
  if (!sees || !Has(info.has_decoder, Modality::kJoints3) ||
      !Has(info.has_decoder, Modality::kJoints2)) {
    throw UsageError(
        name +
        ": a teacher needs decoders of 3d and 2d and an encoder of rgb (of depth, where "
        "every picture without labels has depth)");
  }
  if (info.rgb_px != samples.rgb_px) {
    throw UsageError(name + ": this teacher sees pictures of " + std::to_string(info.rgb_px) +
                     " px, the model to be trained those of " + std::to_string(samples.rgb_px) +
                     "; train.model.rgb_px must be the teacher's");
  }
  RequireRightHandsInBoneLengths(info, name);
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

// Labels of zero, for means to be added to.
void ClearLabels(const std::vector<int64_t>& rows, SampleSet* samples) {
  for (const int64_t labelled : rows) {
    const auto row = static_cast<size_t>(labelled);
    std::fill_n(samples->joints3.data() + row * kNumJoints * 3, kNumJoints * 3, 0.F);
    std::fill_n(samples->joints2.data() + row * kNumJoints * 2, kNumJoints * 2, 0.F);
    samples->bone_mm[row] = 0;
    samples->present[row] |= kHasJoints3 | kHasJoints2;
  }
}

// Adds `share` of `said`, joints of one row after the other, to those of `rows` in `joints`.
void AddShare(const std::vector<float>& said,
              float share,
              const int64_t* rows,
              size_t values,
              std::vector<float>* joints) {
  for (size_t i = 0; i < said.size(); ++i) {
    (*joints)[static_cast<size_t>(rows[i / values]) * values + i % values] += share * said[i];
  }
}

// What one teacher says of one modality of some rows, and how much it counts.
struct Opinion {
  const HandVae& teacher;
  Modality seen;
  float share;
};

// Looks at `count` rows and adds to their labels; no two calls at a time share a row.
void AddOpinion(const Opinion& opinion, const int64_t* rows, size_t count, SampleSet* samples) {
  const size_t size = static_cast<size_t>(InputSize(opinion.seen, samples->rgb_px));
  std::vector<float> input(count * size);
  for (size_t i = 0; i < count; ++i) {
    samples->CopyInput(rows[i], opinion.seen, input.data() + i * size);
  }
  const TurnedLooks said = LookUpright(
      opinion.teacher, opinion.seen, input.data(), static_cast<int>(count), kTeacherViews);
  AddShare(said.joints3, opinion.share, rows, kNumJoints * 3, &samples->joints3);
  AddShare(said.joints2, opinion.share, rows, kNumJoints * 2, &samples->joints2);
  const auto bone_mm = static_cast<float>(opinion.teacher.info().bone_mean_mm);
  for (size_t i = 0; i < count; ++i) {
    samples->bone_mm[static_cast<size_t>(rows[i])] += opinion.share * bone_mm;
  }
}

void AddOpinions(const Opinion& opinion,
                 const std::vector<int64_t>& rows,
                 int threads,
                 SampleSet* samples) {
  const size_t parts = (rows.size() + kRowsAtOnce - 1) / kRowsAtOnce;
  ParallelFor(parts, threads, [&](int, size_t part) {
    const size_t first = part * kRowsAtOnce;
    const size_t count = std::min(rows.size() - first, kRowsAtOnce);
    AddOpinion(opinion, rows.data() + first, count, samples);
  });
}

}  // namespace

int64_t LabelBy(const std::vector<HandVae>& teachers,
                const std::vector<std::string>& names,
                int threads,
                SampleSet* samples) {
  const std::vector<int64_t> rows = UnlabelledPictures(*samples);
  const bool all_have_depth = std::all_of(
      rows.begin(), rows.end(), [&](int64_t row) { return samples->Has(row, Modality::kDepth); });
  for (size_t i = 0; i < teachers.size(); ++i) {
    CheckTeacher(teachers[i].info(), names.at(i), all_have_depth, *samples);
  }
  std::vector<int64_t> with_depth, without;
  for (const int64_t row : rows) {
    (samples->Has(row, Modality::kDepth) ? with_depth : without).push_back(row);
  }
  ClearLabels(rows, samples);
  const float share = 1 / static_cast<float>(teachers.size());
  for (const HandVae& teacher : teachers) {
    const Modality best =
        Has(teacher.info().has_encoder, Modality::kDepth) ? Modality::kDepth : Modality::kRgb;
    AddOpinions({teacher, best, share}, with_depth, threads, samples);
    AddOpinions({teacher, Modality::kRgb, share}, without, threads, samples);
  }
  return static_cast<int64_t>(rows.size());
}

}  // namespace handforge
