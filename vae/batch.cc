#include "vae/batch.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"

#include <utility>

namespace handforge {
namespace {

bool HasImages(const Pair& pair) {
  return pair.from == Modality::kRgb || pair.to == Modality::kRgb;
}

// Fisher-Yates order of an epoch.
std::vector<int64_t> Shuffled(const std::vector<int64_t>& rows,
                              uint64_t seed,
                              int pair,
                              int64_t epoch) {
  Random random(
      seed, static_cast<uint64_t>(epoch), static_cast<uint32_t>(pair), Purpose::kTrainOrder);
  std::vector<int64_t> order = rows;
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.Integer(static_cast<int64_t>(i)))]);
  }
  return order;
}

// The joints of one row, moved.
std::vector<float> MovedJoints(const SampleSet& samples,
                               int64_t row,
                               Modality modality,
                               const AugmentDraw& draw) {
  std::vector<float> joints(static_cast<size_t>(InputSize(modality, 0)));
  samples.CopyInput(row, modality, joints.data());
  if (modality == Modality::kJoints3) {
    MoveJoints3(draw, joints.data());
  } else {
    MoveJoints2(draw, joints.data());
  }
  return joints;
}

}  // namespace

BatchMaker::BatchMaker(const SampleSet& samples,
                       const std::vector<Pair>& pairs,
                       const BatchOptions& options)
    : samples_(samples), pairs_(pairs), options_(options), schedule_(pairs) {
  for (const Pair& pair : pairs_) {
    orders_.push_back({samples_.RowsFor(pair), {}, -1});
    if (orders_.back().rows.empty()) {
      throw DataError("data: no training row has what the pair " + pair.Name() +
                      " needs; leave the pair out or add such data");
    }
  }
}

Batch BatchMaker::Make(int64_t step) {
  const int pair = schedule_.PairAt(step);
  Batch batch;
  batch.step = step;
  batch.pair = pairs_[static_cast<size_t>(pair)];
  batch.rows = HasImages(batch.pair) ? options_.image_rows : options_.pose_rows;
  const int64_t first = schedule_.Occurrence(step) * batch.rows;
  for (int i = 0; i < batch.rows; ++i) AddRow(RowAt(pair, first + i), i, &batch);
  return batch;
}

int64_t BatchMaker::RowAt(int pair, int64_t position) {
  Order& order = orders_[static_cast<size_t>(pair)];
  const int64_t count = static_cast<int64_t>(order.rows.size());
  const int64_t epoch = position / count;
  if (epoch != order.epoch) {
    order.shuffled = Shuffled(order.rows, options_.seed, pair, epoch);
    order.epoch = epoch;
  }
  return order.shuffled[static_cast<size_t>(position % count)];
}

void BatchMaker::AddRow(int64_t row, int position, Batch* batch) const {
  const bool images = HasImages(batch->pair);
  AugmentDraw draw = DrawAugment(options_.augment, options_.seed, batch->step, position, images);
  if (HasCanonicalFraming(batch->pair) && samples_.Has(row, Modality::kJoints2)) {
    SetCanonicalFraming(samples_.joints2.data() + row * kNumJoints * 2, &draw);
  }

  // Image planes serve the input (the first three) and the target (all).
  const size_t plane = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px;
  std::vector<float> planes;
  if (images) {
    planes.resize(kImagePlanes * plane);
    const size_t pixel = static_cast<size_t>(row) * plane;
    AugmentImage(draw,
                 samples_.rgb.data() + 3 * pixel,
                 samples_.alpha.data() + pixel,
                 samples_.rgb_px,
                 planes.data());
  }
  const auto append = [&](Modality modality, size_t num_planes, std::vector<float>* out) {
    if (modality == Modality::kRgb) {
      out->insert(
          out->end(), planes.begin(), planes.begin() + static_cast<ptrdiff_t>(num_planes * plane));
    } else {
      const std::vector<float> joints = MovedJoints(samples_, row, modality, draw);
      out->insert(out->end(), joints.begin(), joints.end());
    }
  };
  append(batch->pair.from, 3, &batch->input);
  append(batch->pair.to, kImagePlanes, &batch->target);
  if (batch->pair.to == Modality::kRgb) {
    const bool labelled = (samples_.present[static_cast<size_t>(row)] & kHasMask) != 0;
    batch->has_alpha.push_back(labelled ? 1.0F : 0.0F);
  }

  Random noise(options_.seed,
               static_cast<uint64_t>(batch->step),
               static_cast<uint32_t>(position),
               Purpose::kTrainNoise);
  for (int d = 0; d < options_.latent_dim; ++d) {
    batch->noise.push_back(static_cast<float>(noise.Normal()));
  }
}

BatchPrefetcher::BatchPrefetcher(BatchMaker* maker, int64_t first_step)
    : maker_(maker), next_step_(first_step) {
  Start();
}

BatchPrefetcher::~BatchPrefetcher() {
  if (pending_.valid()) pending_.wait();
}

void BatchPrefetcher::Start() {
  pending_ = std::async(std::launch::async,
                        [maker = maker_, step = next_step_] { return maker->Make(step); });
  ++next_step_;
}

Batch BatchPrefetcher::Next() {
  Batch batch = pending_.get();
  Start();
  return batch;
}

}  // namespace handforge
