// handforge as a library: sample the latent space of a model, decode the sample, encode what was
// decoded and see whether it comes back. Usage: handforge_example MODEL [PICTURE.png]
#include "io/core/error.h"
#include "io/core/random.h"
#include "io/drawing.h"
#include "vae/hand_vae.h"
#include "vae/targets.h"

#include <cstdio>
#include <string>

using namespace handforge;

namespace {

// The decoded picture with the decoded 2D joints over it.
ImageU8 Picture(const DecodedBatch& decoded, int rgb_px) {
  ImageU8 picture(rgb_px, rgb_px, 3);
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = decoded.rgba[i / 3 * 4 + i % 3];
  }
  picture = ResizeImage(picture, 256, 256);
  std::array<uint8_t, kNumJoints> visible;
  visible.fill(kVisible);
  DrawSkeleton(PixelJoints2(decoded.joints2.data(), 256, Handedness::kRight), visible, &picture);
  return picture;
}

void Run(const std::string& model_file, const std::string& picture_file) {
  const HandVae vae = HandVae::Load(model_file);
  const VaeInfo& info = vae.info();

  // Sample: a code is a pure function of model and seed.
  Random random(/*seed=*/7, /*index=*/0, /*attempt=*/0, Purpose::kLatent);
  const std::vector<float> code = vae.SampleLatent(LatentSource::kKernel, &random, 1.0);

  // Decode: 3D joints, 2D joints and a picture of the same hand.
  DecodedBatch decoded;
  vae.Decode(code.data(), 1, &decoded);
  const Joints3 joints_mm =
      MetricJoints3(decoded.joints3.data(), info.bone_mean_mm, Handedness::kRight);

  // Encode: the 3D joints again, whose posterior mean decodes to about the same hand.
  std::vector<float> mean(static_cast<size_t>(info.latent_dim));
  vae.Encode(Modality::kJoints3, decoded.joints3.data(), 1, mean.data(), nullptr);
  DecodedBatch again;
  vae.Decode(mean.data(),
             1,
             &again,
             {/*joints3=*/true, /*joints2=*/false, /*rgba=*/false, /*depth=*/false});
  const Joints3 again_mm =
      MetricJoints3(again.joints3.data(), info.bone_mean_mm, Handedness::kRight);

  const double distance_mm = (again_mm - joints_mm).rowwise().norm().mean();
  std::printf("code of %d numbers\n", info.latent_dim);
  std::printf("middle finger tip %.1f mm from the palm's centre\n",
              joints_mm.row(kMiddleTip).norm());
  std::printf("3D -> code -> 3D: %.2f mm apart\n", distance_mm);
  if (!picture_file.empty()) WritePng(Picture(decoded, info.rgb_px), picture_file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: handforge_example MODEL [PICTURE.png]\n");
    return static_cast<int>(ExitCode::kUsage);
  }
  try {
    Run(argv[1], argc > 2 ? argv[2] : "");
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
