#include "tools/recipe.h"

namespace handforge {

void Recipe::Visit(Fields& fields) {
  fields.Nested("render", render, "rendered tuples");
  fields.Nested("train", train, "training of the cross-modal autoencoder");
  fields.Nested("eval", eval, "measurements of a model");
  fields.Nested("predict", predict, "poses of the hands in pictures");
  fields.Nested("walk", walk, "paths through the latent space");
  fields.Nested("synth", synth, "tuples sampled from the latent space");
  fields.Nested("augment", augment, "tuples of another dataset, augmented");
  fields.Nested("import", import, "hands of a published dataset");
  fields.Nested("split", split, "rows of datasets, parted anew into train, validation and test");
}

std::vector<std::string> Recipe::Sections() {
  Recipe recipe;
  return OutermostKeys([&recipe](Fields& fields) { recipe.Visit(fields); });
}

Recipe Recipe::Load(const CommonOptions& common,
                    const std::string& section,
                    const std::vector<std::string>& more) {
  Recipe recipe;
  LoadRecipe(
      common, section, [&recipe](Fields& fields) { recipe.Visit(fields); }, more);
  return recipe;
}

void Recipe::CheckOnly(const CommonOptions& common) {
  if (!common.config.empty() || !common.overrides.empty()) Load(common, "synth");
}

}  // namespace handforge
