#pragma once

#include "io/folder_lock.h"
#include "io/image_file.h"
#include "tools/picture_boxes.h"
#include "tools/predict_options.h"
#include "tools/prediction_journal.h"
#include "vae/hand_predictor.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {

class PredictionMesh;  // tools/prediction_mesh.h

// The hands of a folder of pictures, found by several threads: predictions.json and overlays. What
// was found is kept in a journal until that file is written, so that the same job again goes on
// where one was broken off.
class PredictJob {
 public:
  // Keeps references. `model` is the file of `predictor`'s model, `info` describes it. Throws
  // DataError on pictures or boxes that cannot be read or have nothing to do with each other,
  // UsageError on options that this build or the model cannot follow, EnvironmentError where
  // another process writes into the folder.
  PredictJob(const PredictOptions& options,
             const HandPredictor& predictor,
             const VaeInfo& info,
             const std::filesystem::path& model);
  ~PredictJob();

  // Throws Interrupted.
  void Run();
  // Writes predictions.json, after which nothing needs to be gone on with.
  std::filesystem::path Publish();

  // Logs where depth pictures are hardly of the unit that was said: hands are flattened or driven
  // apart then.
  void WarnOfDepthScale() const;
  size_t NumHands() const;
  // {"<file name>": why}
  nlohmann::json Skipped() const;

 private:
  std::string Name(size_t i) const;
  std::filesystem::path OverlayFolder() const;
  std::filesystem::path JournalFile() const;
  // {"<file name>": {...}} of all pictures that could be looked at; of one with a list of boxes a
  // list as long, null where a box was skipped.
  nlohmann::json Predictions() const;
  void CheckBoxes() const;
  void SayWhatIsLeftOut() const;
  std::string BoxOfNoPicture() const;
  PictureOutcome LookAt(int worker, size_t i) const;
  bool AsksForAList(size_t i) const;
  // Where to look for hands; none where a box is faulty, which `outcome` then says.
  std::vector<std::optional<CropSquare>> SquaresOf(size_t i,
                                                   const ImageFile& image,
                                                   PictureOutcome* outcome) const;
  void DrawOverlay(int worker,
                   size_t i,
                   const ImageFile& image,
                   const std::vector<HandPrediction>& hands) const;

  const PredictOptions& options_;
  const HandPredictor& predictor_;
  std::vector<std::filesystem::path> files_;
  std::map<std::string, PictureBoxes> boxes_;
  FolderLock lock_;
  PredictionJournal journal_;
  std::vector<PictureOutcome> outcomes_;
  int threads_ = 1;
  std::unique_ptr<PredictionMesh> mesh_;  // where this build can draw one and it is asked for
};

}  // namespace handforge
