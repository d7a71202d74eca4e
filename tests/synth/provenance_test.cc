#include "synth/provenance.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(LicencesOf, SaysWhatTheRigFileSaysAndWhatElseWasUsed) {
  Rig rig;
  EXPECT_THAT(LicencesOf(rig, {}), ElementsAre("hand mesh: not stated by its rig file"));
  rig.licence = "CC0, somebody";
  EXPECT_THAT(LicencesOf(rig, {}), ElementsAre("hand mesh: CC0, somebody"));
  const std::vector<std::string> all = LicencesOf(rig, {true, true, true});
  EXPECT_EQ(all.size(), 4u);
  EXPECT_THAT(all, Contains(HasSubstr("light probes: CC0")));
  EXPECT_THAT(all, Contains(HasSubstr("photographs: of the user's own")));
  EXPECT_THAT(all, Contains(HasSubstr("objects: of the user's own")));
}

TEST(AddProvenance, PutsTheManifestIntoTheShard) {
  Manifest manifest;
  manifest.generator = "handforge";
  manifest.command = "render";
  manifest.config = "count: 3\n";
  manifest.config_sha256 = "c0";
  manifest.mesh_sha256 = "e5";
  manifest.licences = {"CC0"};
  ShardMetadata metadata;
  AddProvenance(manifest, "side: left\n", &metadata);
  const std::map<std::string, std::string> text = {{"generator", "handforge"},
                                                   {"command", "render"},
                                                   {"config", "count: 3\n"},
                                                   {"config_sha256", "c0"},
                                                   {"mesh_sha256", "e5"},
                                                   {"rig", "side: left\n"}};
  EXPECT_EQ(metadata.text, text);
  EXPECT_EQ(metadata.lists.at("licences"), manifest.licences);
}

}  // namespace
}  // namespace handforge
