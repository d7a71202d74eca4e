#include "tools/recipe.h"

#include "io/core/error.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace handforge {
namespace {

TEST(Recipe, EveryRecipeOfTheProjectIsValid) {
  int recipes = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(HANDFORGE_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++recipes;
    CommonOptions common;
    common.config = entry.path();
    try {
      Recipe::Load(common, "render").render.Check();
    } catch (const UsageError& e) {
      ADD_FAILURE() << e.what();
    }
  }
  EXPECT_GE(recipes, 3);
}

}  // namespace
}  // namespace handforge
