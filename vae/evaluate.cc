#include "vae/evaluate.h"

#include "io/core/metrics.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"
#include "vae/augment.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace handforge {
namespace {

constexpr int kRows = 32;  // batch of one evaluation step

// Evenly spaced choice of at most `limit` rows; 0 = all.
std::vector<int64_t> Choose(const std::vector<int64_t>& rows, int64_t limit) {
  const int64_t count = static_cast<int64_t>(rows.size());
  if (limit <= 0 || limit >= count) return rows;
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < limit; ++i)
    chosen.push_back(rows[static_cast<size_t>(i * count / limit)]);
  return chosen;
}

Joints3 ToJoints3(const float* normalised) {
  return MetricJoints3(normalised, 1, Handedness::kRight);
}

// The palm's centre in place of the wrist, as kSpurr2018 wants predictions; not centred again.
Joints3 PalmInJoint0(Joints3 joints) {
  const Eigen::Vector3d palm = PalmCentre(joints);
  joints.row(kWrist) = palm.transpose();
  return joints;
}

// Errors of one 3D prediction after another under two protocols.
class PoseErrors {
 public:
  // Both in bone lengths, palm-centred.
  void Add(const Joints3& said,
           const Joints3& truth,
           double bone_mm,
           const std::array<uint8_t, kNumJoints>& visible) {
    const AlignedPair spurr =
        ApplyProtocol(Protocol::kSpurr2018, PalmInJoint0(said), truth * bone_mm);
    spurr_.Add(spurr.predicted, spurr.truth, visible);
    const AlignedPair root = ApplyProtocol(Protocol::kRoot, said * bone_mm, truth * bone_mm);
    std::array<uint8_t, kNumJoints> all;
    all.fill(kVisible);
    root_.Add(root.predicted, root.truth, all);
  }

  double SpurrMm() const { return spurr_.Mean(); }
  double RootMm() const { return root_.Mean(); }

 private:
  JointDistances spurr_;
  JointDistances root_;
};

double MeanDistance2(const float* a, const float* b) {
  double sum = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    sum += std::hypot(double{a[2 * j]} - b[2 * j], double{a[2 * j + 1]} - b[2 * j + 1]);
  }
  return sum / kNumJoints;
}

struct ImageCounts {
  double colour_error = 0;  // sum over pixels and channels, 0..255
  double colours = 0;
  double intersection = 0;
  double union_area = 0;

  double ColourError() const { return colours > 0 ? colour_error / colours : 0; }
  double Iou() const { return union_area > 0 ? intersection / union_area : 1; }
};

// Adds one image. `planes` is the truth (AugmentImage); `rgba(i, c)` is channel c of pixel i of the
// prediction, 0..255.
template <typename Rgba>
void CountImage(const std::vector<float>& planes, const Rgba& rgba, ImageCounts* counts) {
  const size_t pixels = planes.size() / kImagePlanes;
  for (size_t i = 0; i < pixels; ++i) {
    if (planes[4 * pixels + i] == 0) continue;  // outside the image
    const bool truth = planes[3 * pixels + i] >= 0.5F;
    const bool said = rgba(i, 3) >= 127.5;
    counts->intersection += truth && said;
    counts->union_area += truth || said;
    if (!truth) continue;
    for (size_t c = 0; c < 3; ++c) {
      counts->colour_error += std::abs(rgba(i, c) - 255.0 * planes[c * pixels + i]);
    }
    counts->colours += 3;
  }
}

// Scores of one pair, batch by batch.
class PairEvaluation {
 public:
  PairEvaluation(
      const HandVae& vae, const SampleSet& samples, const Pair& pair, int image_px, size_t num_rows)
      : vae_(vae), samples_(samples), pair_(pair), image_px_(image_px), num_rows_(num_rows) {}

  void Add(const std::vector<int64_t>& rows) {
    const DecodedBatch decoded = Translate(rows);
    for (size_t i = 0; i < rows.size(); ++i) AddRow(rows[i], i, decoded);
  }

  std::vector<PairScore> Scores() const {
    switch (pair_.to) {
      case Modality::kJoints3:
        return {Score("epe_mm",
                      ProtocolLine(Protocol::kSpurr2018) + ", visible ones",
                      pose_.SpurrMm(),
                      baseline_pose_.SpurrMm()),
                Score("epe_root_mm",
                      ProtocolLine(Protocol::kRoot) + ", true bone length",
                      pose_.RootMm(),
                      baseline_pose_.RootMm())};
      case Modality::kJoints2:
        return {Score("epe_px",
                      "crop of " + std::to_string(image_px_) + " px, 21 joints" + FramingText(),
                      error_px_,
                      baseline_error_px_)};
      case Modality::kRgb:
        return {
            Score("colour_error",
                  "of 0..255, inside the mask" + FramingText(),
                  image_.ColourError(),
                  baseline_image_.ColourError()),
            Score(
                "alpha_iou", "cut at a half" + FramingText(), image_.Iou(), baseline_image_.Iou())};
      case Modality::kDepth:
        return {Score("depth_mm",
                      "relative depth, inside the foreground" + FramingText(),
                      depth_mm_,
                      baseline_depth_mm_)};
    }
    return {};
  }

 private:
  DecodedBatch Translate(const std::vector<int64_t>& rows) const {
    const int count = static_cast<int>(rows.size());
    const size_t size = static_cast<size_t>(InputSize(pair_.from, samples_.rgb_px));
    std::vector<float> input(size * rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      samples_.CopyInput(rows[i], pair_.from, input.data() + i * size);
    }
    std::vector<float> z(rows.size() * static_cast<size_t>(vae_.info().latent_dim));
    vae_.Encode(pair_.from, input.data(), count, z.data(), nullptr);
    DecodedBatch decoded;
    vae_.Decode(z.data(),
                count,
                &decoded,
                {pair_.to == Modality::kJoints3,
                 pair_.to == Modality::kJoints2,
                 pair_.to == Modality::kRgb,
                 pair_.to == Modality::kDepth});
    return decoded;
  }

  void AddRow(int64_t row, size_t i, const DecodedBatch& decoded) {
    if (pair_.to == Modality::kJoints3) {
      AddJoints3(row, decoded.joints3.data() + i * kNumJoints * 3);
    } else if (pair_.to == Modality::kJoints2) {
      AddJoints2(row, decoded.joints2.data() + i * kNumJoints * 2);
    } else if (pair_.to == Modality::kRgb) {
      const size_t size = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px * 4;
      AddImage(row, decoded.rgba.data() + i * size);
    } else {
      AddDepth(row,
               decoded.depth.data() + i * static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px);
    }
  }

  void AddJoints3(int64_t row, const float* said) {
    const size_t r = static_cast<size_t>(row);
    const Joints3 truth = ToJoints3(samples_.joints3.data() + r * kNumJoints * 3);
    std::array<uint8_t, kNumJoints> visible;
    std::copy_n(samples_.visible.data() + r * kNumJoints, kNumJoints, visible.begin());
    pose_.Add(ToJoints3(said), truth, samples_.bone_mm[r], visible);
    baseline_pose_.Add(ToJoints3(vae_.mean_joints3().data()), truth, samples_.bone_mm[r], visible);
  }

  // What moves the truth of a row to the framing the pair speaks of.
  AugmentDraw Framing(int64_t row) const {
    AugmentDraw draw;
    if (HasCanonicalFraming(pair_) && samples_.Has(row, Modality::kJoints2)) {
      SetCanonicalFraming(samples_.joints2.data() + row * kNumJoints * 2, &draw);
    }
    return draw;
  }

  void AddJoints2(int64_t row, const float* said) {
    std::array<float, kNumJoints * 2> truth;
    samples_.CopyInput(row, Modality::kJoints2, truth.data());
    MoveJoints2(Framing(row), truth.data());
    const double unit = image_px_ / 2.0 / static_cast<double>(num_rows_);
    error_px_ += unit * MeanDistance2(truth.data(), said);
    baseline_error_px_ += unit * MeanDistance2(truth.data(), vae_.mean_joints2().data());
  }

  void AddImage(int64_t row, const uint8_t* said) {
    const size_t pixels = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px;
    const size_t first = static_cast<size_t>(row) * pixels;
    std::vector<float> planes(kImagePlanes * pixels);
    AugmentImage(Framing(row),
                 samples_.rgb.data() + 3 * first,
                 samples_.alpha.data() + first,
                 samples_.rgb_px,
                 planes.data());
    const float* mean = vae_.mean_rgba().data();
    const auto model = [&](size_t p, size_t c) { return static_cast<double>(said[4 * p + c]); };
    const auto baseline = [&](size_t p, size_t c) { return 255.0 * mean[4 * p + c]; };
    CountImage(planes, model, &image_);
    CountImage(planes, baseline, &baseline_image_);
  }

  // Beside a plane through the median.
  void AddDepth(int64_t row, const float* said) {
    const size_t pixels = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px;
    std::vector<float> depth(pixels);
    samples_.CopyInput(row, Modality::kDepth, depth.data());
    std::vector<float> planes(kDepthPlanes * pixels);
    AugmentDepth(Framing(row), depth.data(), samples_.rgb_px, planes.data());
    double error = 0;
    double plane_error = 0;
    double count = 0;
    for (size_t i = 0; i < pixels; ++i) {
      if (planes[i] >= 1) continue;
      error += std::abs(double{planes[i]} - said[i]);
      plane_error += std::abs(planes[i]);
      ++count;
    }
    if (count == 0) return;
    const double unit = kRelativeDepthMm / count / static_cast<double>(num_rows_);
    depth_mm_ += unit * error;
    baseline_depth_mm_ += unit * plane_error;
  }

  std::string FramingText() const {
    return HasCanonicalFraming(pair_) ? ", canonical framing" : "";
  }

  PairScore Score(const char* measure,
                  const std::string& protocol,
                  double value,
                  double baseline) const {
    return {pair_.Name(), measure, protocol, value, baseline, static_cast<int64_t>(num_rows_)};
  }

  const HandVae& vae_;
  const SampleSet& samples_;
  Pair pair_;
  int image_px_;
  size_t num_rows_;
  PoseErrors pose_;
  PoseErrors baseline_pose_;
  double error_px_ = 0;
  double baseline_error_px_ = 0;
  double depth_mm_ = 0;
  double baseline_depth_mm_ = 0;
  ImageCounts image_;
  ImageCounts baseline_image_;
};

// Rows that can be scored: colour and alpha need a mask.
std::vector<int64_t> ScorableRows(const SampleSet& samples, const Pair& pair) {
  std::vector<int64_t> rows = samples.RowsFor(pair);
  if (pair.to == Modality::kRgb) {
    rows.erase(std::remove_if(rows.begin(),
                              rows.end(),
                              [&](int64_t row) {
                                return (samples.present[static_cast<size_t>(row)] & kHasMask) == 0;
                              }),
               rows.end());
  }
  return rows;
}

}  // namespace

std::vector<PairScore> EvaluateModel(const HandVae& vae,
                                     const SampleSet& samples,
                                     const EvaluationOptions& options) {
  std::vector<PairScore> scores;
  for (const Pair& pair : options.pairs) {
    const bool known = vae.info().has_encoder[static_cast<size_t>(pair.from)] &&
                       vae.info().has_decoder[static_cast<size_t>(pair.to)];
    const std::vector<int64_t> rows = Choose(ScorableRows(samples, pair), options.limit);
    if (!known || rows.empty()) continue;
    PairEvaluation evaluation(vae, samples, pair, options.image_px, rows.size());
    for (size_t first = 0; first < rows.size(); first += kRows) {
      const size_t end = std::min(rows.size(), first + kRows);
      evaluation.Add({rows.begin() + static_cast<ptrdiff_t>(first),
                      rows.begin() + static_cast<ptrdiff_t>(end)});
    }
    const std::vector<PairScore> of_pair = evaluation.Scores();
    scores.insert(scores.end(), of_pair.begin(), of_pair.end());
  }
  return scores;
}

std::string FormatScore(const PairScore& score) {
  char text[256];
  std::snprintf(text,
                sizeof(text),
                "%-8s  %-12s %8.3f   training mean %8.3f   (%s; %lld samples)",
                score.pair.c_str(),
                score.measure.c_str(),
                score.value,
                score.baseline,
                score.protocol.c_str(),
                static_cast<long long>(score.samples));
  return text;
}

}  // namespace handforge
