#include "vae/training_data.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "io/files.h"
#include "vae/model_file.h"
#include "vae/teacher.h"

#include <algorithm>
#include <map>
#include <vector>

namespace handforge {
namespace {

void RefuseTheSameDataTwice(const std::vector<std::string>& folders) {
  std::map<std::string, std::string> folder_of;  // by the hash of its manifest
  for (const std::string& folder : folders) {
    const std::filesystem::path manifest = ManifestPath(folder);
    if (!std::filesystem::exists(manifest)) continue;  // which loading it says
    const auto [known, is_new] = folder_of.insert({Sha256OfFile(manifest), folder});
    if (is_new) continue;
    throw UsageError("data: " + folder + " is the same dataset as " + known->second);
  }
}

bool NeedsLabels(const Pass& pass) {
  return !IsImage(pass.from) ||
         std::any_of(pass.to.begin(), pass.to.end(), [](Modality to) { return !IsImage(to); });
}

void RequireLabels(const TrainOptions& options, const SampleSet& samples) {
  const std::vector<Pass> passes = ParsePasses(options.pairs);
  if (LabelledRows(samples) > 0 || !options.teachers.empty() ||
      std::none_of(passes.begin(), passes.end(), NeedsLabels)) {
    return;
  }
  throw UsageError("labelled_share = " + std::to_string(options.labelled_share) +
                   " keeps the labels of none of the " + std::to_string(samples.size()) +
                   " training rows");
}

// Returns how many rows were labelled.
int64_t LabelByTeachers(const TrainOptions& options, SampleSet* samples, VaeInfo* info) {
  std::vector<HandVae> teachers;
  for (const std::string& file : options.teachers) {
    teachers.push_back(HandVae::Load(file));
    info->data_sha256.push_back(Sha256OfFile(file));
  }
  // What they say of sizes is one guess for all hands: true labels, where there are any, or their
  // own training data say how hands vary.
  if (info->bone_mean_mm == 0) {
    info->bone_mean_mm = teachers[0].info().bone_mean_mm;
    info->bone_std_mm = teachers[0].info().bone_std_mm;
  }
  return LabelBy(teachers, options.teachers, static_cast<int>(options.threads), samples);
}

}  // namespace

PreparedData PrepareTrainingData(const TrainOptions& options,
                                 const VaeInfo& info,
                                 const std::function<void(const std::string&)>& say) {
  RefuseTheSameDataTwice(options.data);
  const uint64_t most_pixel_bytes =
      options.memory_gb > 0 ? static_cast<uint64_t>(1e9 * options.memory_gb) : kAllInMemory;
  PreparedData prepared;
  prepared.data = LoadTrainingData(options.data, SampleForm(options.model), most_pixel_bytes);
  SampleSet& train = prepared.data.train;
  if (train.stored) {
    say("pictures stay in the shards, since they take more than memory_gb = " +
        std::to_string(options.memory_gb));
  }
  if (options.labelled_share < 1) {
    DropLabels(options.labelled_share, options.keep_unlabelled, options.seed, &train);
    RequireLabels(options, train);
  }
  prepared.info = info;
  prepared.info.data_sha256 = prepared.data.manifest_sha256;
  AddDataStatistics(train, &prepared.info, &prepared.statistics);
  if (!options.teachers.empty()) {
    const int64_t rows = LabelByTeachers(options, &train, &prepared.info);
    say("teachers labelled " + std::to_string(rows) + " pictures");
  }
  say(std::to_string(train.size()) + " training (" + std::to_string(LabelledRows(train)) +
      " with joint labels) and " + std::to_string(prepared.data.held_out.size()) +
      " held-out samples");
  if (prepared.data.held_out.size() == 0) {
    say("no held-out sample (splits validation or test): nothing will be measured");
  }
  return prepared;
}

}  // namespace handforge
