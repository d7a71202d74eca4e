#include "tests/tools/toy_model.h"

#include "tests/vae/trained_toy.h"

namespace handforge {

const ToyOptions WithToyModel::kToy;
TemporaryFolder* WithToyModel::folder_ = nullptr;

void WithToyModel::SetUpTestSuite() {
  folder_ = new TemporaryFolder;
  WriteToyDataset(kToy, kTuples, Data());
  TrainOptions options = ToyTraining(Data(), Folder("model"));
  options.pairs = {"3d->3d*3", "2d->3d*2", "2d->2d", "3d->2d", "rgb->3d*4", "rgb->2d*4", "3d->rgb"};
  options.steps = 2400;
  options.image_batch = 16;
  options.eval_every = options.checkpoint_every = options.steps;
  Train(options, false);
}

void WithToyModel::TearDownTestSuite() {
  delete folder_;
  folder_ = nullptr;
}

}  // namespace handforge
