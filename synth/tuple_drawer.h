#pragma once

#include "synth/hand_placer.h"
#include "synth/synth_world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace handforge {

// What a tuple is decoded from.
struct TupleDraw {
  LatentCode code;
  DrawIdentity identity;
  int64_t sequence_id = -1;
  int32_t frame = 0;
  int32_t view_id = 0;
  // The label, where another view of the pose has settled it.
  std::optional<BonePoses> known_in_crop;
};

// Chooses the latent code of each tuple: single poses as the sampler draws them, frames on the way
// between two plausible poses, or views of one plausible pose. A pure function of (world, index,
// attempt); one per worker thread, because it keeps the poses that sequences and views start from.
class TupleDrawer {
 public:
  explicit TupleDrawer(const SynthWorld& world) : world_(world), placer_(world) {}

  TupleDraw Draw(uint64_t index, uint32_t attempt);
  // The attempt that the tuple begins with.
  uint32_t FirstAttempt(uint64_t index) const;

 private:
  struct KeyPose {
    LatentCode code;
    DecodedJoints joints;
    BonePoses in_crop;
  };
  // The first draw of the sampler for `index` that is plausible with the identity's size.
  const KeyPose& KeyOf(uint64_t index, const DrawIdentity& identity);
  TupleDraw FrameOf(uint64_t index, uint32_t attempt);
  TupleDraw ViewOf(uint64_t index, uint32_t attempt);

  const SynthWorld& world_;
  HandPlacer placer_;
  std::map<uint64_t, KeyPose> keys_;
};

// Throws DataError: of `tried` codes of the tuple none was plausible, the last for `reason`.
[[noreturn]] void ThrowNonePlausible(const SynthOptions& options,
                                     uint64_t index,
                                     int64_t tried,
                                     const std::string& reason);

}  // namespace handforge
