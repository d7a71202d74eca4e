#include "tools/prediction_journal.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/json_text.h"

#include <sstream>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A picture that was replaced has another size or time.
std::string Key(const fs::path& picture) {
  std::error_code gone;  // whoever reads the picture says so
  const auto bytes = fs::file_size(picture, gone);
  const auto time = fs::last_write_time(picture, gone).time_since_epoch().count();
  return picture.filename().string() + "|" + std::to_string(bytes) + "|" + std::to_string(time);
}

}  // namespace

PredictionJournal::PredictionJournal(const fs::path& file,
                                     const std::map<std::string, std::string>& run)
    : file_(file), run_(run) {
  if (fs::exists(file)) Read();
}

void PredictionJournal::Read() {
  const std::string text = ReadText(file_);
  // What follows the last end of line was being written when the run was broken off.
  const size_t whole = text.rfind('\n') + 1;
  if (whole < text.size()) fs::resize_file(file_, whole);
  if (whole == 0) return;
  std::istringstream lines(text.substr(0, whole));
  std::string line;
  std::string differs;
  std::getline(lines, line);
  const Json began = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  for (const auto& [what, value] : run_) {
    const auto said = began.find(what);  // end() of what is no object
    if (said != began.end() && *said == value) continue;
    differs += (differs.empty() ? "" : ", ") + what;
  }
  if (!differs.empty()) {
    throw UsageError(file_.string() + ": an unfinished run of other " + differs +
                     "; finish it with those, choose another folder, or delete that file");
  }
  while (std::getline(lines, line)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    try {
      outcomes_[json.at("picture")] = {json.at("answer"), json.at("hands"), json.at("skipped")};
    } catch (const Json::exception&) {
      throw DataError(file_.string() + ": damaged, " + line.substr(0, 40) + "; delete that file");
    }
  }
}

std::optional<PictureOutcome> PredictionJournal::Find(const fs::path& picture) const {
  const auto found = outcomes_.find(Key(picture));
  return found == outcomes_.end() ? std::nullopt : std::optional(found->second);
}

void PredictionJournal::Append(const fs::path& picture, const PictureOutcome& outcome) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!out_.is_open()) {
    out_.open(file_, std::ios::binary | std::ios::app);
    std::error_code unopened;  // which the next line says
    if (fs::file_size(file_, unopened) == 0) Write(run_);
  }
  Write({{"picture", Key(picture)},
         {"answer", outcome.answer},
         {"hands", outcome.hands},
         {"skipped", outcome.skipped_because}});
}

void PredictionJournal::Write(const Json& line) {
  out_ << JsonText(line, -1) + "\n" << std::flush;
  if (!out_) throw EnvironmentError(file_.string() + ": cannot be written (disk full?)");
}

void PredictionJournal::Remove() {
  out_.close();
  std::error_code never_made;
  fs::remove(file_, never_made);
}

}  // namespace handforge
