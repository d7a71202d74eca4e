#include "vae/batch.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"
#include "vae/degrade.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace handforge {
namespace {

// Positions of the draws of left rows, second looks and backgrounds in a batch's stream of random
// numbers.
constexpr int kLeftRows = 1 << 20;
constexpr int kSecondLooks = 1 << 21;
constexpr int kBackgrounds = 1 << 22;
// First of the shuffles of unlabelled rows.
constexpr uint32_t kUnlabelledStreams = 1 << 16;

// Trains on images without labels.
bool IsRgbOnly(const Pass& pass) {
  return pass.from == Modality::kRgb && pass.to == std::vector<Modality>{Modality::kRgb};
}

// Fisher-Yates order of an epoch.
std::vector<int64_t> Shuffled(const std::vector<int64_t>& rows,
                              uint64_t seed,
                              uint32_t stream,
                              int64_t epoch) {
  Random random(seed, static_cast<uint64_t>(epoch), stream, Purpose::kTrainOrder);
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

void Append(const std::vector<float>& values, std::vector<float>* out) {
  out->insert(out->end(), values.begin(), values.end());
}

Random DegradeRandom(uint64_t seed, int64_t step, int position) {
  return Random(
      seed, static_cast<uint64_t>(step), static_cast<uint32_t>(position), Purpose::kTrainDegrade);
}

}  // namespace

BatchMaker::BatchMaker(const SampleSet& samples,
                       const std::vector<Pass>& passes,
                       const BatchOptions& options)
    : samples_(samples), passes_(passes), options_(options), schedule_(passes) {
  pictures_ = samples_.RowsFor(Pair{Modality::kRgb, Modality::kRgb, 1});
  for (const Pass& pass : passes_) AddOrders(pass);
}

void BatchMaker::AddOrders(const Pass& pass) {
  Order order;
  order.stream = static_cast<uint32_t>(orders_.size());
  order.rows = samples_.RowsFor(pass);
  if (order.rows.empty()) {
    throw DataError("data: no training row has what the pair " + pass.Name() +
                    " needs; leave the pair out or add such data");
  }
  Order unlabelled;
  if (options_.unlabelled_share >= 0 && IsRgbOnly(pass)) {
    const auto first_unlabelled =
        std::stable_partition(order.rows.begin(), order.rows.end(), [this](int64_t row) {
          return samples_.Has(row, Modality::kJoints3) || samples_.Has(row, Modality::kJoints2);
        });
    unlabelled.stream = kUnlabelledStreams + order.stream;
    unlabelled.rows.assign(first_unlabelled, order.rows.end());
    order.rows.erase(first_unlabelled, order.rows.end());
    const int wanted = UnlabelledRows(pass);
    const bool lacks_labelled = wanted < options_.image_rows / Looks(pass) && order.rows.empty();
    if ((wanted > 0 && unlabelled.rows.empty()) || lacks_labelled) {
      throw DataError("data: unlabelled_share = " + std::to_string(options_.unlabelled_share) +
                      " of the pair " + pass.Name() +
                      " cannot be given: " + std::to_string(order.rows.size()) + " labelled and " +
                      std::to_string(unlabelled.rows.size()) + " unlabelled training rows");
    }
  }
  orders_.push_back(std::move(order));
  unlabelled_.push_back(std::move(unlabelled));
}

// Whether hands of other proportions may be shown: not where depth, which stays in millimetres, or
// a second look says how large the hand is.
bool BatchMaker::Stretches(const Pass& pass) const {
  return pass.from == Modality::kRgb && !pass.Decodes(Modality::kDepth) && Looks(pass) == 1;
}

int BatchMaker::Looks(const Pass& pass) const {
  return options_.two_looks && IsRgbOnly(pass) ? 2 : 1;
}

int BatchMaker::DecodedRows(const Pass& pass) const {
  if (!pass.ReadsJoints()) return 0;
  return static_cast<int>(std::lround(options_.decoded_share * options_.image_rows));
}

int BatchMaker::UnlabelledRows(const Pass& pass) const {
  if (options_.unlabelled_share < 0 || !IsRgbOnly(pass)) return 0;
  const int samples = options_.image_rows / Looks(pass);
  return static_cast<int>(std::lround(options_.unlabelled_share * samples));
}

bool BatchMaker::IsOurs(int i, int count) const {
  return i * options_.processes / count == options_.process;
}

Batch BatchMaker::Make(int64_t step) {
  const size_t pass = static_cast<size_t>(schedule_.PassAt(step));
  Batch batch;
  batch.step = step;
  batch.pass = passes_[pass];
  const int rows = batch.pass.HasImages() ? options_.image_rows : options_.pose_rows;
  const bool from_image = IsImage(batch.pass.from);
  const int left_rows = from_image ? static_cast<int>(std::lround(options_.left_share * rows)) : 0;
  batch.rows = rows / options_.processes;
  batch.left_rows = left_rows / options_.processes;

  // Rows are numbered as in the whole batch: their random numbers do not depend on the processes.
  const int looks = Looks(batch.pass);
  const int samples = rows / looks;
  const int unlabelled = UnlabelledRows(batch.pass);
  const int others = samples - unlabelled;
  const int64_t occurrence = schedule_.Occurrence(step);
  const int64_t first = occurrence * (others + left_rows);
  for (int look = 0; look < looks; ++look) {
    for (int i = 0; i < samples; ++i) {
      if (!IsOurs(i, samples)) continue;
      const int64_t row = i < unlabelled ? RowAt(occurrence * unlabelled + i, &unlabelled_[pass])
                                         : RowAt(first + i - unlabelled, &orders_[pass]);
      AddRow(row, look * samples + i, &batch);
    }
  }
  Order& left = others > 0 ? orders_[pass] : unlabelled_[pass];
  for (int i = 0; i < left_rows; ++i) {
    if (IsOurs(i, left_rows)) AddLeftRow(RowAt(first + others + i, &left), rows + i, &batch);
  }
  return batch;
}

int64_t BatchMaker::RowAt(int64_t position, Order* order) const {
  const int64_t count = static_cast<int64_t>(order->rows.size());
  const int64_t epoch = position / count;
  if (epoch != order->epoch) {
    order->shuffled = Shuffled(order->rows, options_.seed, order->stream, epoch);
    order->epoch = epoch;
  }
  return order->shuffled[static_cast<size_t>(position % count)];
}

AugmentDraw BatchMaker::DrawFor(int64_t row, int position, const Pass& pass, int64_t step) const {
  AugmentDraw draw = DrawAugment(options_.augment, options_.seed, step, position, pass.HasImages());
  StandUp(row, pass.from, &draw);
  // Looks are compared but for their turn: a shift, which turns the camera, would be held against
  // them.
  if (Looks(pass) > 1) draw.shift = {0, 0};
  if (!Stretches(pass)) draw.stretch = 1;
  if (position < DecodedRows(pass) ||
      (HasCanonicalFraming(pass) && samples_.Has(row, Modality::kJoints2))) {
    SetCanonicalFraming(samples_.joints2.data() + row * kNumJoints * 2, &draw);
  } else {
    draw.focal = 2 * samples_.focal_over_size[static_cast<size_t>(row)];
  }
  return draw;
}

void BatchMaker::AddRow(int64_t row, int position, Batch* batch) const {
  const Pass& pass = batch->pass;
  const AugmentDraw draw = DrawFor(row, position, pass, batch->step);
  if (position < DecodedRows(pass)) {
    ++batch->decoded_rows;
    AddBackground(position, batch);
  }
  if (Looks(pass) > 1) batch->turns.push_back(static_cast<float>(draw.angle_rad));

  std::array<std::vector<float>, kNumModalities> views;
  for (size_t m = 0; m < views.size(); ++m) {
    const Modality modality = static_cast<Modality>(m);
    if (pass.from != modality && !pass.Decodes(modality)) continue;
    views[m] = IsImage(modality) ? Planes(row, modality, draw)
                                 : MovedJoints(samples_, row, modality, draw);
  }
  Random random = DegradeRandom(options_.seed, batch->step, position);
  const std::vector<float>& shown = views[static_cast<size_t>(pass.from)];
  if (IsImage(pass.from)) {
    AppendInput(row, pass.from, shown, &random, &batch->input);
    if (options_.sides) AddSide(row, batch);
  } else {
    Append(shown, &batch->input);
  }
  for (const Modality modality : pass.to) {
    const size_t m = static_cast<size_t>(modality);
    Append(views[m], &batch->targets[m]);
  }
  if (pass.Decodes(Modality::kRgb)) {
    const bool labelled = (samples_.present[static_cast<size_t>(row)] & kHasMask) != 0;
    batch->has_alpha.push_back(labelled ? 1.0F : 0.0F);
    if (options_.appearance && pass.from != Modality::kRgb) {
      AddAppearance(row, position, draw, &random, batch);
    }
  }
  AddNoise(position, batch);
}

void BatchMaker::AddSide(int64_t row, Batch* batch) const {
  const bool left =
      samples_.handedness[static_cast<size_t>(row)] == static_cast<uint8_t>(Handedness::kLeft);
  Append({left ? 1.0F : 0.0F, left ? 0.0F : 1.0F}, &batch->sides);
}

void BatchMaker::AddAppearance(
    int64_t row, int position, const AugmentDraw& draw, Random* random, Batch* batch) const {
  AugmentDraw look =
      DrawAugment(options_.augment, options_.seed, batch->step, kSecondLooks + position, true);
  look.gain = draw.gain;
  look.grey = draw.grey;
  AppendInput(row, Modality::kRgb, Planes(row, Modality::kRgb, look), random, &batch->appearance);
}

void BatchMaker::AddNoise(int position, Batch* batch) const {
  Random noise(options_.seed,
               static_cast<uint64_t>(batch->step),
               static_cast<uint32_t>(position),
               Purpose::kTrainNoise);
  for (int d = 0; d < options_.latent_dim; ++d) {
    batch->noise.push_back(static_cast<float>(noise.Normal()));
  }
}

int64_t BatchMaker::AnyPicture(Random* random) const {
  return pictures_[static_cast<size_t>(random->Integer(static_cast<int64_t>(pictures_.size())))];
}

void BatchMaker::AddBackground(int position, Batch* batch) const {
  const size_t size = size_t{3} * samples_.rgb_px * samples_.rgb_px;
  Random random = DegradeRandom(options_.seed, batch->step, kBackgrounds + position);
  const int64_t other = AnyPicture(&random);
  const size_t begin = batch->backgrounds.size();
  batch->backgrounds.resize(begin + size);
  const PixelView pixels = samples_.Pixels(other, {true, false, false});
  PaintBackground({pixels.rgb}, samples_.rgb_px, &random, batch->backgrounds.data() + begin);
}

void BatchMaker::AddLeftRow(int64_t row, int position, Batch* batch) const {
  const Modality modality = batch->pass.from;
  AugmentDraw draw =
      DrawAugment(options_.augment, options_.seed, batch->step, kLeftRows + position, true);
  StandUp(row, modality, &draw);
  if (modality != Modality::kRgb) draw.stretch = 1;
  Random random = DegradeRandom(options_.seed, batch->step, kLeftRows + position);
  std::vector<float> planes = Planes(row, modality, draw);
  const int count = static_cast<int>(planes.size()) / (samples_.rgb_px * samples_.rgb_px);
  MirrorPlanes(count, samples_.rgb_px, planes.data());
  AppendInput(row, modality, planes, &random, &batch->input);
  if (options_.appearance && batch->pass.Decodes(Modality::kRgb) && modality != Modality::kRgb) {
    AppendInput(
        row, Modality::kRgb, Planes(row, Modality::kRgb, draw), &random, &batch->appearance);
  }
}

void BatchMaker::StandUp(int64_t row, Modality from, AugmentDraw* draw) const {
  if (!IsImage(from) || !samples_.Has(row, Modality::kJoints3)) return;
  SetUpright(samples_.joints3.data() + row * kNumJoints * 3, draw);
}

std::vector<float> BatchMaker::Planes(int64_t row,
                                      Modality modality,
                                      const AugmentDraw& draw) const {
  const int px = samples_.rgb_px;
  const size_t plane = static_cast<size_t>(px) * px;
  if (modality == Modality::kDepth) {
    std::vector<float> depth(plane);
    samples_.CopyInput(row, Modality::kDepth, depth.data());
    std::vector<float> planes(kDepthPlanes * plane);
    AugmentDepth(draw, depth.data(), px, planes.data());
    return planes;
  }
  std::vector<float> planes(kImagePlanes * plane);
  const PixelView pixels = samples_.Pixels(row, {true, true, false});
  AugmentImage(draw, pixels.rgb, pixels.alpha, px, planes.data());
  return planes;
}

void BatchMaker::AppendInput(int64_t row,
                             Modality modality,
                             const std::vector<float>& planes,
                             Random* random,
                             std::vector<float>* input) const {
  const int px = samples_.rgb_px;
  const size_t plane = static_cast<size_t>(px) * px;
  std::vector<float> shown = planes;
  if (modality == Modality::kDepth) {
    DegradeDepth(options_.augment, px, random, shown.data());
    shown.resize(plane);
  } else {
    // A row without a mask keeps its background: there is nothing to cut it out by. So does one
    // whose hand holds something, which would be lost with it.
    AugmentOptions options = options_.augment;
    const size_t r = static_cast<size_t>(row);
    if ((samples_.present[r] & kHasMask) == 0 || samples_.obstructed[r] != 0) {
      options.background = 0;
    }
    const int64_t other = AnyPicture(random);
    const PixelView background = samples_.Pixels(other, {true, false, false});
    DegradeImage(options, {background.rgb}, px, random, shown.data());
    shown.resize(3 * plane);
  }
  Append(shown, input);
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
