#include "synth/tuple_drawer.h"

#include "io/core/error.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <Eigen/Geometry>

namespace handforge {
namespace {

// Frames that are not plausible move towards the nearer end of their path, and reach it after this
// many attempts.
constexpr double kAttemptsToTheEnd = 8;
// Poses kept by a worker for later frames or views.
constexpr size_t kMostKeys = 256;

Eigen::Matrix3d AnyRotation(Random* random) {
  // Shoemake 1992.
  const double u = random->Uniform(), a = 2 * M_PI * random->Uniform(),
               b = 2 * M_PI * random->Uniform();
  const Eigen::Quaterniond q(std::sqrt(u) * std::cos(b),
                             std::sqrt(1 - u) * std::sin(a),
                             std::sqrt(1 - u) * std::cos(a),
                             std::sqrt(u) * std::sin(b));
  return q.normalized().toRotationMatrix();
}

// Latent code of the decoded joints turned by `rotation`: the mean of their posterior.
std::vector<float> CodeOfTurned(const HandVae& model,
                                const Joints3& in_bones,
                                const Eigen::Matrix3d& rotation) {
  std::vector<float> input(static_cast<size_t>(kDecodeBatch) * kNumJoints * 3, 0);
  const Joints3 turned = in_bones * rotation.transpose();
  NormaliseJoints3(turned, Handedness::kRight, input.data());
  const auto dim = static_cast<size_t>(model.info().latent_dim);
  std::vector<float> z(kDecodeBatch * dim);
  model.Encode(Modality::kJoints3, input.data(), kDecodeBatch, z.data(), nullptr);
  z.resize(dim);
  return z;
}

}  // namespace

void ThrowNonePlausible(const SynthOptions& options,
                        uint64_t index,
                        int64_t tried,
                        const std::string& reason) {
  if (ParseLatentMethod(options.latent) == LatentMethod::kFile) {
    throw DataError(options.latents + ": row " + std::to_string(index) +
                    " decodes to no plausible hand (" + reason + "), nor do " +
                    std::to_string(tried - 1) +
                    " codes drawn ever further around it; leave it out or loosen "
                    "synth.plausibility");
  }
  throw DataError("tuple " + std::to_string(index) + ": none of " + std::to_string(tried) +
                  " latent samples was plausible, the last for " + reason +
                  "; loosen synth.plausibility, lower synth.temperature or train longer");
}

TupleDraw TupleDrawer::Draw(uint64_t index, uint32_t attempt) {
  if (world_.options.frames > 1) return FrameOf(index, attempt);
  if (world_.options.views > 1) return ViewOf(index, attempt);
  TupleDraw draw;
  draw.code = world_.sampler->Draw(index, attempt);
  draw.identity = {index, attempt};
  return draw;
}

uint32_t TupleDrawer::FirstAttempt(uint64_t index) const {
  const bool single = world_.options.frames == 1 && world_.options.views == 1;
  return single ? world_.sampler->FirstAttempt(index) : 0;
}

const TupleDrawer::KeyPose& TupleDrawer::KeyOf(uint64_t index, const DrawIdentity& identity) {
  if (const auto found = keys_.find(index); found != keys_.end()) return found->second;
  if (keys_.size() >= kMostKeys) keys_.erase(keys_.begin());
  DecodeRequest joints_only;
  joints_only.rgba = joints_only.depth = false;
  const auto most = static_cast<uint32_t>(world_.options.max_attempts);
  std::string reason;
  for (uint32_t first = 0; first < most; first += kDecodeBatch) {
    std::vector<LatentCode> codes;
    std::vector<const std::vector<float>*> rows;
    for (uint32_t i = 0; i < kDecodeBatch; ++i) {
      codes.push_back(world_.sampler->Draw(index, world_.sampler->FirstAttempt(index) + first + i));
    }
    for (const LatentCode& code : codes) rows.push_back(&code.z);
    DecodedBatch decoded;
    DecodeCodes(world_.model, rows, joints_only, &decoded);
    for (int i = 0; i < kDecodeBatch; ++i) {
      PlacedHand hand;
      const DecodedJoints joints =
          JointsOfRow(decoded, i, static_cast<int>(world_.options.image_px));
      reason = placer_.Place(joints, identity, nullptr, &hand);
      if (!reason.empty()) continue;
      return keys_
          .insert_or_assign(index, KeyPose{codes[static_cast<size_t>(i)], joints, hand.in_crop})
          .first->second;
    }
  }
  ThrowNonePlausible(world_.options, index, most, reason);
}

TupleDraw TupleDrawer::FrameOf(uint64_t index, uint32_t attempt) {
  const auto frames = static_cast<uint64_t>(world_.options.frames);
  TupleDraw draw;
  draw.sequence_id = static_cast<int64_t>(index / frames);
  draw.frame = static_cast<int32_t>(index % frames);
  draw.identity = {index - index % frames, 0};
  const KeyPose start = KeyOf(draw.identity.index, draw.identity);
  const KeyPose& end = KeyOf(draw.identity.index + frames - 1, draw.identity);

  // An end that its forearm hides is tried with other wrists.
  if (attempt > 2 * kAttemptsToTheEnd) draw.identity.other_wrist = attempt;

  // Slow at both ends.
  double t = (1 - std::cos(M_PI * draw.frame / static_cast<double>(frames - 1))) / 2;
  t += (std::round(t) - t) * std::min(1.0, attempt / kAttemptsToTheEnd);
  draw.code = start.code;
  draw.code.parents = {start.code.parents[0], end.code.parents[0]};
  for (size_t d = 0; d < draw.code.z.size(); ++d) {
    draw.code.z[d] = static_cast<float>((1 - t) * start.code.z[d] + t * end.code.z[d]);
  }
  return draw;
}

TupleDraw TupleDrawer::ViewOf(uint64_t index, uint32_t attempt) {
  const auto views = static_cast<uint64_t>(world_.options.views);
  TupleDraw draw;
  draw.sequence_id = static_cast<int64_t>(index / views);
  draw.view_id = static_cast<int32_t>(index % views);
  draw.identity = {index - index % views, 0};
  const KeyPose& key = KeyOf(draw.identity.index, draw.identity);
  draw.code = key.code;
  if (draw.view_id == 0 && attempt == 0) {
    draw.known_in_crop = key.in_crop;
    return draw;
  }
  Random random(world_.options.seed, index, attempt, Purpose::kCamera);
  const Eigen::Matrix3d turn = AnyRotation(&random);
  draw.code.z = CodeOfTurned(world_.model, key.joints.in_bones, turn);
  draw.known_in_crop = key.in_crop.Moved({turn, Eigen::Vector3d::Zero()});
  return draw;
}

}  // namespace handforge
