#include "synth/latent_sampler.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "render/kinematics.h"
#include "vae/targets.h"
#include "vae/tensor_file.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include <Eigen/Cholesky>
#include <opencv2/ml.hpp>

namespace handforge {

const std::vector<std::string>& LatentMethodNames() {
  static const std::vector<std::string> names = {
      "none", "prior", "gaussian", "mixture", "kernel", "path", "coverage", "file"};
  return names;
}

LatentMethod ParseLatentMethod(const std::string& name) {
  const auto& names = LatentMethodNames();
  const auto found = std::find(names.begin() + 1, names.end(), name);
  if (found != names.end()) return static_cast<LatentMethod>(found - names.begin());
  throw UsageError("synth.latent '" + name +
                   "': expected prior, gaussian, mixture, kernel, path, coverage or file");
}

// ---- Conditions -------------------------------------------------------------------------------

namespace {

constexpr uint64_t kMixtureSeed = 1;

// Angles that make a gesture: all but twists and the wrist.
bool ShapesGesture(int angle) {
  if (angle == kThumbCmcTwist || angle >= kWristFlexion) return false;
  const bool finger = angle >= kFirstFingerAngle && angle < kRingCup;
  return !finger || (angle - kFirstFingerAngle) % 5 != kMcpTwist;
}

double RmsDifference(const HandAngles& a, const HandAngles& b) {
  double sum = 0;
  int count = 0;
  for (int angle = 0; angle < kNumAngles; ++angle) {
    if (!ShapesGesture(angle)) continue;
    sum += (a[angle] - b[angle]) * (a[angle] - b[angle]);
    ++count;
  }
  return std::sqrt(sum / count);
}

int FindAngle(const std::string& name) {
  std::vector<std::string> names;
  for (const AngleLimit& limit : AngleLimits()) names.push_back(limit.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  const std::string near = NearestName(name, names);
  throw UsageError("synth.condition.pose: unknown angle '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace

PoseCondition::PoseCondition(const ConditionOptions& options, const std::vector<Gesture>& gestures)
    : within_deg_(options.within_deg) {
  std::vector<std::string> names;
  for (const Gesture& gesture : gestures) names.push_back(gesture.name);
  for (const std::string& wanted : options.gestures) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      const std::string near = NearestName(wanted, names);
      throw UsageError("synth.condition.gestures: unknown gesture '" + wanted + "'" +
                       (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    gestures_.push_back(gestures[static_cast<size_t>(found - names.begin())].angles_deg);
  }
  for (const std::string& text : options.pose) {
    std::istringstream words(text);
    std::string name, rest;
    Window window;
    if (!(words >> name >> window.low_deg >> window.high_deg) || words >> rest ||
        window.low_deg > window.high_deg) {
      throw UsageError("synth.condition.pose: '" + text +
                       "': expected ANGLE LOW HIGH, like 'index_pip_flexion 60 90'");
    }
    window.angle = FindAngle(name);
    windows_.push_back(window);
  }
}

bool PoseCondition::Matches(const HandAngles& angles_deg) const {
  for (const Window& window : windows_) {
    const double angle = angles_deg[window.angle];
    if (angle < window.low_deg || angle > window.high_deg) return false;
  }
  if (gestures_.empty()) return true;
  return std::any_of(gestures_.begin(), gestures_.end(), [&](const HandAngles& gesture) {
    return RmsDifference(angles_deg, gesture) <= within_deg_;
  });
}

// ---- Anchors ----------------------------------------------------------------------------------

namespace {

constexpr int kEncodeBatch = 64;

Joints3 JointsOfRow(const std::vector<float>& joints, size_t row) {
  Joints3 out;
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) out(j, c) = joints[(row * kNumJoints + j) * 3 + c];
  }
  return out;
}

// Poses are judged in any unit of length: angles have none.
bool PoseMatches(const Rig& rig, const Joints3& joints, const PoseCondition& condition) {
  constexpr double kReferenceBoneMm = 45;
  return condition.empty() ||
         condition.Matches(Measure(rig, FitRig(rig, joints * kReferenceBoneMm)).angles_deg);
}

void AddAnchor(const float* mean, const float* logvar, int64_t number, LatentAnchors* anchors) {
  anchors->mean.insert(anchors->mean.end(), mean, mean + anchors->dim);
  anchors->logvar.insert(anchors->logvar.end(), logvar, logvar + anchors->dim);
  anchors->number.push_back(number);
}

// Posteriors of normalised poses {N, 63}, encoded in batches of one size, the last one padded.
void EncodePoses(const HandVae& model,
                 std::vector<float> poses,
                 const std::vector<int64_t>& numbers,
                 LatentAnchors* anchors) {
  constexpr size_t kValues = kNumJoints * 3;
  const size_t batches = (numbers.size() + kEncodeBatch - 1) / kEncodeBatch;
  poses.resize(batches * kEncodeBatch * kValues, 0);
  std::vector<float> mean(kEncodeBatch * static_cast<size_t>(anchors->dim)), logvar(mean);
  for (size_t batch = 0; batch < batches; ++batch) {
    const float* input = poses.data() + batch * kEncodeBatch * kValues;
    model.Encode(Modality::kJoints3, input, kEncodeBatch, mean.data(), logvar.data());
    for (size_t i = 0; i < kEncodeBatch && batch * kEncodeBatch + i < numbers.size(); ++i) {
      const size_t at = i * static_cast<size_t>(anchors->dim);
      AddAnchor(&mean[at], &logvar[at], numbers[batch * kEncodeBatch + i], anchors);
    }
  }
}

void AddTuples(const HandVae& model,
               const Rig& rig,
               const std::vector<std::string>& folders,
               const PoseCondition& condition,
               LatentAnchors* anchors) {
  std::vector<float> poses;
  std::vector<int64_t> numbers;
  int64_t number = 0;
  for (const std::string& folder : folders) {
    const Dataset dataset(folder);
    for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
      const ShardReader reader = dataset.OpenShard(shard);
      if (reader.Find("joints_3d").row_shape != std::vector<uint64_t>{kNumJoints, 3}) {
        throw DataError(folder + ", shard " + std::to_string(shard) +
                        ": joints_3d must be 21 x 3 in every row");
      }
      const auto joints = reader.Read<float>("joints_3d", 0, reader.size());
      const auto sides = reader.Read<uint8_t>("handedness", 0, reader.size());
      const auto present = reader.Read<uint32_t>("present", 0, reader.size());
      const auto splits = reader.Read<uint8_t>("split", 0, reader.size());
      for (size_t row = 0; row < reader.size(); ++row, ++number) {
        const Joints3 joints_in_cam = JointsOfRow(joints, row);
        if (static_cast<Split>(splits[row]) != Split::kTrain) continue;
        if ((present[row] & kHasJoints3) == 0 || ReferenceBoneLength(joints_in_cam) <= 0) continue;
        std::array<float, kNumJoints * 3> pose;
        NormaliseJoints3(joints_in_cam, static_cast<Handedness>(sides[row]), pose.data());
        const std::vector<float> values(pose.begin(), pose.end());
        if (!PoseMatches(rig, JointsOfRow(values, 0), condition)) continue;
        poses.insert(poses.end(), pose.begin(), pose.end());
        numbers.push_back(number);
      }
    }
  }
  EncodePoses(model, std::move(poses), numbers, anchors);
}

// The model's own posteriors, as far as what they decode to matches.
void AddStored(const std::filesystem::path& model_file,
               const HandVae& model,
               const Rig& rig,
               const PoseCondition& condition,
               LatentAnchors* anchors) {
  const TensorFile file = TensorFile::Read(model_file);
  if (!file.Has("latent.bank_mean")) return;
  const std::vector<float> means = file.Floats("latent.bank_mean", {-1, anchors->dim});
  const std::vector<float> logvars = file.Floats("latent.bank_logvar", {-1, anchors->dim});
  const auto dim = static_cast<size_t>(anchors->dim);
  const size_t count = means.size() / dim;
  DecodeRequest joints_only;
  joints_only.joints2 = joints_only.rgba = joints_only.depth = false;
  DecodedBatch decoded;
  std::vector<float> batch(kEncodeBatch * dim);
  for (size_t first = 0; first < count; first += kEncodeBatch) {
    const size_t rows = std::min<size_t>(kEncodeBatch, count - first);
    if (!condition.empty()) {
      std::fill(batch.begin(), batch.end(), 0.0f);
      std::copy_n(means.begin() + static_cast<long>(first * dim), rows * dim, batch.begin());
      model.Decode(batch.data(), kEncodeBatch, &decoded, joints_only);
    }
    for (size_t i = 0; i < rows; ++i) {
      if (!condition.empty() && !PoseMatches(rig, JointsOfRow(decoded.joints3, i), condition)) {
        continue;
      }
      const size_t at = (first + i) * dim;
      AddAnchor(&means[at], &logvars[at], static_cast<int64_t>(first + i), anchors);
    }
  }
}

}  // namespace

LatentAnchors LoadAnchors(const std::filesystem::path& model_file,
                          const HandVae& model,
                          const Rig& rig,
                          const std::vector<std::string>& parents,
                          const PoseCondition& condition) {
  LatentAnchors anchors;
  anchors.dim = model.info().latent_dim;
  if (parents.empty()) {
    AddStored(model_file, model, rig, condition, &anchors);
  } else {
    AddTuples(model, rig, parents, condition, &anchors);
  }
  if (anchors.size() > 0) return anchors;
  if (condition.empty()) {
    throw UsageError(parents.empty() ? "the model holds no latent statistics; use synth.latent "
                                       "prior, or synth.parents"
                                     : "synth.parents: no tuple of the split train has 3D joints");
  }
  throw UsageError("synth.condition: none of the known poses matches; widen it");
}

// ---- Samplers ---------------------------------------------------------------------------------

namespace {

class SamplerBase : public LatentSampler {
 public:
  SamplerBase(LatentMethod method, const SynthOptions& options, int dim)
      : method_(method), seed_(options.seed), temperature_(options.temperature), dim_(dim) {}

 protected:
  Random RandomFor(uint64_t index, uint32_t attempt) const {
    return Random(seed_, index, attempt, Purpose::kLatent);
  }
  std::vector<double> Noise(Random* random) const {
    std::vector<double> noise(static_cast<size_t>(dim_));
    for (double& value : noise) value = random->Normal(0, temperature_);
    return noise;
  }

  const LatentMethod method_;
  const uint64_t seed_;
  const double temperature_;
  const int dim_;
};

// N(0, I).
class PriorSampler : public SamplerBase {
 public:
  using SamplerBase::SamplerBase;
  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    Random random = RandomFor(index, attempt);
    const std::vector<double> noise = Noise(&random);
    return {{noise.begin(), noise.end()}, method_, {-1, -1}};
  }
};

// One or several Gaussians, each with a lower Cholesky factor of its covariance.
class GaussianSampler : public SamplerBase {
 public:
  struct Component {
    double weight;
    Eigen::VectorXd mean;
    Eigen::MatrixXd cholesky;
  };
  GaussianSampler(LatentMethod method,
                  const SynthOptions& options,
                  int dim,
                  std::vector<Component> components)
      : SamplerBase(method, options, dim), components_(std::move(components)) {}

  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    Random random = RandomFor(index, attempt);
    double left = components_.size() == 1 ? 0 : random.Uniform();
    size_t chosen = 0;
    while (chosen + 1 < components_.size() && left >= components_[chosen].weight) {
      left -= components_[chosen++].weight;
    }
    const std::vector<double> noise = Noise(&random);
    const Component& c = components_[chosen];
    const Eigen::VectorXd z =
        c.mean + c.cholesky * Eigen::Map<const Eigen::VectorXd>(noise.data(), dim_);
    return {{z.data(), z.data() + dim_}, method_, {-1, -1}};
  }

 private:
  std::vector<Component> components_;
};

GaussianSampler::Component FromCovariance(double weight,
                                          const Eigen::VectorXd& mean,
                                          const Eigen::MatrixXd& covariance) {
  return {weight, mean, covariance.llt().matrixL()};
}

Eigen::MatrixXd MeansOf(const LatentAnchors& anchors) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(anchors.mean.data(), anchors.size(), anchors.dim)
      .cast<double>();
}

Eigen::VectorXd MeanVariance(const LatentAnchors& anchors) {
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(anchors.dim);
  for (size_t i = 0; i < anchors.logvar.size(); ++i) {
    sum[static_cast<Eigen::Index>(i) % anchors.dim] += std::exp(anchors.logvar[i]);
  }
  return sum / static_cast<double>(anchors.size());
}

// The Gaussian with the moments of the aggregate posterior: cov(means) + mean of the variances.
std::vector<GaussianSampler::Component> FitGaussian(const LatentAnchors& anchors) {
  const Eigen::MatrixXd means = MeansOf(anchors);
  const Eigen::VectorXd centre = means.colwise().mean();
  const Eigen::MatrixXd centred = means.rowwise() - centre.transpose();
  Eigen::MatrixXd covariance = centred.transpose() * centred / static_cast<double>(anchors.size());
  covariance.diagonal() += MeanVariance(anchors);
  return {FromCovariance(1, centre, covariance)};
}

// Rows far from each other, greedily: the start of expectation maximisation, without chance.
cv::Mat SpreadRows(const Eigen::MatrixXd& means, int count) {
  cv::Mat rows(count, static_cast<int>(means.cols()), CV_64F);
  Eigen::VectorXd nearest = Eigen::VectorXd::Constant(means.rows(), 1e300);
  Eigen::Index chosen = 0;
  for (int k = 0; k < count; ++k) {
    for (int d = 0; d < rows.cols; ++d) rows.at<double>(k, d) = means(chosen, d);
    nearest = nearest.cwiseMin((means.rowwise() - means.row(chosen)).rowwise().squaredNorm());
    nearest.maxCoeff(&chosen);
  }
  return rows;
}

// So many of the rows, evenly spread over them, or all.
Eigen::MatrixXd Thinned(const Eigen::MatrixXd& rows, Eigen::Index most) {
  const Eigen::Index count = std::min(rows.rows(), most);
  Eigen::MatrixXd thinned(count, rows.cols());
  for (Eigen::Index i = 0; i < count; ++i) thinned.row(i) = rows.row(i * rows.rows() / count);
  return thinned;
}

// Gaussian mixture of the posterior means by expectation maximisation, each component widened by
// the mean posterior variance.
std::vector<GaussianSampler::Component> FitMixture(const LatentAnchors& anchors, int components) {
  constexpr int64_t kLeastPerComponent = 8;
  constexpr double kLeastVariance = 1e-4;
  constexpr Eigen::Index kMostFitted = 4096;  // half a minute instead of minutes
  const Eigen::MatrixXd means = Thinned(MeansOf(anchors), kMostFitted);
  const int count =
      static_cast<int>(std::clamp<int64_t>(means.rows() / kLeastPerComponent, 1, components));
  cv::Mat samples(static_cast<int>(means.rows()), anchors.dim, CV_64F);
  for (int r = 0; r < samples.rows; ++r) {
    for (int d = 0; d < samples.cols; ++d) samples.at<double>(r, d) = means(r, d);
  }
  cv::theRNG().state = kMixtureSeed;  // of this thread; the fit draws from it
  const auto em = cv::ml::EM::create();
  em->setClustersNumber(count);
  em->setCovarianceMatrixType(cv::ml::EM::COV_MAT_GENERIC);
  em->setTermCriteria({cv::TermCriteria::COUNT | cv::TermCriteria::EPS, 50, 1e-4});
  if (!em->trainE(samples, SpreadRows(means, count))) {
    throw DataError("synth.latent mixture: the posteriors cannot be fitted; use gaussian");
  }
  std::vector<cv::Mat> covariances;
  em->getCovs(covariances);
  const Eigen::VectorXd variance = MeanVariance(anchors);
  std::vector<GaussianSampler::Component> out;
  for (int k = 0; k < count; ++k) {
    Eigen::VectorXd mean(anchors.dim);
    Eigen::MatrixXd covariance(anchors.dim, anchors.dim);
    for (int r = 0; r < anchors.dim; ++r) {
      mean[r] = em->getMeans().at<double>(k, r);
      for (int c = 0; c < anchors.dim; ++c) covariance(r, c) = covariances[k].at<double>(r, c);
    }
    covariance.diagonal() += variance + Eigen::VectorXd::Constant(anchors.dim, kLeastVariance);
    out.push_back(FromCovariance(em->getWeights().at<double>(k), mean, covariance));
  }
  return out;
}

// The aggregate posterior itself, or neighbourhoods of given tuples: an anchor's posterior.
class KernelSampler : public SamplerBase {
 public:
  KernelSampler(const SynthOptions& options, LatentAnchors anchors)
      : SamplerBase(LatentMethod::kKernel, options, anchors.dim), anchors_(std::move(anchors)) {
    constexpr double kGoldenRatio = 0.6180339887498949;
    const uint64_t count = Count();
    stride_ = std::max<uint64_t>(1, std::llround(kGoldenRatio * static_cast<double>(count)));
    while (std::gcd(stride_, count) != 1) ++stride_;
    Random random(options.seed, 0, kFirstMember, Purpose::kLatent);
    first_ = static_cast<uint64_t>(random.Integer(anchors_.size()));
  }

  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    Random random = RandomFor(index, attempt);
    const size_t member = MemberOf(index, attempt, &random);
    const std::vector<double> noise = Noise(&random);
    LatentCode code{std::vector<float>(noise.size()), method_, {anchors_.number[member], -1}};
    for (size_t d = 0; d < noise.size(); ++d) {
      const size_t at = member * noise.size() + d;
      code.z[d] =
          static_cast<float>(anchors_.mean[at] + std::exp(0.5 * anchors_.logvar[at]) * noise[d]);
    }
    return code;
  }

 private:
  static constexpr uint32_t kFirstMember = 0xFFFFFF;  // the last attempt of all (io/core/random.h)

  uint64_t Count() const { return static_cast<uint64_t>(anchors_.size()); }
  // Tuples begin with the anchors in turn, in steps of the golden ratio: few tuples are spread over
  // all anchors, and none is taken again before every one was.
  size_t MemberOf(uint64_t index, uint32_t attempt, Random* random) const {
    if (attempt > 0) return static_cast<size_t>(random->Integer(anchors_.size()));
    return (first_ + index % Count() * stride_) % Count();
  }

  LatentAnchors anchors_;
  uint64_t stride_ = 1;
  uint64_t first_ = 0;
};

// A point on the straight line between the posterior means of two anchors.
class PathSampler : public SamplerBase {
 public:
  PathSampler(const SynthOptions& options, LatentAnchors anchors)
      : SamplerBase(LatentMethod::kPath, options, anchors.dim), anchors_(std::move(anchors)) {}

  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    Random random = RandomFor(index, attempt);
    const auto a = static_cast<size_t>(random.Integer(anchors_.size()));
    const auto b = static_cast<size_t>(random.Integer(anchors_.size()));
    const double t = random.Uniform();
    const auto dim = static_cast<size_t>(dim_);
    LatentCode code{std::vector<float>(dim), method_, {anchors_.number[a], anchors_.number[b]}};
    for (size_t d = 0; d < dim; ++d) {
      code.z[d] =
          static_cast<float>((1 - t) * anchors_.mean[a * dim + d] + t * anchors_.mean[b * dim + d]);
    }
    return code;
  }

 private:
  LatentAnchors anchors_;
};

// Row `index` of a file. What is not plausible is drawn again around it, ever wider.
class FileSampler : public SamplerBase {
 public:
  FileSampler(const SynthOptions& options, int dim)
      : SamplerBase(LatentMethod::kFile, options, dim) {
    if (options.latents.empty()) throw UsageError("synth.latent file needs synth.latents: FILE");
    codes_ = TensorFile::ReadForeign(options.latents).Floats("z", {-1, dim});
    const auto rows = static_cast<int64_t>(codes_.size()) / dim;
    const auto broken = std::find_if(
        codes_.begin(), codes_.end(), [](float number) { return !std::isfinite(number); });
    if (broken != codes_.end()) {
      throw DataError(options.latents + ": row " + std::to_string((broken - codes_.begin()) / dim) +
                      " of array z is not finite");
    }
    const auto wanted = CodesFor(options, static_cast<uint64_t>(options.count));
    if (static_cast<uint64_t>(rows) >= wanted) return;
    throw UsageError(options.latents + ": array z has " + std::to_string(rows) + " rows, " +
                     std::to_string(options.count) + " tuples in sequences of " +
                     std::to_string(options.frames) + " need " + std::to_string(wanted));
  }

  LatentCode Draw(uint64_t index, uint32_t attempt) const override {
    constexpr double kWiderEachAttempt = 0.05;
    const auto dim = static_cast<size_t>(dim_);
    if ((index + 1) * dim > codes_.size()) {
      throw UsageError("synth.latents holds no row " + std::to_string(index));
    }
    Random random = RandomFor(index, attempt);
    const std::vector<double> noise = Noise(&random);
    LatentCode code{std::vector<float>(dim), method_, {static_cast<int64_t>(index), -1}};
    for (size_t d = 0; d < dim; ++d) {
      code.z[d] =
          static_cast<float>(codes_[index * dim + d] + kWiderEachAttempt * attempt * noise[d]);
    }
    return code;
  }

 private:
  std::vector<float> codes_;
};

}  // namespace

std::unique_ptr<LatentSampler> MakeLatentSampler(LatentMethod method,
                                                 const SynthOptions& options,
                                                 const HandVae& model,
                                                 LatentAnchors anchors) {
  const int dim = model.info().latent_dim;
  switch (method) {
    case LatentMethod::kPrior:
      return std::make_unique<PriorSampler>(method, options, dim);
    case LatentMethod::kGaussian:
      return std::make_unique<GaussianSampler>(method, options, dim, FitGaussian(anchors));
    case LatentMethod::kMixture:
      return std::make_unique<GaussianSampler>(
          method, options, dim, FitMixture(anchors, static_cast<int>(options.mixture_components)));
    case LatentMethod::kPath:
      return std::make_unique<PathSampler>(options, std::move(anchors));
    case LatentMethod::kFile:
      return std::make_unique<FileSampler>(options, dim);
    default:
      return std::make_unique<KernelSampler>(options, std::move(anchors));
  }
}

}  // namespace handforge
