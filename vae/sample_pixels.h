#pragma once

#include "io/core/skeleton.h"
#include "io/row_file.h"
#include "vae/model_options.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace handforge {

// How a model wants its samples (ModelOptions).
struct SampleForm {
  int rgb_px = 0;
  bool mirror_left = true;  // left hands are shown as right ones
  bool metric = false;      // 3D joints in units of kMetricUnitMm, not in reference bone lengths

  SampleForm(int px) : rgb_px(px) {}  // NOLINT: a size is a form
  explicit SampleForm(const ModelOptions& model)
      : rgb_px(static_cast<int>(model.rgb_px)),
        mirror_left(model.MirrorsLeftHands()),
        metric(model.metric_scale != 0) {}
};

// Steps of SamplePixels::depth in one unit: 1.2 mm each.
constexpr int kDepthLevels = 127;

// Which pictures of a sample are wanted.
struct PixelKinds {
  bool rgb = true;
  bool alpha = true;
  bool depth = true;
};

// Pictures of one sample as the networks see them; empty where not wanted.
struct SamplePixels {
  std::vector<uint8_t> rgb;    // {px, px, 3}
  std::vector<uint8_t> alpha;  // {px, px}, 255 = hand or forearm
  std::vector<int8_t> depth;   // {px, px} relative depth times kDepthLevels
};
// Bytes of one.
size_t SamplePixelBytes(const SampleForm& form);

// Brings the pictures of a shard's rows into a model's form: colours and mask are area-averaged
// down to `rgb_px`, depth is thinned to the same grid.
class PixelMaker {
 public:
  // Throws DataError naming shard and column: images smaller than `rgb_px`, not square.
  PixelMaker(const ShardReader& shard, const SampleForm& form);

  int image_px() const { return image_px_; }
  // One row of the columns rgb {stored, stored, 3}, mask and depth {image, image}; null where not
  // wanted.
  SamplePixels Make(const uint8_t* rgb,
                    const uint8_t* mask,
                    const uint16_t* depth,
                    Handedness stored) const;

 private:
  std::vector<uint8_t> Image(const uint8_t* pixels, int side_px, int channels, bool mirror) const;
  std::vector<uint8_t> Alpha(const uint8_t* mask, bool mirror) const;
  std::vector<int8_t> Depth(const uint16_t* stored, bool mirror) const;
  // The stored pixel nearest to the middle of one of the model's.
  size_t SourcePixel(size_t pixel) const;

  SampleForm form_;
  int stored_rgb_px_;
  int image_px_;
};

// Where the pictures of a sample are stored.
struct PixelPlace {
  uint32_t shard = 0;
  uint32_t row = 0;
  Handedness side = Handedness::kRight;  // of the stored row
};

// Pictures that stay in their shards until they are asked for, where data are larger than memory.
class StoredPixels {
 public:
  // Returns the number of the shard.
  uint32_t AddShard(const ShardReader& shard, const PixelMaker& maker);
  // Any number of threads may. Throws as RowFile does.
  std::shared_ptr<const SamplePixels> Read(const PixelPlace& place, const PixelKinds& kinds) const;

 private:
  struct Shard {
    RowFile file;
    PixelMaker maker;
  };
  std::vector<Shard> shards_;
};

}  // namespace handforge
