#include "io/dataset.h"

#include "io/config.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/json_text.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace handforge {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

// ---- Writing ------------------------------------------------------------------------------------

Json LayoutJson(const TupleLayout& layout) {
  Json json = {{"image_px", layout.image_px},
               {"rgb_px", layout.rgb_px},
               {"latent_dim", layout.latent_dim},
               {"decoded", layout.decoded}};
  if (layout.photo) json["photo"] = true;
  if (layout.lineage) json["lineage"] = true;
  if (layout.rgb_rendered) json["rgb_rendered"] = true;
  if (layout.small_px > 0) json["small_px"] = layout.small_px;
  if (layout.augmented) json["augmented"] = true;
  if (!layout.columns.empty()) json["columns"] = layout.columns;
  return json;
}

Json CountsJson(const std::map<std::string, uint64_t>& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts) json[name] = count;
  return json;
}

Json ShardJson(const ShardInfo& shard) {
  return {{"file", shard.file},
          {"sha256", shard.sha256},
          {"bytes", shard.bytes},
          {"first_index", shard.first_index},
          {"tuples", shard.tuples}};
}

Json RunJson(const RunInfo& run) {
  return {{"generator", run.generator},
          {"command", run.command},
          {"seed", run.seed},
          {"config", run.config},
          {"config_sha256", run.config_sha256},
          {"model_sha256", run.model_sha256},
          {"mesh_sha256", run.mesh_sha256},
          {"shards", run.shards}};
}

// All but rejections, shards and runs.
Json HeaderJson(const Manifest& manifest) {
  return {{"format_version", manifest.format_version},
          {"generator", manifest.generator},
          {"command", manifest.command},
          {"seed", manifest.seed},
          {"count", manifest.count},
          {"layout", LayoutJson(manifest.layout)},
          {"config", manifest.config},
          {"config_sha256", manifest.config_sha256},
          {"model_sha256", manifest.model_sha256},
          {"mesh_sha256", manifest.mesh_sha256},
          {"licences", manifest.licences}};
}

std::string ToText(const Json& json) { return JsonText(json, 2) + "\n"; }

std::string FormText(const Column& column) {
  std::string text = std::string(DTypeName(column.type)) + " {N";
  for (const uint64_t size : column.row_shape) text += ", " + std::to_string(size);
  return text + "}";
}

// ---- Reading ------------------------------------------------------------------------------------

const char* KindOf(const Json& value) {
  if (value.is_number_float()) return "a number with a fraction";
  if (value.is_number()) return "a whole number";
  return value.type_name();
}

// A JSON object whose fields are taken one by one; what is left over is unknown.
class Reader {
 public:
  Reader(const Json& object, std::string path, const fs::path& file)
      : object_(object), path_(std::move(path)), file_(file) {
    if (!object.is_object()) {
      throw DataError(file_.string() + ": " + (path_.empty() ? "the document" : "'" + path_ + "'") +
                      " is " + KindOf(object) + ", expected an object");
    }
  }

  [[noreturn]] void Fail(const std::string& key, const std::string& text) const {
    throw DataError(file_.string() + ": field '" + Path(key) + "' " + text);
  }
  std::string Path(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  const Json& Take(const std::string& key) {
    known_.push_back(key);
    const auto found = object_.find(key);
    if (found == object_.end()) Fail(key, "is missing");
    return *found;
  }
  std::string Text(const std::string& key) {
    const Json& value = Take(key);
    if (!value.is_string()) Mistyped(key, value, "text");
    return value.get<std::string>();
  }
  uint64_t Count(const std::string& key) {
    const Json& value = Take(key);
    if (!value.is_number_unsigned()) Mistyped(key, value, "a whole number, 0 or more");
    return value.get<uint64_t>();
  }
  int Size(const std::string& key, int low) {
    constexpr int kHighest = 65535;
    const uint64_t value = Count(key);
    if (value < static_cast<uint64_t>(low) || value > kHighest) {
      Fail(key,
           "is " + std::to_string(value) + ", expected " + std::to_string(low) + " to " +
               std::to_string(kHighest));
    }
    return static_cast<int>(value);
  }
  bool Has(const std::string& key) const { return object_.contains(key); }
  bool Flag(const std::string& key) {
    const Json& value = Take(key);
    if (!value.is_boolean()) Mistyped(key, value, "true or false");
    return value.get<bool>();
  }
  // Lower-case hexadecimal SHA-256.
  std::string Hash(const std::string& key, bool may_be_empty) {
    const std::string value = Text(key);
    const bool hex = std::all_of(value.begin(), value.end(), [](unsigned char c) {
      return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
    });
    if (!(hex && value.size() == 64) && !(may_be_empty && value.empty())) {
      Fail(key, "is '" + value + "', expected 64 hexadecimal digits");
    }
    return value;
  }
  const Json& Array(const std::string& key) {
    const Json& value = Take(key);
    if (!value.is_array()) Mistyped(key, value, "a list");
    return value;
  }
  Reader Object(const std::string& key) { return {Take(key), Path(key), file_}; }
  const Json& json() const { return object_; }

  // Throws where the object has a field that was not taken.
  void RefuseOthers() const {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const std::string near = NearestName(key, known_);
      Fail(key, "is unknown" + (near.empty() ? "" : "; did you mean '" + Path(near) + "'?"));
    }
  }

  [[noreturn]] void Mistyped(const std::string& key,
                             const Json& value,
                             const std::string& expected) const {
    const bool plain = value.is_primitive() && !value.is_null();
    Fail(key,
         std::string("is ") + KindOf(value) + (plain ? " " + ShortText(value) : "") +
             ", expected " + expected);
  }

 private:
  const Json& object_;
  std::string path_;
  const fs::path& file_;
  std::vector<std::string> known_;
};

bool Known(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TupleLayout ReadLayout(Reader reader) {
  TupleLayout layout;
  layout.image_px = reader.Size("image_px", 1);
  layout.rgb_px = reader.Size("rgb_px", 1);
  layout.latent_dim = reader.Size("latent_dim", 0);
  layout.decoded = reader.Flag("decoded");
  layout.photo = reader.Has("photo") && reader.Flag("photo");
  layout.lineage = reader.Has("lineage") && reader.Flag("lineage");
  layout.rgb_rendered = reader.Has("rgb_rendered") && reader.Flag("rgb_rendered");
  if (reader.Has("small_px")) layout.small_px = reader.Size("small_px", 1);
  layout.augmented = reader.Has("augmented") && reader.Flag("augmented");
  if (reader.json().contains("columns")) {
    for (const Json& column : reader.Array("columns")) {
      if (!column.is_string()) reader.Mistyped("columns", column, "texts");
      layout.columns.push_back(column.get<std::string>());
      if (!Known(kOptionalColumns, layout.columns.back())) {
        reader.Fail("columns", "names the unknown column '" + layout.columns.back() + "'");
      }
    }
  }
  reader.RefuseOthers();
  return layout;
}

// A name that stays inside the dataset's folder.
bool StaysInside(const fs::path& name) {
  if (name.empty() || name.is_absolute()) return false;
  return std::none_of(name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

std::map<std::string, uint64_t> ReadRejections(Reader reader) {
  std::map<std::string, uint64_t> rejections;
  for (const auto& [reason, count] : reader.json().items()) {
    rejections[reason] = reader.Count(reason);
  }
  return rejections;
}

ShardInfo ReadShard(Reader reader, bool with_rejections) {
  ShardInfo shard;
  shard.file = reader.Text("file");
  if (!StaysInside(shard.file)) {
    reader.Fail("file", "is '" + shard.file + "', expected a name within the dataset's folder");
  }
  shard.sha256 = reader.Hash("sha256", false);
  shard.bytes = reader.Count("bytes");
  shard.first_index = reader.Count("first_index");
  shard.tuples = reader.Count("tuples");
  if (with_rejections) shard.rejections = ReadRejections(reader.Object("rejections"));
  reader.RefuseOthers();
  return shard;
}

RunInfo ReadRun(Reader reader) {
  RunInfo run;
  run.generator = reader.Text("generator");
  run.command = reader.Text("command");
  run.seed = reader.Count("seed");
  run.config = reader.Text("config");
  run.config_sha256 = reader.Hash("config_sha256", true);
  run.model_sha256 = reader.Hash("model_sha256", true);
  run.mesh_sha256 = reader.Hash("mesh_sha256", true);
  run.shards = reader.Count("shards");
  reader.RefuseOthers();
  return run;
}

int ReadVersion(Reader& reader) {
  const uint64_t version = reader.Count("format_version");
  if (version != kFormatVersion) {
    reader.Fail(
        "format_version",
        "is " + std::to_string(version) + ", this program reads " + std::to_string(kFormatVersion));
  }
  return kFormatVersion;
}

std::vector<std::string> ReadLicences(Reader& reader) {
  std::vector<std::string> licences;
  for (const Json& licence : reader.Array("licences")) {
    if (!licence.is_string()) reader.Mistyped("licences", licence, "a list of texts");
    licences.push_back(licence.get<std::string>());
  }
  return licences;
}

std::vector<ShardInfo> ReadShards(Reader& reader, const fs::path& file, bool with_rejections) {
  std::vector<ShardInfo> shards;
  for (const Json& shard : reader.Array("shards")) {
    const std::string path = "shards[" + std::to_string(shards.size()) + "]";
    shards.push_back(ReadShard(Reader(shard, path, file), with_rejections));
  }
  return shards;
}

void CheckCount(const Manifest& manifest, const Reader& reader) {
  uint64_t tuples = 0;
  for (const ShardInfo& shard : manifest.shards) tuples += shard.tuples;
  if (tuples == manifest.count) return;
  reader.Fail("count",
              "is " + std::to_string(manifest.count) + ", the shards hold " +
                  std::to_string(tuples) + " tuples together");
}

std::vector<RunInfo> ReadRuns(Reader& reader, size_t num_shards, const fs::path& file) {
  std::vector<RunInfo> runs;
  if (reader.json().find("runs") == reader.json().end()) return runs;
  uint64_t shards = 0;
  for (const Json& run : reader.Array("runs")) {
    runs.push_back(ReadRun(Reader(run, "runs[" + std::to_string(runs.size()) + "]", file)));
    if (runs.back().shards > num_shards - shards) {  // their sum might wrap
      reader.Fail("runs", "own more shards than the " + std::to_string(num_shards) + " there are");
    }
    shards += runs.back().shards;
  }
  if (!runs.empty() && shards != num_shards) {
    reader.Fail("runs",
                "own " + std::to_string(shards) + " shards together, there are " +
                    std::to_string(num_shards));
  }
  return runs;
}

// All but rejections, shards and runs.
Manifest ReadHeader(Reader& reader) {
  Manifest manifest;
  manifest.format_version = ReadVersion(reader);
  manifest.generator = reader.Text("generator");
  manifest.command = reader.Text("command");
  manifest.seed = reader.Count("seed");
  manifest.count = reader.Count("count");
  manifest.layout = ReadLayout(reader.Object("layout"));
  manifest.config = reader.Text("config");
  manifest.config_sha256 = reader.Hash("config_sha256", true);
  manifest.model_sha256 = reader.Hash("model_sha256", true);
  manifest.mesh_sha256 = reader.Hash("mesh_sha256", true);
  manifest.licences = ReadLicences(reader);
  return manifest;
}

}  // namespace

RunInfo Manifest::RunOf(size_t shard) const {
  size_t next = 0;
  for (const RunInfo& run : runs) {
    next += run.shards;
    if (shard < next) return run;
  }
  return {
      generator, command, seed, config, config_sha256, model_sha256, mesh_sha256, shards.size()};
}

std::string Manifest::ToJson() const {
  Json json = HeaderJson(*this);
  json["rejections"] = CountsJson(rejections);
  json["shards"] = Json::array();
  for (const ShardInfo& shard : shards) json["shards"].push_back(ShardJson(shard));
  for (const RunInfo& run : runs) json["runs"].push_back(RunJson(run));
  return ToText(json);
}

Manifest Manifest::FromJson(const std::string& text, const fs::path& file) {
  const Json json = ParseJson<Json>(text, file.string());
  Reader reader(json, "", file);
  Manifest manifest = ReadHeader(reader);
  manifest.rejections = ReadRejections(reader.Object("rejections"));
  manifest.shards = ReadShards(reader, file, /*with_rejections=*/false);
  CheckCount(manifest, reader);
  manifest.runs = ReadRuns(reader, manifest.shards.size(), file);
  reader.RefuseOthers();
  return manifest;
}

std::string TaskManifest::ToJson() const {
  Json json = HeaderJson(run);
  json["shards"] = Json::array();
  for (const ShardInfo& shard : run.shards) {
    json["shards"].push_back(ShardJson(shard));
    json["shards"].back()["rejections"] = CountsJson(shard.rejections);
  }
  return ToText(json);
}

TaskManifest TaskManifest::FromJson(const std::string& text, const fs::path& file) {
  const Json json = ParseJson<Json>(text, file.string());
  Reader reader(json, "", file);
  TaskManifest task;
  task.run = ReadHeader(reader);
  task.run.shards = ReadShards(reader, file, /*with_rejections=*/true);
  reader.RefuseOthers();
  return task;
}

fs::path ManifestPath(const fs::path& folder) { return folder / "dataset.json"; }

void RequireShardFiles(const fs::path& folder,
                       const std::vector<ShardInfo>& shards,
                       const fs::path& manifest,
                       const std::string& remedy) {
  for (const ShardInfo& shard : shards) {
    const fs::path file = folder / shard.file;
    std::error_code missing;
    const uint64_t bytes = fs::file_size(file, missing);
    if (!missing && bytes == shard.bytes) continue;
    throw DataError(file.string() + (missing ? " is missing" : " is damaged") + ": " +
                    manifest.string() + " names it" +
                    (missing ? ""
                             : " with " + std::to_string(shard.bytes) + " bytes, it has " +
                                   std::to_string(bytes)) +
                    "; " +
                    (remedy.empty() ? "remove it, if it is there, and " + manifest.string() +
                                          " to make it again"
                                    : remedy));
  }
}

std::string ColumnFault(const ShardReader& shard, const Column& column) {
  if (!shard.Has(column.name)) return "is missing";
  const Column& stored = shard.Find(column.name);
  if (stored.row_shape == column.row_shape && stored.type == column.type) return "";
  return "is " + FormText(stored) + ", the layout in dataset.json says " + FormText(column);
}

Dataset::Dataset(const fs::path& folder) : folder_(folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) throw DataError(folder.string() + ": no such folder");
  const fs::path manifest_path = ManifestPath(folder);
  if (!fs::exists(manifest_path, ignored)) {
    throw DataError(manifest_path.string() +
                    ": is missing, so this folder is no dataset or one not yet complete");
  }
  manifest_ = Manifest::FromJson(ReadText(manifest_path), manifest_path);
  for (const ShardInfo& shard : manifest_.shards) {
    if (fs::is_regular_file(folder / shard.file, ignored)) continue;
    throw DataError((folder / shard.file).string() + ": is missing, " + manifest_path.string() +
                    " names it");
  }
}

ShardReader Dataset::OpenShard(size_t shard) const {
  const ShardInfo& info = manifest_.shards.at(shard);
  const fs::path file = folder_ / info.file;
  const std::string hash = Sha256OfFile(file);
  if (hash != info.sha256) {
    throw DataError(file.string() + ": has SHA-256 " + hash + ", " +
                    ManifestPath(folder_).string() + " says " + info.sha256 +
                    ": the file was changed or damaged");
  }
  ShardReader reader(file);
  if (reader.size() != info.tuples) {
    throw DataError(file.string() + ": has " + std::to_string(reader.size()) + " rows, " +
                    ManifestPath(folder_).string() + " says " + std::to_string(info.tuples));
  }
  for (const Column& column : TupleColumns(manifest_.layout)) {
    if (!reader.Has(column.name)) continue;
    const std::string fault = ColumnFault(reader, column);
    if (!fault.empty()) throw DataError(file.string() + ": column '" + column.name + "' " + fault);
  }
  return reader;
}

}  // namespace handforge
