#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace handforge {

// What `handforge predict` made of one picture.
struct PictureOutcome {
  nlohmann::json answer;        // as in predictions.json; null where no hand could be looked at
  size_t hands = 0;             // that were
  std::string skipped_because;  // the picture, or boxes of it; empty where nothing was
  double nearest_depth_mm = 0;  // of a depth picture looked at by this run; the journal forgets it
};

// Outcomes of pictures on disk from the moment they are known, a line of JSON each, so that a run
// which was broken off goes on where it was. May be used by several threads.
class PredictionJournal {
 public:
  // Goes on with `file` where there is one; it is made when the first outcome is known. `run`
  // {"<what>": "<value>"} is what all outcomes hang on. Throws UsageError where the file is of
  // another run, naming what differs.
  PredictionJournal(const std::filesystem::path& file,
                    const std::map<std::string, std::string>& run);

  size_t size() const { return outcomes_.size(); }
  // What an earlier run made of a picture that has not changed since.
  std::optional<PictureOutcome> Find(const std::filesystem::path& picture) const;
  // Throws EnvironmentError where it cannot be written.
  void Append(const std::filesystem::path& picture, const PictureOutcome& outcome);
  void Remove();

 private:
  void Read();
  void Write(const nlohmann::json& line);

  std::filesystem::path file_;
  std::map<std::string, std::string> run_;
  std::ofstream out_;
  std::mutex mutex_;
  std::map<std::string, PictureOutcome> outcomes_;  // of earlier runs, by name, size and time
};

}  // namespace handforge
