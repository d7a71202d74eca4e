#include "tools/recipe.h"

#include "io/core/error.h"
#include "vae/learner.h"
#include "vae/tensor_file.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

namespace handforge {
namespace {

std::vector<std::filesystem::path> RecipesIn(const std::string& folder) {
  std::vector<std::filesystem::path> recipes;
  for (const auto& entry : std::filesystem::directory_iterator(HANDFORGE_SOURCE_DIR "/" + folder)) {
    if (entry.path().extension() == ".yaml") recipes.push_back(entry.path());
  }
  return recipes;
}

Recipe Load(const std::filesystem::path& file, const char* section) {
  CommonOptions common;
  common.config = file;
  return Recipe::Load(common, section);
}

TEST(Recipe, EveryRecipeOfTheProjectIsValid) {
  std::vector<std::filesystem::path> recipes = RecipesIn("configs");
  EXPECT_GE(recipes.size(), 3u);
  const std::vector<std::filesystem::path> variants = RecipesIn("configs/variants");
  EXPECT_GE(variants.size(), 5u);
  recipes.insert(recipes.end(), variants.begin(), variants.end());
  for (const auto& file : recipes) {
    try {
      const Recipe recipe = Load(file, "render");
      recipe.render.Check();
      if (!recipe.train.data.empty()) recipe.train.Check();
    } catch (const UsageError& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

TEST(Recipe, CommandsThatNeedNoneNameItsMistakes) {
  CommonOptions common;
  Recipe::CheckOnly(common);
  common.overrides = {"synth.cuont=5"};
  EXPECT_THROW(Recipe::CheckOnly(common), UsageError);
}

// What these two render is compared by render/hold_out_test; the default model's data are like
// them.
TEST(Recipe, TheDefaultModelSeesNothingOfTheBenchmark) {
  const RenderOptions model = Load(HANDFORGE_SOURCE_DIR "/configs/default.yaml", "render").render;
  const RenderOptions test =
      Load(HANDFORGE_SOURCE_DIR "/configs/benchmark-test.yaml", "render").render;
  EXPECT_EQ(model.hold_out.part, "train");
  EXPECT_EQ(test.hold_out.part, "test");
  EXPECT_EQ(model.hold_out.gestures, test.hold_out.gestures);
  EXPECT_EQ(model.hold_out.probes, test.hold_out.probes);
  EXPECT_EQ(model.hold_out.every_nth_tone, test.hold_out.every_nth_tone);
}

TEST(Recipe, TheCycleScoreCanBeAFilter) {
  CommonOptions common;
  common.overrides = {"synth.plausibility.cycle_mm=20", "synth.cycle=true"};
  const Recipe recipe = Recipe::Load(common, "synth");
  EXPECT_EQ(recipe.synth.plausibility.cycle_mm, 20);
  recipe.synth.Check();
}

TEST(Recipe, VariantsDifferFromThePaperInTheirPairsAlone) {
  TrainOptions paper = Load(HANDFORGE_SOURCE_DIR "/configs/paper.yaml", "train").train;
  std::set<std::string> outs = {paper.out};
  for (const auto& file : RecipesIn("configs/variants")) {
    TrainOptions variant = Load(file, "train").train;
    EXPECT_NE(variant.pairs, paper.pairs) << file;
    EXPECT_EQ(variant.data, paper.data) << file;
    EXPECT_TRUE(outs.insert(variant.out).second) << variant.out << " is another's folder";
    variant.pairs = paper.pairs;
    variant.steps = paper.steps;
    EXPECT_EQ(variant.Text(), paper.Text()) << file;
  }
}

// Steps are those of all pairs: the first, an image to 3D, must be stepped equally often.
TEST(Recipe, VariantsSeeTheSameNumberOfPictures) {
  const auto image_steps = [](const TrainOptions& options) {
    const std::vector<Pass> passes = ParsePasses(options.pairs);
    int64_t round = 0;
    for (const Pass& pass : passes) round += pass.weight;
    return options.steps * passes[0].weight / round;
  };
  const int64_t expected =
      image_steps(Load(HANDFORGE_SOURCE_DIR "/configs/paper.yaml", "train").train);
  for (const auto& file : RecipesIn("configs/variants")) {
    EXPECT_EQ(image_steps(Load(file, "train").train), expected) << file;
  }
}

TEST(Recipe, NetworksOfEveryTrainingRecipeCanBeBuilt) {
  std::set<std::string> built;
  std::vector<std::filesystem::path> recipes = RecipesIn("configs");
  for (const auto& file : RecipesIn("configs/variants")) recipes.push_back(file);
  for (const auto& file : recipes) {
    TrainOptions options = Load(file, "train").train;
    if (options.data.empty()) continue;
    options.threads = 1;
    TensorFile weights;
    Learner(options).AddNetworks(&weights);
    for (const Pair& pair : ParsePairs(options.pairs)) {
      const std::string encoder = std::string("encoder.") + ModalityName(pair.from) + ".";
      const std::string decoder = std::string("decoder.") + ModalityName(pair.to) + ".";
      for (const std::string& prefix : {encoder, decoder}) {
        const auto found = weights.tensors().lower_bound(prefix);
        EXPECT_TRUE(found != weights.tensors().end() && found->first.rfind(prefix, 0) == 0)
            << file << " has no " << prefix;
      }
    }
    built.insert(file.filename().string());
  }
  EXPECT_GE(built.size(), 8u);
}

TEST(Recipe, PrintedWithItsMeaningItReadsBackAsItself) {
  CommonOptions common;
  common.overrides = {"render.camera.nearest_mm=444", "train.pairs=[rgb->3d, '3d->3d*2']"};
  Recipe recipe = Recipe::Load(common, "render");
  const auto visit = [&recipe](Fields& fields) { recipe.Visit(fields); };
  const std::string text = ExplainedConfigText(visit);
  EXPECT_NE(
      text.find("    nearest_mm: 444  # nearest distance of the hand's centre (150 to 5000)\n"),
      std::string::npos);
  Recipe read;
  LoadConfigText(text, "printed", [&read](Fields& fields) { read.Visit(fields); });
  EXPECT_EQ(ConfigText([&read](Fields& fields) { read.Visit(fields); }), ConfigText(visit));
}

}  // namespace
}  // namespace handforge
