#include "vae/evaluate.h"

#include "io/core/skeleton.h"
#include "io/core/tuple.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace handforge {
namespace {

constexpr int kRows = 32;  // batch of one evaluation step
constexpr const char* kProtocol3 = "root=palm scale=true-bone joints=21 rerooted=no";

// Evenly spaced choice of at most `limit` rows; 0 = all.
std::vector<int64_t> Choose(const std::vector<int64_t>& rows, int64_t limit) {
  const int64_t count = static_cast<int64_t>(rows.size());
  if (limit <= 0 || limit >= count) return rows;
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < limit; ++i)
    chosen.push_back(rows[static_cast<size_t>(i * count / limit)]);
  return chosen;
}

double MeanDistance(const float* a, const float* b, int dims) {
  double sum = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    double square = 0;
    for (int d = 0; d < dims; ++d) {
      const double difference = static_cast<double>(a[j * dims + d]) - b[j * dims + d];
      square += difference * difference;
    }
    sum += std::sqrt(square);
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

// Adds one image. `rgba(i, c)` is channel c of pixel i of the prediction, 0..255.
template <typename Rgba>
void CountImage(const SampleSet& samples, int64_t row, const Rgba& rgba, ImageCounts* counts) {
  const size_t pixels = static_cast<size_t>(samples.rgb_px) * samples.rgb_px;
  const uint8_t* rgb = samples.rgb.data() + static_cast<size_t>(row) * pixels * 3;
  const uint8_t* alpha = samples.alpha.data() + static_cast<size_t>(row) * pixels;
  for (size_t i = 0; i < pixels; ++i) {
    const bool truth = alpha[i] >= 128;
    const bool said = rgba(i, 3) >= 127.5;
    counts->intersection += truth && said;
    counts->union_area += truth || said;
    if (!truth) continue;
    for (size_t c = 0; c < 3; ++c) counts->colour_error += std::abs(rgba(i, c) - rgb[3 * i + c]);
    counts->colours += 3;
  }
}

// Scores of one pair, batch by batch.
class PairEvaluation {
 public:
  PairEvaluation(const HandVae& vae, const SampleSet& samples, const Pair& pair, int image_px)
      : vae_(vae), samples_(samples), pair_(pair), image_px_(image_px) {}

  void Add(const std::vector<int64_t>& rows) {
    const DecodedBatch decoded = Translate(rows);
    for (size_t i = 0; i < rows.size(); ++i) AddRow(rows[i], static_cast<int>(i), decoded);
    count_ += static_cast<int64_t>(rows.size());
  }

  std::vector<PairScore> Scores() const {
    const double n = static_cast<double>(count_);
    switch (pair_.to) {
      case Modality::kJoints3:
        return {Score("epe_mm", kProtocol3, error_ / n, baseline_error_ / n)};
      case Modality::kJoints2:
        return {Score("epe_px",
                      "grid=" + std::to_string(image_px_) + " joints=21",
                      error_ / n,
                      baseline_error_ / n)};
      case Modality::kRgb:
        return {Score("colour_error",
                      "range=0..255 region=mask",
                      image_.ColourError(),
                      baseline_image_.ColourError()),
                Score("alpha_iou", "threshold=0.5", image_.Iou(), baseline_image_.Iou())};
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
                 pair_.to == Modality::kRgb});
    return decoded;
  }

  void AddRow(int64_t row, int i, const DecodedBatch& decoded) {
    if (pair_.to == Modality::kJoints3) {
      AddJoints(samples_.joints3,
                decoded.joints3,
                vae_.mean_joints3(),
                row,
                i,
                3,
                samples_.bone_mm[static_cast<size_t>(row)]);
    } else if (pair_.to == Modality::kJoints2) {
      AddJoints(samples_.joints2, decoded.joints2, vae_.mean_joints2(), row, i, 2, image_px_ / 2.0);
    } else {
      const size_t size = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px * 4;
      const uint8_t* said = decoded.rgba.data() + static_cast<size_t>(i) * size;
      const float* mean = vae_.mean_rgba().data();
      CountImage(
          samples_, row, [&](size_t p, size_t c) { return double{1} * said[4 * p + c]; }, &image_);
      CountImage(
          samples_,
          row,
          [&](size_t p, size_t c) { return 255.0 * mean[4 * p + c]; },
          &baseline_image_);
    }
  }

  void AddJoints(const std::vector<float>& truth,
                 const std::vector<float>& said,
                 const std::vector<float>& mean,
                 int64_t row,
                 int i,
                 int dims,
                 double unit) {
    const size_t size = static_cast<size_t>(kNumJoints) * dims;
    const float* true_joints = truth.data() + static_cast<size_t>(row) * size;
    error_ += unit * MeanDistance(true_joints, said.data() + static_cast<size_t>(i) * size, dims);
    baseline_error_ += unit * MeanDistance(true_joints, mean.data(), dims);
  }

  PairScore Score(const char* measure,
                  const std::string& protocol,
                  double value,
                  double baseline) const {
    return {pair_.Name(), measure, protocol, value, baseline, count_};
  }

  const HandVae& vae_;
  const SampleSet& samples_;
  Pair pair_;
  int image_px_;
  int64_t count_ = 0;
  double error_ = 0;
  double baseline_error_ = 0;
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
    PairEvaluation evaluation(vae, samples, pair, options.image_px);
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
                "%-9s %-12s %8.3f   training mean %8.3f   [%s, n=%lld]",
                score.pair.c_str(),
                score.measure.c_str(),
                score.value,
                score.baseline,
                score.protocol.c_str(),
                static_cast<long long>(score.samples));
  return text;
}

}  // namespace handforge
