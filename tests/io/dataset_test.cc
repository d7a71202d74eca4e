#include "io/dataset.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/random_tuple.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Manifest SomeManifest() {
  Manifest manifest;
  manifest.generator = "handforge 0.1.0";
  manifest.command = "render";
  manifest.seed = 18446744073709551615u;
  manifest.count = 5;
  manifest.layout.image_px = 24;
  manifest.layout.rgb_px = 16;
  manifest.layout.latent_dim = 8;
  manifest.layout.decoded = true;
  manifest.config = "a: \"µm\"\n";
  manifest.config_sha256 = Sha256(manifest.config.data(), manifest.config.size());
  manifest.mesh_sha256 = std::string(64, 'a');
  manifest.licences = {"MIT", "CC0-1.0"};
  manifest.rejections = {{"self_collision", 3}, {"out_of_frame", 0}};
  manifest.shards = {{"shards/00000.h5", std::string(64, '0'), 1000, 0, 3},
                     {"shards/00001.h5", std::string(64, '1'), 900, 3, 2}};
  return manifest;
}

// The message of reading a manifest after `edit` has changed its JSON.
template <typename Edit>
std::string MessageAfter(const Edit& edit) {
  Json json = Json::parse(SomeManifest().ToJson());
  edit(json);
  return MessageOf<DataError>([&] { Manifest::FromJson(json.dump(), "d/dataset.json"); });
}

TEST(Manifest, RoundTrips) {
  const Manifest manifest = SomeManifest();
  const Manifest read = Manifest::FromJson(manifest.ToJson(), "dataset.json");
  EXPECT_EQ(read.ToJson(), manifest.ToJson());
  EXPECT_EQ(read.seed, manifest.seed);
  EXPECT_EQ(read.layout.latent_dim, 8);
  EXPECT_TRUE(read.layout.decoded);
  EXPECT_EQ(read.config, manifest.config);
  EXPECT_EQ(read.rejections, manifest.rejections);
  ASSERT_EQ(read.shards.size(), 2u);
  EXPECT_EQ(read.shards[1].file, "shards/00001.h5");
  EXPECT_EQ(read.shards[1].first_index, 3u);
}

TEST(Manifest, EveryMissingFieldIsNamed) {
  const Json whole = Json::parse(SomeManifest().ToJson());
  for (const auto& [key, value] : whole.items()) {
    EXPECT_EQ(MessageAfter([&, name = key](Json& json) { json.erase(name); }),
              "d/dataset.json: field '" + key + "' is missing");
  }
  for (const auto& [key, value] : whole["layout"].items()) {
    EXPECT_EQ(MessageAfter([&, name = key](Json& json) { json["layout"].erase(name); }),
              "d/dataset.json: field 'layout." + key + "' is missing");
  }
  for (const auto& [key, value] : whole["shards"][0].items()) {
    EXPECT_EQ(MessageAfter([&, name = key](Json& json) { json["shards"][1].erase(name); }),
              "d/dataset.json: field 'shards[1]." + key + "' is missing");
  }
}

TEST(Manifest, EveryMistypedFieldIsNamed) {
  const Json whole = Json::parse(SomeManifest().ToJson());
  for (const auto& [key, value] : whole.items()) {
    const std::string message = MessageAfter([&, name = key](Json& json) { json[name] = 1.5; });
    EXPECT_THAT(
        message,
        AllOf(HasSubstr("'" + key + "' is a number with a fraction"), HasSubstr("expected")));
  }
}

TEST(Manifest, UnknownFieldIsNamedWithTheNearest) {
  EXPECT_EQ(MessageAfter([](Json& json) { json["licenses"] = Json::array(); }),
            "d/dataset.json: field 'licenses' is unknown; did you mean 'licences'?");
  EXPECT_EQ(MessageAfter([](Json& json) { json["layout"]["weight"] = 3; }),
            "d/dataset.json: field 'layout.weight' is unknown");
  EXPECT_EQ(MessageAfter([](Json& json) { json["layout"]["rgb"] = 3; }),
            "d/dataset.json: field 'layout.rgb' is unknown; did you mean 'layout.rgb_px'?");
  EXPECT_EQ(MessageAfter([](Json& json) { json["shards"][0]["tuple"] = 3; }),
            "d/dataset.json: field 'shards[0].tuple' is unknown; did you mean 'shards[0].tuples'?");
}

TEST(Manifest, RepeatedFieldIsRefused) {
  std::string text = SomeManifest().ToJson();
  text.insert(1, "\"seed\": 3,");
  EXPECT_EQ(MessageOf<DataError>([&] { Manifest::FromJson(text, "dataset.json"); }),
            "dataset.json: field 'seed' is repeated");
}

TEST(Manifest, ImpossibleValuesAreNamed) {
  EXPECT_EQ(MessageAfter([](Json& json) { json["format_version"] = 2; }),
            "d/dataset.json: field 'format_version' is 2, this program reads 1");
  EXPECT_EQ(
      MessageAfter([](Json& json) { json["count"] = -5; }),
      "d/dataset.json: field 'count' is a whole number -5, expected a whole number, 0 or more");
  EXPECT_EQ(MessageAfter([](Json& json) { json["count"] = 6; }),
            "d/dataset.json: field 'count' is 6, the shards hold 5 tuples together");
  EXPECT_EQ(MessageAfter([](Json& json) { json["layout"]["image_px"] = 0; }),
            "d/dataset.json: field 'layout.image_px' is 0, expected 1 to 65535");
  EXPECT_EQ(MessageAfter([](Json& json) { json["shards"][0]["sha256"] = "xyz"; }),
            "d/dataset.json: field 'shards[0].sha256' is 'xyz', expected 64 hexadecimal digits");
  EXPECT_EQ(MessageAfter([](Json& json) { json["rejections"]["fist"] = "x"; }),
            "d/dataset.json: field 'rejections.fist' is string \"x\", expected a whole number, 0 "
            "or more");
  // Numbers whose sum wraps around to the right one.
  EXPECT_THAT(MessageAfter([](Json& json) {
                Json run = {{"generator", "g"},
                            {"command", "c"},
                            {"seed", 1},
                            {"config", ""},
                            {"config_sha256", ""},
                            {"model_sha256", ""},
                            {"mesh_sha256", ""},
                            {"shards", UINT64_MAX}};
                json["runs"] = {run, run};
                json["runs"][1]["shards"] = json["shards"].size() + 1;
              }),
              HasSubstr("field 'runs' own more shards than the"));
  for (const char* name : {"../x.h5", "/etc/passwd", "", "shards/../../x.h5"}) {
    EXPECT_THAT(MessageAfter([&](Json& json) { json["shards"][0]["file"] = name; }),
                HasSubstr("expected a name within the dataset's folder"))
        << name;
  }
}

TEST(Manifest, ValuesNestedWithoutEndAreNamed) {
  for (const int depth : {40, 200'000}) {
    const std::string deep = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_EQ(
        MessageOf<DataError>([&] { Manifest::FromJson("{\"seed\": " + deep + "}", "d.json"); }),
        "d.json: is nested more than 32 deep");
  }
}

TEST(Manifest, TextThatIsNoJsonIsNamed) {
  const std::string whole = SomeManifest().ToJson();
  for (const std::string& text : {std::string(), std::string("no"), whole.substr(0, 200)}) {
    EXPECT_THAT(MessageOf<DataError>([&] { Manifest::FromJson(text, "d/dataset.json"); }),
                HasSubstr("d/dataset.json: is no valid JSON"));
  }
  EXPECT_EQ(MessageOf<DataError>([&] { Manifest::FromJson("[]", "d/dataset.json"); }),
            "d/dataset.json: the document is array, expected an object");
}

class DatasetFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    manifest_ = SomeManifest();
    manifest_.shards.clear();
    for (int shard = 0; shard < 2; ++shard) {
      const uint64_t rows = shard == 0 ? 3 : 2;
      ShardWriter writer(folder_.path(), shard, rows, manifest_.layout, {});
      for (uint64_t row = 0; row < rows; ++row) {
        const Tuple tuple = RandomTuple(3 * shard + row, manifest_.layout);
        writer.Append(EncodeTuple(tuple, manifest_.layout, 4));
      }
      manifest_.shards.push_back(writer.Publish());
    }
    PublishText(ManifestPath(folder_.path()), manifest_.ToJson());
  }
  TemporaryFolder folder_;
  Manifest manifest_;
};

TEST_F(DatasetFolder, OpensAndReads) {
  const Dataset dataset(folder_.path());
  EXPECT_EQ(dataset.size(), 5u);
  EXPECT_EQ(dataset.manifest().command, "render");
  const ShardReader reader = dataset.OpenShard(1);
  EXPECT_EQ(reader.size(), 2u);
  EXPECT_EQ(reader.ReadTuple(1).index, 4u);
}

TEST_F(DatasetFolder, FlippedByteIsFoundBeforeTheFileIsOpened) {
  const fs::path file = folder_ / manifest_.shards[1].file;
  std::string bytes = ReadText(file);
  for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[at] ^= 1;
    std::ofstream(file, std::ios::binary) << damaged;
    const Dataset dataset(folder_.path());
    EXPECT_THAT(MessageOf<DataError>([&] { dataset.OpenShard(1); }),
                AllOf(HasSubstr("00001.h5"),
                      HasSubstr(manifest_.shards[1].sha256),
                      HasSubstr(Sha256(damaged.data(), damaged.size()))));
    EXPECT_NO_THROW(dataset.OpenShard(0));
  }
}

TEST_F(DatasetFolder, RowsMustBeThoseOfTheManifest) {
  manifest_.shards[0].tuples = 2;
  manifest_.shards[1].tuples = 3;
  PublishText(ManifestPath(folder_.path()), manifest_.ToJson());
  const Dataset dataset(folder_.path());
  EXPECT_THAT(MessageOf<DataError>([&] { dataset.OpenShard(0); }),
              AllOf(HasSubstr("00000.h5: has 3 rows"), HasSubstr("says 2")));
}

TEST_F(DatasetFolder, ColumnsMustBeThoseOfTheLayout) {
  const int written_px = manifest_.layout.image_px;
  manifest_.layout.image_px = 2 * written_px;
  PublishText(ManifestPath(folder_.path()), manifest_.ToJson());
  const Dataset dataset(folder_.path());
  const auto form = [](int px) {
    return "uint16 {N, " + std::to_string(px) + ", " + std::to_string(px) + "}";
  };
  EXPECT_THAT(MessageOf<DataError>([&] { dataset.OpenShard(0); }),
              AllOf(HasSubstr("00000.h5: column 'depth' is " + form(written_px)),
                    HasSubstr("says " + form(2 * written_px))));
}

TEST_F(DatasetFolder, MissingPartsAreNamed) {
  fs::remove(folder_ / manifest_.shards[1].file);
  EXPECT_THAT(MessageOf<DataError>([&] { Dataset dataset(folder_.path()); }),
              AllOf(HasSubstr("00001.h5: is missing"), HasSubstr("dataset.json names it")));
  fs::remove(ManifestPath(folder_.path()));
  EXPECT_THAT(MessageOf<DataError>([&] { Dataset dataset(folder_.path()); }),
              HasSubstr("dataset.json: is missing"));
  EXPECT_THAT(MessageOf<DataError>([&] { Dataset dataset(folder_ / "none"); }),
              HasSubstr("none: no such folder"));
}

}  // namespace
}  // namespace handforge
