#include "synth/latent_sampler.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "vae/tensor_file.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

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

namespace {

constexpr uint64_t kMixtureSeed = 1;

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
