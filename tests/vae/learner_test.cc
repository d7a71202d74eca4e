#include "vae/learner.h"

#include "io/core/tuple.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/batch.h"
#include "vae/tensor_file.h"

#include <cmath>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace handforge {
namespace {

class LearnerTest : public testing::Test {
 protected:
  LearnerTest() {
    const TemporaryFolder folder;
    WriteToyDataset(ToyOptions(), 32, folder / "data");
    options_ = ToyTraining(folder / "data", folder / "model");
    samples_ = LoadTrainingData(options_.data, 32).train;
  }

  Batch Make(const char* pass) const {
    BatchOptions options;
    options.image_rows = 8;
    options.latent_dim = static_cast<int>(options_.model.latent_dim);
    options.appearance = options_.model.appearance_dim > 0;
    options.decoded_share = options_.decoded_share;
    return BatchMaker(samples_, ParsePasses({pass}), options).Make(0);
  }
  StepLosses FirstLosses(const Batch& batch) const {
    return Learner(options_).Step(batch, 1e-3).front();
  }

  TrainOptions options_;
  SampleSet samples_;
};

TEST_F(LearnerTest, BonesWeighBesideTheJoints) {
  const Batch batch = Make("3d->3d");
  const auto losses = [&](double weight) {
    options_.bones_weight = weight;
    return FirstLosses(batch);
  };
  const StepLosses none = losses(0), once = losses(1), thrice = losses(3);
  EXPECT_GT(once.loss, none.loss + 1e-3);
  EXPECT_NEAR(thrice.loss - none.loss, 3 * (once.loss - none.loss), 1e-5);
  EXPECT_EQ(once.reconstruction, none.reconstruction);
}

TEST_F(LearnerTest, OwnMasksWeighThePixelsOfPicturesWithoutOne) {
  const auto reconstruction = [&](bool own_masks) {
    options_.own_masks = own_masks;
    return FirstLosses(Make("rgb->rgb")).reconstruction;
  };
  EXPECT_EQ(reconstruction(true), reconstruction(false));
  for (uint32_t& present : samples_.present) present &= ~uint32_t{kHasMask};
  EXPECT_GT(std::abs(reconstruction(true) - reconstruction(false)), 1e-4);
}

// Its weights and the running moments of its normalisation.
TEST_F(LearnerTest, ShowingDecodedPicturesLeavesTheAppearanceEncoderAsItIs) {
  options_.pairs = {"rgb->3d+2d", "3d->3d", "3d->rgb", "rgb->rgb"};
  options_.model.appearance_dim = 2;
  options_.decoded_share = 1;
  Learner learner(options_);
  const auto changed = [&](const char* pass) {
    TensorFile before, after;
    learner.AddNetworks(&before);
    learner.Step(Make(pass), 1e-3);
    learner.AddNetworks(&after);
    std::set<std::string> names;
    for (const auto& [name, entry] : before.tensors()) {
      const bool of_appearance = name.rfind("encoder.appearance.", 0) == 0;
      if (of_appearance && after.Find(name).bytes != entry.bytes) names.insert(name);
    }
    return names;
  };
  EXPECT_EQ(changed("rgb->3d+2d"), std::set<std::string>());
  EXPECT_FALSE(changed("rgb->rgb").empty());
}

}  // namespace
}  // namespace handforge
