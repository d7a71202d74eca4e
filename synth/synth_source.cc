#include "synth/synth_source.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "io/core/version.h"
#include "io/files.h"
#include "render/tuple_renderer.h"
#include "synth/translation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 2> kDefaultModels = {"configs/models/default.safetensors",
                                                       "out/quickstart_model/model.safetensors"};

// Overlap of the decoded alpha with the mask, on alpha's grid: a cell belongs to the mask where
// more than half of it is hand.
float SilhouetteIou(const ImageU8& alpha, const ImageU8& mask) {
  const int cell = mask.width / alpha.width;
  if (cell < 1) return 0;
  int both = 0, either = 0;
  for (int y = 0; y < alpha.height; ++y) {
    for (int x = 0; x < alpha.width; ++x) {
      int hand = 0;
      for (int dy = 0; dy < cell; ++dy) {
        for (int dx = 0; dx < cell; ++dx) hand += mask.at(x * cell + dx, y * cell + dy) != 0;
      }
      const bool traced = 2 * hand > cell * cell, decoded = alpha.at(x, y) > 127;
      both += traced && decoded;
      either += traced || decoded;
    }
  }
  return either == 0 ? 1 : static_cast<float>(both) / static_cast<float>(either);
}

// The decoded hand cut out by its alpha, on one colour.
ImageU8 OnPlainBackdrop(const DecodedHand& hand, Random random) {
  std::array<double, 3> colour;
  const double grey = random.Uniform(20, 235);
  for (double& c : colour) c = std::clamp(grey + random.Uniform(-30, 30), 0.0, 255.0);
  ImageU8 out = hand.rgb;
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const double share = hand.alpha.pixels[i / 3] / 255.0;
    out.pixels[i] =
        static_cast<uint8_t>(std::lround(share * out.pixels[i] + (1 - share) * colour[i % 3]));
  }
  return out;
}

DecodedHand HandOfRow(
    const DecodedBatch& batch, int row, const float* z, int latent_dim, int rgb_px, int image_px) {
  DecodedHand hand;
  hand.z.assign(z, z + latent_dim);
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) {
      hand.joints_in_bones(j, c) = batch.joints3[(row * kNumJoints + j) * 3 + c];
    }
    for (int c = 0; c < 2; ++c) {
      // [-1, 1] spans the image from edge to edge.
      hand.joints_px(j, c) =
          (batch.joints2[(row * kNumJoints + j) * 2 + c] + 1) / 2 * image_px - 0.5;
    }
  }
  hand.rgb = ImageU8(rgb_px, rgb_px, 3);
  hand.alpha = ImageU8(rgb_px, rgb_px);
  const size_t pixels = static_cast<size_t>(rgb_px) * rgb_px;
  const uint8_t* rgba = batch.rgba.data() + 4 * pixels * row;
  for (size_t i = 0; i < pixels; ++i) {
    std::copy_n(rgba + 4 * i, 3, hand.rgb.pixels.begin() + 3 * i);
    hand.alpha.pixels[i] = rgba[4 * i + 3];
  }
  return hand;
}

class SynthSource : public TupleSource {
 public:
  explicit SynthSource(const SynthWorld& world) : world_(world), assembler_(world) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    tuples->assign(count, Tuple());
    std::vector<uint64_t> open(count);  // rows still without a tuple
    std::iota(open.begin(), open.end(), 0);
    std::string reason;
    for (uint32_t attempt = 0; !open.empty(); ++attempt) {
      if (attempt == world_.options.max_attempts) {
        throw DataError("tuple " + std::to_string(first + open[0]) + ": none of " +
                        std::to_string(attempt) + " latent samples was plausible, the last for " +
                        reason +
                        "; loosen synth.plausibility, lower synth.temperature or train longer");
      }
      DecodeRows(first, attempt, open);
      std::vector<uint64_t> still_open;
      for (size_t i = 0; i < open.size(); ++i) {
        const DecodedHand hand = HandOfRow(decoded_,
                                           static_cast<int>(i),
                                           z_.data() + i * latent_dim(),
                                           latent_dim(),
                                           world_.model.info().rgb_px,
                                           static_cast<int>(world_.options.image_px));
        reason = assembler_.Assemble(hand, first + open[i], attempt, &(*tuples)[open[i]]);
        if (reason.empty()) continue;
        ++(*rejections)[reason];
        still_open.push_back(open[i]);
      }
      open = std::move(still_open);
    }
  }

 private:
  int latent_dim() const { return world_.model.info().latent_dim; }

  // Samples and decodes one latent code for each open row, padded to the fixed batch.
  void DecodeRows(uint64_t first, uint32_t attempt, const std::vector<uint64_t>& open) {
    z_.assign(kDecodeBatch * latent_dim(), 0);
    const LatentSource source = ParseLatentSource(world_.options.latent);
    for (size_t i = 0; i < open.size(); ++i) {
      Random random(world_.options.seed, first + open[i], attempt, Purpose::kLatent);
      const auto z = world_.model.SampleLatent(source, &random, world_.options.temperature);
      std::copy(z.begin(), z.end(), z_.begin() + static_cast<long>(i) * latent_dim());
    }
    world_.model.Decode(z_.data(), static_cast<int>(kDecodeBatch), &decoded_);
  }

  const SynthWorld& world_;
  TupleAssembler assembler_;
  std::vector<float> z_;
  DecodedBatch decoded_;
};

}  // namespace

fs::path FindModel(const std::string& given) {
  if (!given.empty()) return given;
  for (const char* candidate : kDefaultModels) {
    if (const fs::path found = FindResource(candidate); fs::exists(found)) return found;
  }
  throw EnvironmentError(
      std::string("no model: neither ") + kDefaultModels[0] + " nor " + kDefaultModels[1] +
      " exists here; run tools/quickstart.sh, or `handforge train`, or give --model FILE");
}

SynthWorld SynthWorld::Load(const SynthOptions& options) {
  RigSpec spec = RigSpec::Load(FindResource(options.rig));
  SynthWorld world{options, LoadRig(spec), spec.Text(), HandVae::Load(FindModel(options.model))};
  const VaeInfo& info = world.model.info();
  for (const Modality modality : {Modality::kJoints3, Modality::kJoints2, Modality::kRgb}) {
    if (info.has_decoder[static_cast<int>(modality)]) continue;
    throw DataError(FindModel(options.model).string() + ": has no decoder for " +
                    ModalityName(modality) + "; synthesis needs 3d, 2d and rgb");
  }
  if (options.image_px % info.rgb_px != 0) {
    throw UsageError("synth.image_px " + std::to_string(options.image_px) +
                     " must be a multiple of the model's rgb_px " + std::to_string(info.rgb_px));
  }
  return world;
}

TupleAssembler::TupleAssembler(const SynthWorld& world)
    : world_(world),
      scene_(world.rig),
      camera_(PinholeCamera::Centred(
                  static_cast<int>(world.options.image_px),
                  world.model.info().focal_over_size * static_cast<double>(world.options.image_px))
                  .RoundedToSingle()) {}

std::string TupleAssembler::Assemble(const DecodedHand& hand,
                                     uint64_t index,
                                     uint32_t attempt,
                                     Tuple* tuple) {
  const SynthOptions& options = world_.options;
  const VaeInfo& info = world_.model.info();
  const auto random = [&](Purpose purpose) {
    return Random(options.seed, index, attempt, purpose);
  };

  // Metric scale: a reference bone as long as those of the training data.
  const double bone_mm =
      random(Purpose::kScale).TruncatedNormal(info.bone_mean_mm, info.bone_std_mm, 2);
  const Joints3 joints_mm = hand.joints_in_bones * bone_mm;

  // Rig: the nearest hand that it can be is the label, if what was decoded is near a hand at all.
  Random wrist = random(Purpose::kPose);
  const double flexion_deg = wrist.TruncatedNormal(0, options.wrist_deg, 2.5);
  const double deviation_deg = wrist.TruncatedNormal(0, 0.5 * options.wrist_deg, 2.5);
  std::string reason =
      ImplausibleBecause(world_.rig, FitRig(world_.rig, joints_mm), options.plausibility);
  if (!reason.empty()) return reason;
  const NearestHand nearest =
      FindNearestHand(world_.rig, joints_mm, flexion_deg, deviation_deg, options.nearest);
  if (nearest.rms_mm > options.plausibility.fit_mm) return "far_from_a_hand";
  if (nearest.penetration_mm > options.plausibility.penetration_mm) return "self_collision";

  // Camera: where that hand projects to the decoded pixels.
  const Placement placement =
      SolveTranslation(JointsOf(world_.rig, nearest.poses), hand.joints_px, camera_);
  if (!placement.in_front) return "behind_camera";
  if (placement.residual_px > options.plausibility.residual_px) return "residual_2d";
  const BonePoses in_cam =
      nearest.poses.Moved({Eigen::Matrix3d::Identity(), placement.translation_mm});
  const Joints3 decoded_in_cam = joints_mm.rowwise() + placement.translation_mm.transpose();

  Tuple t;
  t.seed = options.seed;
  t.index = index;
  t.attempt = attempt;
  t.image_id = static_cast<int64_t>(index);
  t.source = Source::kDecoded;
  t.camera = camera_;
  t.rig = ToRigPose(in_cam);
  t.joints_in_cam = JointsOf(world_.rig, ToBonePoses(t.rig));
  t.joints_px = camera_.Project(t.joints_in_cam);
  int64_t in_frame = 0;
  for (int j = 0; j < kNumJoints; ++j) in_frame += camera_.Contains(t.joints_px.row(j).transpose());
  if (in_frame < options.plausibility.joints_in_frame) return "out_of_frame";
  t.z = hand.z;
  t.rgb =
      options.backdrop == "plain" ? OnPlainBackdrop(hand, random(Purpose::kBackground)) : hand.rgb;
  t.alpha = hand.alpha;
  t.decoded_joints_in_cam = decoded_in_cam;
  t.decoded_joints_px = hand.joints_px;
  t.present = kHasRgb | kHasAlpha | kHasLatent;

  // Depth, mask, visibility; how well the decoders agree with them.
  if (t.joints_in_cam.col(2).maxCoeff() > options.plausibility.furthest_mm) return "too_far";
  RenderLabels(&scene_, &t);
  if (scene_.HandShare() < options.plausibility.hand_share) return "hand_hidden";
  t.quality_residual_px =
      static_cast<float>(std::sqrt((t.decoded_joints_px - t.joints_px).squaredNorm() / kNumJoints));
  t.quality_fit_mm =
      static_cast<float>(std::sqrt((decoded_in_cam - t.joints_in_cam).squaredNorm() / kNumJoints));
  t.quality_silhouette_iou = SilhouetteIou(t.alpha, t.mask);
  if (t.quality_silhouette_iou < options.plausibility.silhouette_iou) return "silhouette";
  if (random(Purpose::kHandedness).Chance(options.left_hands)) MirrorTuple(&t);
  *tuple = std::move(t);
  return "";
}

std::unique_ptr<TupleSource> MakeSynthSource(const SynthWorld& world) {
  return std::make_unique<SynthSource>(world);
}

DatasetJob SynthJob(const SynthWorld& world) {
  SynthOptions options = world.options;
  const VaeInfo& info = world.model.info();
  DatasetJob job;
  job.out = options.out;
  job.tuples_per_shard = static_cast<uint64_t>(options.tuples_per_shard);
  job.tuples_per_block = kDecodeBatch;
  job.deflate_level = static_cast<int>(options.deflate_level);

  Manifest& m = job.manifest;
  m.generator = kGenerator;
  m.command = "synth";
  m.seed = options.seed;
  m.count = static_cast<uint64_t>(options.count);
  m.layout = {static_cast<int>(options.image_px), info.rgb_px, info.latent_dim, true};
  // The model counts by its hash, not by its path.
  m.config = ConfigText([&options](Fields& fields) { options.Visit(fields); },
                        {"out", "count", "threads", "seed", "model"});
  const std::string inputs = m.config + world.rig_text + world.rig.sha256 + info.sha256;
  m.config_sha256 = Sha256(inputs.data(), inputs.size());
  m.model_sha256 = info.sha256;
  m.mesh_sha256 = world.rig.sha256;
  m.licences = {"hand mesh: MIT, Copyright (c) 2019 Amazon (WebXR Input Profiles)"};

  auto& text = job.metadata.text;
  text["generator"] = m.generator;
  text["command"] = m.command;
  text["config"] = m.config;
  text["config_sha256"] = m.config_sha256;
  text["model_sha256"] = m.model_sha256;
  text["mesh_sha256"] = m.mesh_sha256;
  text["rig"] = world.rig_text;
  job.metadata.lists["licences"] = m.licences;
  return job;
}

}  // namespace handforge
