#include "io/augment/augmenter.h"

#include "io/augment/move_tuple.h"
#include "io/augment/occluder_blobs.h"
#include "io/augment/photometric.h"
#include "io/core/random.h"
#include "io/hand_box.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

constexpr uint32_t kBlobAttempts = 8;

bool Has(const Tuple& t, uint32_t bit) { return (t.present & bit) != 0; }

Border BorderNamed(const std::string& name) {
  if (name == "mirror") return Border::kMirror;
  return name == "replicate" ? Border::kReplicate : Border::kBlack;
}

// A camera that sees little beside the hand loses it where it turns by more than it sees to a side.
double MostTurnDeg(const GeometryOptions& options, const PinholeCamera& camera) {
  const double half = std::atan(camera.width_px / 2.0 / camera.fx) * 180 / M_PI;
  return std::min(options.turn_deg, half);
}

// In single precision, as the row keeps it: the move is made from what the row says.
Augmentation DrawMove(const GeometryOptions& options, const PinholeCamera& camera, Random* random) {
  Augmentation drawn;
  const auto even = [&](double most) { return static_cast<float>(random->Uniform(-most, most)); };
  const double turn_deg = MostTurnDeg(options, camera);
  auto& n = drawn.numbers;
  n[kRollDeg] = even(options.roll_deg);
  n[kPanDeg] = even(turn_deg);
  n[kTiltDeg] = even(turn_deg);
  // Even in the logarithm: as much nearer as further.
  n[kZoomFactor] = static_cast<float>(
      std::exp(random->Uniform(std::log(options.smallest_zoom), std::log(options.largest_zoom))));
  n[kShiftX] = even(options.shift * camera.width_px);
  n[kShiftY] = even(options.shift * camera.width_px);
  if (n[kRollDeg] != 0) drawn.applied |= kRolled;
  if (n[kPanDeg] != 0 || n[kTiltDeg] != 0) drawn.applied |= kCameraTurned;
  if (n[kZoomFactor] != 1) drawn.applied |= kZoomed;
  if (n[kShiftX] != 0 || n[kShiftY] != 0) drawn.applied |= kShifted;
  return drawn;
}

int JointsInPicture(const Tuple& t) {
  return static_cast<int>(std::count_if(
      t.visible.begin(), t.visible.end(), [](uint8_t v) { return v != kOutOfFrame; }));
}

// Where a row says nothing of its hand, that is taken to fill the middle of its picture. The share
// of it that is still seen after a move, whose flip turns the middle into itself.
double MiddleInPicture(const CameraMove& move, const Tuple& before, const Tuple& after) {
  constexpr int kSide = 8;
  const PinholeCamera& old = before.camera;
  int inside = 0;
  for (int i = 0; i < kSide * kSide; ++i) {
    const double u = old.width_px * (0.25 + 0.5 * (i % kSide + 0.5) / kSide) - 0.5;
    const double v = old.height_px * (0.25 + 0.5 * (i / kSide + 0.5) / kSide) - 0.5;
    const Eigen::Vector3d ray((u - old.cx) / old.fx, (v - old.cy) / old.fy, 1);
    const Eigen::Vector3d moved = move.new_from_cam * ray;
    inside += moved.z() > 0 && after.camera.Contains(after.camera.Project(moved));
  }
  return static_cast<double>(inside) / (kSide * kSide);
}

// "" where enough of the hand is still in the picture, else the reason of rejection.
std::string LostBecause(const GeometryOptions& options,
                        const CameraMove& move,
                        const Tuple& before,
                        const Tuple& after) {
  if (!Has(before, kHasMask) && !Has(before, kHasJoints2) && !Has(before, kHasJoints3)) {
    const bool seen = MiddleInPicture(move, before, after) >= options.keep_hand;
    return seen ? "" : "hand_out_of_frame";
  }
  if (JointsInPicture(after) < options.keep_joints * JointsInPicture(before)) {
    return "joints_out_of_frame";
  }
  const bool lost =
      Has(after, kHasMask) &&
      CountHandPixels(after.mask) <
          options.keep_hand * std::min(1.0, move.zoom * move.zoom) * CountHandPixels(before.mask);
  return lost ? "hand_out_of_frame" : "";
}

}  // namespace

Augmenter::Augmenter(const AugmentationOptions& options, int rgb_px) : options_(options) {
  CheckFields([this](Fields& fields) { options_.Visit(fields); });
  options_.Check();
  if (options_.spectrum.share > 0) {
    references_ =
        ReferenceImages::Load(options_.spectrum.images, rgb_px, options_.spectrum.most_images);
  }
}

void Augmenter::Augment(uint64_t seed,
                        uint64_t index,
                        std::map<std::string, uint64_t>* rejections,
                        Tuple* tuple) const {
  const uint64_t source_index = tuple->index;
  MoveCamera(seed, index, rejections, tuple);
  Occlude(seed, index, rejections, tuple);
  if (Has(*tuple, kHasRgb)) {
    MixSpectra(seed, index, tuple);
    ChangePicture(seed, index, tuple);
    HideBehindBox(seed, index, tuple);
  }
  tuple->augmentation.source_index = source_index;
}

void Augmenter::MoveCamera(uint64_t seed,
                           uint64_t index,
                           std::map<std::string, uint64_t>* rejections,
                           Tuple* tuple) const {
  const GeometryOptions& options = options_.geometry;
  // Whatever is drawn again below, the shares of tuples stay as asked.
  Random share(seed, index, 0, Purpose::kAugmentGeometry);
  const bool flips = share.Chance(options.flip), moves = share.Chance(options.move);
  for (uint32_t attempt = 0;; ++attempt) {
    Random random(seed, index, attempt + 1, Purpose::kAugmentGeometry);
    const bool draws = moves && attempt < options.max_attempts;
    Augmentation drawn = draws ? DrawMove(options, tuple->camera, &random) : Augmentation();
    if (flips) drawn.applied |= kFlipped;
    drawn.attempt = attempt;
    const CameraMove move = MoveOf(drawn);
    Tuple moved = *tuple;
    MoveTuple(move, BorderNamed(options.border), &moved);
    const std::string reason =
        move.ResamplesPixels() ? LostBecause(options, move, *tuple, moved) : "";
    if (reason.empty()) {
      *tuple = std::move(moved);
      tuple->augmentation = drawn;
      return;
    }
    ++(*rejections)[reason];
  }
}

void Augmenter::Occlude(uint64_t seed,
                        uint64_t index,
                        std::map<std::string, uint64_t>* rejections,
                        Tuple* tuple) const {
  const OccluderOptions& options = options_.occluders;
  if (!Random(seed, index, 0, Purpose::kAugmentOccluder).Chance(options.share)) return;
  for (uint32_t attempt = 1; attempt <= kBlobAttempts; ++attempt) {
    Random random(seed, index, attempt, Purpose::kAugmentOccluder);
    const std::vector<OccluderBlob> blobs = DrawBlobs(options, *tuple, &random);
    if (HiddenShare(blobs, *tuple) > options.most_hidden) {
      ++(*rejections)["hand_behind_blobs"];
      continue;
    }
    PlaceBlobs(blobs, tuple);
    tuple->augmentation.applied |= kOccluded;
    tuple->augmentation.numbers[kOccluders] = static_cast<float>(blobs.size());
    return;
  }
}

void Augmenter::MixSpectra(uint64_t seed, uint64_t index, Tuple* tuple) const {
  const SpectrumOptions& options = options_.spectrum;
  Random random(seed, index, 0, Purpose::kAugmentSpectrum);
  if (!references_ || !random.Chance(options.share)) return;
  const int64_t image = random.Integer(static_cast<int64_t>(references_->size()));
  auto& n = tuple->augmentation.numbers;
  n[kSpectrumImage] = static_cast<float>(image);
  n[kSpectrumBand] = static_cast<float>(random.Uniform(0, options.widest_band));
  n[kSpectrumMix] = static_cast<float>(random.Uniform(0, options.strongest_mix));
  MixSpectrum(references_->image(static_cast<size_t>(image)),
              n[kSpectrumBand],
              n[kSpectrumMix],
              &tuple->rgb);
  tuple->augmentation.applied |= kSpectrumMixed;
}

void Augmenter::ChangePicture(uint64_t seed, uint64_t index, Tuple* tuple) const {
  const PictureOptions& o = options_.picture;
  ImageU8* rgb = &tuple->rgb;
  auto& n = tuple->augmentation.numbers;
  uint32_t& applied = tuple->augmentation.applied;
  Random random(seed, index, 0, Purpose::kAugmentPicture);
  const auto upto = [&](double most) { return static_cast<float>(random.Uniform(0, most)); };
  const auto gain = [&](double most) {
    return static_cast<float>(1 + random.Uniform(-most, most));
  };

  if (random.Chance(o.recolour)) {
    n[kBrightness] = gain(o.brightness);
    n[kContrast] = gain(o.contrast);
    n[kSaturation] = gain(o.saturation);
    n[kWarmth] = gain(o.warmth) - 1;
    Recolour({n[kBrightness], n[kContrast], n[kSaturation], n[kWarmth]}, rgb);
    applied |= kRecoloured;
  }
  if (random.Chance(o.blur)) {
    n[kBlurPx] = upto(o.blur_px);
    Blur(n[kBlurPx], rgb);
    applied |= kBlurred;
  }
  if (random.Chance(o.sensor_noise)) {
    n[kShotNoise] = upto(o.shot_noise);
    n[kReadNoise] = upto(o.read_noise);
    AddSensorNoise(n[kShotNoise], n[kReadNoise], &random, rgb);
    applied |= kSensorNoise;
  }
  if (random.Chance(o.plain_noise)) {
    n[kPlainNoiseOf255] = upto(o.plain_noise_of_255);
    AddPlainNoise(n[kPlainNoiseOf255], &random, rgb);
    applied |= kPlainNoise;
  }
  if (random.Chance(o.jpeg)) {
    const int64_t quality = o.lowest_quality + random.Integer(101 - o.lowest_quality);
    n[kJpegQuality] = static_cast<float>(quality);
    CompressJpeg(static_cast<int>(quality), rgb);
    applied |= kCompressed;
  }
}

void Augmenter::HideBehindBox(uint64_t seed, uint64_t index, Tuple* tuple) const {
  const PictureOptions& options = options_.picture;
  Random random(seed, index, 1, Purpose::kAugmentPicture);
  if (!random.Chance(options.cut_out)) return;
  const int size = tuple->rgb.width;
  const auto side = [&] {
    return std::max(1, static_cast<int>(random.Uniform(0.1, 1) * options.cut_out_side * size));
  };
  PixelBox box;
  box.width = side();
  box.height = side();
  box.x = static_cast<int>(random.Integer(size)) - box.width / 2;
  box.y = static_cast<int>(random.Integer(size)) - box.height / 2;
  std::array<uint8_t, 3> colour;
  for (uint8_t& c : colour) c = static_cast<uint8_t>(random.Integer(256));
  CutOut(box, colour, &tuple->rgb);
  for (int j = 0; Has(*tuple, kHasJoints2) && j < kNumJoints; ++j) {
    const double u = RescalePixel(tuple->joints_px(j, 0), tuple->camera.width_px, size);
    const double v = RescalePixel(tuple->joints_px(j, 1), tuple->camera.height_px, size);
    if (tuple->visible[j] != kOutOfFrame && box.Contains(u, v)) {
      tuple->visible[j] = kHiddenByOccluder;
    }
  }
  auto& n = tuple->augmentation.numbers;
  n[kCutOutX] = static_cast<float>(box.x);
  n[kCutOutY] = static_cast<float>(box.y);
  n[kCutOutWidth] = static_cast<float>(box.width);
  n[kCutOutHeight] = static_cast<float>(box.height);
  tuple->augmentation.applied |= kCutOut;
}

}  // namespace handforge
