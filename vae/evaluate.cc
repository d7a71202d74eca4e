#include "vae/evaluate.h"

#include "io/core/metrics.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"
#include "vae/augment.h"
#include "vae/targets.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <future>

namespace handforge {
namespace {

constexpr int kRows = 32;  // batch of one evaluation step

Joints3 ToJoints3(const float* normalised) {
  return MetricJoints3(normalised, 1, Handedness::kRight);
}

// The palm's centre in place of the wrist, as kSpurr2018 wants predictions; not centred again.
Joints3 PalmInJoint0(Joints3 joints) {
  const Eigen::Vector3d palm = PalmCentre(joints);
  joints.row(kWrist) = palm.transpose();
  return joints;
}

// Spurr et al. 2018 count visible joints only.
bool CountsVisibleOnly(Protocol protocol) { return protocol == Protocol::kSpurr2018; }

// Of a model that says the hand's size itself (`metric`), or of one that is given the true bone.
ProtocolText DescribeFor(Protocol protocol, bool metric) {
  ProtocolText text = Describe(protocol);
  if (protocol == Protocol::kSpurr2018 && metric) text.scale = "as predicted";
  if (protocol == Protocol::kRoot && !metric) text.scale = "true bone length";
  return text;
}

std::string MeasureName(Protocol protocol) {
  if (protocol == Protocol::kSpurr2018) return "epe_mm";
  return "epe_" + Describe(protocol).name + "_mm";
}

// Distances of one 3D prediction after another under one protocol.
class PoseErrors {
 public:
  explicit PoseErrors(Protocol protocol) : protocol_(protocol) {}

  // Both in mm, palm-centred; `bone_mm` is the reference bone of the truth.
  void Add(const Joints3& said,
           const Joints3& truth,
           double bone_mm,
           const std::array<uint8_t, kNumJoints>& visible) {
    const bool normalised = protocol_ == Protocol::kSpurr2018;
    const AlignedPair pair =
        ApplyProtocol(protocol_, normalised ? PalmInJoint0(said / bone_mm) : said, truth);
    std::array<uint8_t, kNumJoints> counted = visible;
    if (!CountsVisibleOnly(protocol_)) counted.fill(kVisible);
    distances_.Add(pair.predicted, pair.truth, counted);
  }

  Protocol protocol() const { return protocol_; }
  double MeanMm() const { return distances_.Mean(); }
  PoseReport Report(bool metric) const {
    PoseReport report = MakePoseReport(protocol_, distances_);
    report.scale = DescribeFor(protocol_, metric).scale;
    return report;
  }

 private:
  Protocol protocol_;
  JointDistances distances_;
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

// Measures one pair, batch by batch.
class PairEvaluation {
 public:
  PairEvaluation(const HandVae& vae,
                 const SampleSet& samples,
                 const Pair& pair,
                 const EvaluationOptions& options,
                 size_t num_rows)
      : vae_(vae), samples_(samples), pair_(pair), options_(options), num_rows_(num_rows) {
    for (const Protocol protocol : options.protocols) {
      poses_.emplace_back(protocol);
      mean_poses_.emplace_back(protocol);
    }
  }

  void Add(const std::vector<int64_t>& rows, const DecodedBatch& decoded) {
    for (size_t i = 0; i < rows.size(); ++i) AddRow(rows[i], i, decoded);
  }

  PairReport Report() const {
    PairReport report{pair_, static_cast<int64_t>(num_rows_), {}, Scores(), compared_};
    if (pair_.to != Modality::kJoints3) return report;
    for (size_t p = 0; p < poses_.size(); ++p) {
      report.poses.push_back({PoseLine(poses_[p].protocol()),
                              poses_[p].Report(IsMetric()),
                              mean_poses_[p].Report(IsMetric())});
    }
    return report;
  }

  // Encodes and decodes the rows; several threads may.
  DecodedBatch Translate(const std::vector<int64_t>& rows) const {
    const int count = static_cast<int>(rows.size());
    const size_t size = static_cast<size_t>(InputSize(pair_.from, samples_.rgb_px));
    std::vector<float> input(size * rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      samples_.CopyInput(rows[i], pair_.from, input.data() + i * size);
    }
    std::vector<uint8_t> sides;
    for (const int64_t row : rows) sides.push_back(samples_.handedness[static_cast<size_t>(row)]);
    if (IsImage(pair_.from) && !IsImage(pair_.to)) {
      TurnedLooks looks =
          LookUpright(vae_, pair_.from, input.data(), count, options_.upright_views, sides.data());
      DecodedBatch said;
      said.rows = count;
      said.joints3 = std::move(looks.joints3);
      said.joints2 = std::move(looks.joints2);
      return said;
    }
    std::vector<float> z(rows.size() * static_cast<size_t>(vae_.info().latent_dim));
    vae_.Encode(pair_.from, input.data(), count, z.data(), nullptr, sides.data());
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

 private:
  std::vector<PairScore> Scores() const {
    switch (pair_.to) {
      case Modality::kJoints3:
        return PoseScores();
      case Modality::kJoints2:
        return {
            Score("epe_px",
                  "crop of " + std::to_string(options_.image_px) + " px, 21 joints" + FramingText(),
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
      case Modality::kDepth: {
        if (depth_rows_ == 0) return {};
        const auto rows = static_cast<double>(depth_rows_);
        PairScore score = Score("depth_mm",
                                "relative depth, inside the foreground" + FramingText(),
                                depth_mm_ / rows,
                                baseline_depth_mm_ / rows);
        score.samples = depth_rows_;
        return {score};
      }
    }
    return {};
  }

  std::vector<PairScore> PoseScores() const {
    std::vector<PairScore> scores;
    for (size_t p = 0; p < poses_.size(); ++p) {
      const Protocol protocol = poses_[p].protocol();
      scores.push_back(Score(
          MeasureName(protocol), PoseLine(protocol), poses_[p].MeanMm(), mean_poses_[p].MeanMm()));
    }
    return scores;
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
    const double bone_mm = samples_.bone_mm[r];
    const double unit_mm = vae_.info().UnitMm(bone_mm);
    const Joints3 truth = unit_mm * ToJoints3(samples_.joints3.data() + r * kNumJoints * 3);
    std::array<uint8_t, kNumJoints> visible;
    std::copy_n(samples_.visible.data() + r * kNumJoints, kNumJoints, visible.begin());
    const Joints3 mean_pose = unit_mm * ToJoints3(vae_.mean_joints3().data());
    for (PoseErrors& errors : poses_)
      errors.Add(unit_mm * ToJoints3(said), truth, bone_mm, visible);
    for (PoseErrors& errors : mean_poses_) errors.Add(mean_pose, truth, bone_mm, visible);
    if (!options_.keep_poses) return;
    const auto side = vae_.info().model.MirrorsLeftHands()
                          ? static_cast<Handedness>(samples_.handedness[r])
                          : Handedness::kRight;
    compared_.push_back(
        {row,
         MetricJoints3(said, unit_mm, side),
         MetricJoints3(samples_.joints3.data() + r * kNumJoints * 3, unit_mm, side)});
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
    const double unit = options_.image_px / 2.0 / static_cast<double>(num_rows_);
    error_px_ += unit * MeanDistance2(truth.data(), said);
    baseline_error_px_ += unit * MeanDistance2(truth.data(), vae_.mean_joints2().data());
  }

  void AddImage(int64_t row, const uint8_t* said) {
    const size_t pixels = static_cast<size_t>(samples_.rgb_px) * samples_.rgb_px;
    std::vector<float> planes(kImagePlanes * pixels);
    const PixelView view = samples_.Pixels(row, {true, true, false});
    AugmentImage(Framing(row), view.rgb, view.alpha, samples_.rgb_px, planes.data());
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
    const double unit = kRelativeDepthMm / count;
    ++depth_rows_;
    depth_mm_ += unit * error;
    baseline_depth_mm_ += unit * plane_error;
  }

  std::string PoseLine(Protocol protocol) const {
    const std::string line = ProtocolLine(DescribeFor(protocol, IsMetric()));
    return CountsVisibleOnly(protocol) ? line + ", visible ones" : line;
  }
  bool IsMetric() const { return vae_.info().model.metric_scale != 0; }

  std::string FramingText() const {
    return HasCanonicalFraming(pair_) ? ", canonical framing" : "";
  }

  PairScore Score(const std::string& measure,
                  const std::string& protocol,
                  double value,
                  double baseline) const {
    return {pair_.Name(), measure, protocol, value, baseline, static_cast<int64_t>(num_rows_)};
  }

  const HandVae& vae_;
  const SampleSet& samples_;
  Pair pair_;
  const EvaluationOptions& options_;
  size_t num_rows_;
  std::vector<PoseErrors> poses_;
  std::vector<PoseErrors> mean_poses_;
  std::vector<ComparedPose> compared_;
  double error_px_ = 0;
  double baseline_error_px_ = 0;
  int64_t depth_rows_ = 0;  // that show some hand
  double depth_mm_ = 0;     // sums over these
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

std::vector<std::vector<int64_t>> InBatches(const std::vector<int64_t>& rows) {
  std::vector<std::vector<int64_t>> batches;
  for (size_t first = 0; first < rows.size(); first += kRows) {
    const size_t end = std::min(rows.size(), first + kRows);
    batches.emplace_back(rows.begin() + static_cast<ptrdiff_t>(first),
                         rows.begin() + static_cast<ptrdiff_t>(end));
  }
  return batches;
}

// `threads` batches are translated at once; they are counted in order.
PairReport EvaluatePair(const HandVae& vae,
                        const SampleSet& samples,
                        const Pair& pair,
                        const std::vector<int64_t>& rows,
                        const EvaluationOptions& options) {
  PairEvaluation evaluation(vae, samples, pair, options, rows.size());
  const std::vector<std::vector<int64_t>> batches = InBatches(rows);
  const size_t at_once = static_cast<size_t>(std::max(1, options.threads));
  for (size_t first = 0; first < batches.size(); first += at_once) {
    const size_t end = std::min(batches.size(), first + at_once);
    std::vector<std::future<DecodedBatch>> others;
    for (size_t b = first + 1; b < end; ++b) {
      others.push_back(
          std::async(std::launch::async, [&, b] { return evaluation.Translate(batches[b]); }));
    }
    evaluation.Add(batches[first], evaluation.Translate(batches[first]));
    for (size_t b = first + 1; b < end; ++b) {
      evaluation.Add(batches[b], others[b - first - 1].get());
    }
  }
  return evaluation.Report();
}

}  // namespace

std::vector<PairReport> EvaluatePairs(const HandVae& vae,
                                      const SampleSet& samples,
                                      const EvaluationOptions& options) {
  std::vector<PairReport> reports;
  for (const Pair& pair : options.pairs) {
    const bool known = vae.info().has_encoder[static_cast<size_t>(pair.from)] &&
                       vae.info().has_decoder[static_cast<size_t>(pair.to)];
    const std::vector<int64_t> rows = EvenlySpaced(ScorableRows(samples, pair), options.limit);
    if (known && !rows.empty()) {
      reports.push_back(EvaluatePair(vae, samples, pair, rows, options));
    }
  }
  return reports;
}

std::vector<PairScore> EvaluateModel(const HandVae& vae,
                                     const SampleSet& samples,
                                     const EvaluationOptions& options) {
  std::vector<PairScore> scores;
  for (const PairReport& report : EvaluatePairs(vae, samples, options)) {
    scores.insert(scores.end(), report.scores.begin(), report.scores.end());
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
