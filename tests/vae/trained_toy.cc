#include "tests/vae/trained_toy.h"

namespace handforge {

TrainOptions ToyTraining(const std::filesystem::path& data, const std::filesystem::path& out) {
  TrainOptions options;
  options.data = {data.string()};
  options.out = out.string();
  options.threads = 1;
  options.model.latent_dim = 8;
  options.model.rgb_px = 32;
  options.model.rgb_encoder_width = 8;
  options.model.rgb_decoder_width = 16;
  options.model.mlp_width = 64;
  options.model.mlp_encoder_layers = 2;
  options.model.mlp_decoder_layers = 2;
  options.pairs = {"3d->3d*4", "2d->3d*3", "3d->2d", "rgb->3d*2", "rgb->rgb", "3d->rgb"};
  options.pose_batch = 32;
  options.image_batch = 8;
  options.steps = 24;
  options.warmup_steps = 4;
  options.learning_rate = 3e-3;
  options.eval_every = 12;
  options.checkpoint_every = 10;
  options.log_every = 6;
  return options;
}

}  // namespace handforge
