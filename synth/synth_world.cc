#include "synth/synth_world.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "io/dataset.h"
#include "io/files.h"
#include "vae/find_model.h"

#include <algorithm>
#include <array>

namespace handforge {

namespace fs = std::filesystem;

namespace {

constexpr int kLights = 64;

// The rows of a whole batch that belong to the codes, in their order.
template <typename T>
std::vector<T> RowsAt(const std::vector<PlacedCode>& codes, const std::vector<T>& batch) {
  const size_t size = batch.size() / kDecodeBatch;
  std::vector<T> rows;
  rows.reserve(codes.size() * size);
  for (const PlacedCode& code : codes) {
    const auto begin = batch.begin() + static_cast<long>(code.place * size);
    rows.insert(rows.end(), begin, begin + static_cast<long>(size));
  }
  return rows;
}

void CheckModel(const SynthOptions& options, const HandVae& model) {
  const VaeInfo& info = model.info();
  for (const Modality modality : {Modality::kJoints3, Modality::kJoints2, Modality::kRgb}) {
    if (info.has_decoder[static_cast<int>(modality)]) continue;
    throw DataError(FindModel(options.model).string() + ": has no decoder for " +
                    ModalityName(modality) + "; synthesis needs 3d, 2d and rgb");
  }
  if (options.image_px % info.rgb_px != 0) {
    throw UsageError("synth.image_px " + std::to_string(options.image_px) +
                     " must be a multiple of the model's rgb_px " + std::to_string(info.rgb_px));
  }
  if (options.small_px > info.rgb_px || (options.small_px > 0 && info.rgb_px % options.small_px)) {
    throw UsageError("synth.small_px " + std::to_string(options.small_px) +
                     " must divide the model's rgb_px " + std::to_string(info.rgb_px));
  }
  if (options.views > 1 && !info.has_encoder[static_cast<int>(Modality::kJoints3)]) {
    throw UsageError("synth.views: the model has no encoder of 3D joints");
  }
}

std::unique_ptr<LatentSampler> LoadSampler(const SynthWorld& world) {
  LatentMethod method = ParseLatentMethod(world.options.latent);
  const SynthOptions& options = world.options;
  LatentAnchors anchors;
  if (method == LatentMethod::kCoverage) method = LatentMethod::kKernel;  // of the candidates
  if (method != LatentMethod::kPrior && method != LatentMethod::kFile) {
    anchors = LoadAnchors(
        FindModel(options.model), world.model, world.rig, options.parents, world.condition);
  }
  return MakeLatentSampler(method, options, world.model, std::move(anchors));
}

}  // namespace

SynthWorld SynthWorld::Load(const SynthOptions& options) {
  options.Check();
  RigSpec spec = RigSpec::Load(FindResource(options.rig));
  SynthWorld world{options,
                   LoadRig(spec),
                   spec.Text(),
                   HandVae::Load(FindModel(options.model), "cpu", options.precision),
                   {},
                   {},
                   {},
                   {},
                   {},
                   {}};
  CheckModel(options, world.model);
  const bool conditioned = !options.condition.gestures.empty() || !options.condition.pose.empty();
  if (conditioned) {
    world.condition =
        PoseCondition(options.condition, LoadGestures(FindResource(options.gestures)));
  }
  world.sampler = LoadSampler(world);
  for (const std::string& folder : options.parents) {
    world.parents_sha256.push_back(Sha256OfFile(ManifestPath(folder)));
  }
  if (options.augment) world.augmenter.emplace(options.augmentation, world.model.info().rgb_px);
  if (options.backdrop == "photos") {
    world.photographs = PhotographFolder::Load(options.photos, &world.skipped_photographs);
  }
  const bool painted = options.backdrop == "probes" || options.backdrop == "photos";
  if (painted || options.rgb_rendered) {
    world.environments = LoadEnvironments(
        kLights, [](const std::string&) { return true; }, &world.skipped_environments);
  }
  return world;
}

PinholeCamera SynthWorld::Camera() const {
  const auto size_px = static_cast<int>(options.image_px);
  return PinholeCamera::Centred(size_px, model.info().focal_over_size * size_px).RoundedToSingle();
}

DecodedJoints JointsOfRow(const DecodedBatch& batch, int row, int image_px) {
  DecodedJoints joints;
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) {
      joints.in_bones(j, c) = batch.joints3[(row * kNumJoints + j) * 3 + c];
    }
    for (int c = 0; c < 2; ++c) {
      // [-1, 1] spans the image from edge to edge.
      joints.px(j, c) = (batch.joints2[(row * kNumJoints + j) * 2 + c] + 1) / 2 * image_px - 0.5;
    }
  }
  return joints;
}

void DecodeCodes(const HandVae& model,
                 const std::vector<PlacedCode>& codes,
                 const DecodeRequest& request,
                 DecodedBatch* decoded) {
  const auto dim = static_cast<size_t>(model.info().latent_dim);
  std::vector<float> z(kDecodeBatch * dim, 0);
  for (const PlacedCode& code : codes) {
    std::copy(code.z->begin(), code.z->end(), z.begin() + static_cast<long>(code.place * dim));
  }
  model.Decode(z.data(), kDecodeBatch, decoded, request);
  decoded->joints3 = RowsAt(codes, decoded->joints3);
  decoded->joints2 = RowsAt(codes, decoded->joints2);
  decoded->rgba = RowsAt(codes, decoded->rgba);
  decoded->depth = RowsAt(codes, decoded->depth);
  decoded->rows = static_cast<int>(codes.size());
}

void DecodeCodes(const HandVae& model,
                 const std::vector<const std::vector<float>*>& codes,
                 const DecodeRequest& request,
                 DecodedBatch* decoded) {
  std::vector<PlacedCode> placed;
  for (const auto* z : codes) placed.push_back({z, placed.size()});
  DecodeCodes(model, placed, request, decoded);
}

}  // namespace handforge
