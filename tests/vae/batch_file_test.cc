#include "vae/batch_file.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::HasSubstr;

// Every pass, with every array that any option adds.
std::vector<Batch> AllKinds() {
  TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 24, folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  const std::vector<Pass> passes =
      ParsePasses({"3d->3d", "2d->3d", "rgb->3d+2d", "rgb->rgb", "3d->rgb"});
  BatchOptions options;
  options.pose_rows = 6;
  options.image_rows = 4;
  options.latent_dim = 5;
  options.appearance = true;
  options.sides = true;
  options.two_looks = true;
  options.decoded_share = 0.5;
  options.left_share = 0.25;
  BatchMaker maker(samples, passes, options);
  std::vector<Batch> batches;
  for (int step = 0; step < 5; ++step) batches.push_back(maker.Make(step));
  return batches;
}

TEST(BatchFile, HoldsEveryPartOfABatch) {
  TemporaryFolder folder;
  bool appearance = false;
  bool turns = false;
  bool backgrounds = false;
  bool sides = false;
  bool has_alpha = false;
  for (const Batch& batch : AllKinds()) {
    SCOPED_TRACE(batch.pass.Name());
    BatchToFile(batch).Write(folder / "batch.safetensors");
    const Batch read = BatchFromFile(TensorFile::Read(folder / "batch.safetensors"));
    EXPECT_EQ(read.step, batch.step);
    EXPECT_EQ(read.pass.Name(), batch.pass.Name());
    EXPECT_EQ(read.rows, batch.rows);
    EXPECT_EQ(read.left_rows, batch.left_rows);
    EXPECT_EQ(read.decoded_rows, batch.decoded_rows);
    EXPECT_EQ(read.input, batch.input);
    EXPECT_EQ(read.targets, batch.targets);
    EXPECT_EQ(read.appearance, batch.appearance);
    EXPECT_EQ(read.turns, batch.turns);
    EXPECT_EQ(read.backgrounds, batch.backgrounds);
    EXPECT_EQ(read.sides, batch.sides);
    EXPECT_EQ(read.noise, batch.noise);
    EXPECT_EQ(read.has_alpha, batch.has_alpha);
    appearance |= !batch.appearance.empty();
    turns |= !batch.turns.empty();
    backgrounds |= !batch.backgrounds.empty();
    sides |= !batch.sides.empty();
    has_alpha |= !batch.has_alpha.empty();
  }
  EXPECT_TRUE(appearance && turns && backgrounds && sides && has_alpha) << "all were compared";
}

TEST(BatchFile, NamesWhatIsWrong) {
  TensorFile file = BatchToFile(AllKinds()[0]);
  file.metadata["rows"] = "many";
  EXPECT_THAT(MessageOf<DataError>([&] { BatchFromFile(file); }),
              HasSubstr("rows = \"many\" is not a count"));
  file.metadata["rows"] = "5";
  EXPECT_THAT(MessageOf<DataError>([&] { BatchFromFile(file); }), HasSubstr("input"));
}

}  // namespace
}  // namespace handforge
