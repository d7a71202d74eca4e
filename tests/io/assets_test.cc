#include "io/assets.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Assets : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("HANDFORGE_ASSETS", folder_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("HANDFORGE_ASSETS"); }
  TemporaryFolder folder_;
};

TEST_F(Assets, FolderFollowsTheEnvironment) {
  EXPECT_EQ(AssetFolder(), folder_.path());
  ::unsetenv("HANDFORGE_ASSETS");
  ::setenv("XDG_CACHE_HOME", "/some/cache", 1);
  EXPECT_EQ(AssetFolder(), "/some/cache/handforge/assets");
  ::unsetenv("XDG_CACHE_HOME");
  ::setenv("HOME", "/some/home", 1);
  EXPECT_EQ(AssetFolder(), "/some/home/.cache/handforge/assets");
  ::unsetenv("HOME");
  EXPECT_THAT(MessageOf<EnvironmentError>([] { AssetFolder(); }), HasSubstr("HANDFORGE_ASSETS"));
}

TEST_F(Assets, FileIsFoundByItsNameAndByItsPath) {
  fs::create_directories(folder_ / "meshes");
  std::ofstream(folder_ / "meshes/hand.glb") << "x";
  EXPECT_EQ(FindAsset("meshes/hand.glb"), folder_ / "meshes/hand.glb");
  EXPECT_EQ(FindAsset((folder_ / "meshes/hand.glb").string()), folder_ / "meshes/hand.glb");
}

TEST_F(Assets, MissingFileSaysWhereAndWhatFetchesIt) {
  EXPECT_THAT(MessageOf<EnvironmentError>([] { FindAsset("meshes/none.glb"); }),
              AllOf(HasSubstr("'meshes/none.glb'"),
                    HasSubstr((folder_ / "meshes/none.glb").string()),
                    HasSubstr("tools/setup.sh")));
  EXPECT_THAT(MessageOf<EnvironmentError>([] { FindAsset("/none.glb"); }),
              HasSubstr("'/none.glb': no such file"));
  EXPECT_THAT(MessageOf<EnvironmentError>([] { FindAsset(""); }), HasSubstr("''"));
}

TEST_F(Assets, HdriFilesAreSortedAndOnlyExr) {
  EXPECT_TRUE(HdriFiles().empty());
  fs::create_directories(folder_ / "hdri");
  for (const char* name : {"b.exr", "a.exr", "readme.txt"}) {
    std::ofstream(folder_ / "hdri" / name) << "x";
  }
  EXPECT_THAT(HdriFiles(), ::testing::ElementsAre(folder_ / "hdri/a.exr", folder_ / "hdri/b.exr"));
}

}  // namespace
}  // namespace handforge
