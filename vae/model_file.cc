#include "vae/model_file.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "io/core/tuple.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;

constexpr int64_t kBankRows = 16384;
constexpr int kEncodeRows = 64;
// Encoding or reading images takes a while; moments and means do not need more.
constexpr int64_t kLookedAtRows = kBankRows;
constexpr int64_t kAveragedRows = 20000;

std::vector<std::string> NamesOf(const ModalitySet& present) {
  std::vector<std::string> names;
  for (const Modality modality : kModalities) {
    if (present[static_cast<size_t>(modality)]) names.emplace_back(ModalityName(modality));
  }
  return names;
}

void ReadNames(const Json& names, ModalitySet* present) {
  for (const Modality modality : kModalities) {
    const auto list = names.get<std::vector<std::string>>();
    (*present)[static_cast<size_t>(modality)] =
        std::find(list.begin(), list.end(), ModalityName(modality)) != list.end();
  }
}

// Mean of rows {count} of an array of rows {size}; zeros without rows.
std::vector<float> MeanRow(const std::vector<float>& values,
                           size_t row_size,
                           const std::vector<int64_t>& rows) {
  std::vector<double> sum(row_size, 0);
  for (const int64_t row : rows) {
    const float* begin = values.data() + static_cast<size_t>(row) * row_size;
    for (size_t i = 0; i < row_size; ++i) sum[i] += begin[i];
  }
  std::vector<float> mean(row_size, 0);
  if (rows.empty()) return mean;
  for (size_t i = 0; i < row_size; ++i) {
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(rows.size()));
  }
  return mean;
}

std::vector<int64_t> RowsWith(const SampleSet& samples, uint32_t bits) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < samples.size(); ++row) {
    if ((samples.present[static_cast<size_t>(row)] & bits) == bits) rows.push_back(row);
  }
  return rows;
}

void AddMeanImage(const SampleSet& train, TensorFile* file) {
  const size_t pixels = static_cast<size_t>(train.rgb_px) * train.rgb_px;
  const std::vector<int64_t> rows = EvenlySpaced(RowsWith(train, kHasRgb), kAveragedRows);
  std::vector<double> colour(3 * pixels, 0), alpha(pixels, 0);
  double masks = 0;
  for (const int64_t row : rows) {
    const PixelView view = train.Pixels(row, {true, true, false});
    for (size_t i = 0; i < 3 * pixels; ++i) colour[i] += view.rgb[i];
    if ((train.present[static_cast<size_t>(row)] & kHasMask) == 0) continue;
    for (size_t i = 0; i < pixels; ++i) alpha[i] += view.alpha[i];
    ++masks;
  }
  const double per_colour = 1 / 255.0 / std::max(1.0, static_cast<double>(rows.size()));
  const double per_alpha = 1 / 255.0 / std::max(1.0, masks);
  std::vector<float> rgba(4 * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      rgba[4 * i + c] = static_cast<float>(colour[3 * i + c] * per_colour);
    }
    rgba[4 * i + 3] = static_cast<float>(alpha[i] * per_alpha);
  }
  file->AddFloats("baseline.rgba", {train.rgb_px, train.rgb_px, 4}, rgba.data());
}

void SetBoneStatistics(const SampleSet& train, VaeInfo* info) {
  double sum = 0;
  double squares = 0;
  int64_t count = 0;
  for (const float bone : train.bone_mm) {
    if (bone <= 0) continue;
    sum += bone;
    squares += static_cast<double>(bone) * bone;
    ++count;
  }
  if (count == 0) return;
  info->bone_mean_mm = sum / static_cast<double>(count);
  const double variance =
      squares / static_cast<double>(count) - info->bone_mean_mm * info->bone_mean_mm;
  info->bone_std_mm = std::sqrt(std::max(0.0, variance));
}

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Posteriors {
  Matrix mean;    // {N, D}
  Matrix logvar;  // {N, D}
};

// Posteriors of the samples' poses; where the model has an appearance code, with that of their
// images, of kLookedAtRows samples.
class CodeReader {
 public:
  CodeReader(const HandVae& vae, const SampleSet& samples, Modality modality)
      : vae_(vae), samples_(samples), modality_(modality) {
    const size_t rgb = static_cast<size_t>(Modality::kRgb);
    looks_ = vae.info().model.appearance_dim > 0 && vae.info().has_encoder[rgb];
    rows_ = samples.RowsFor({modality, looks_ ? Modality::kRgb : modality, 1});
    if (looks_) rows_ = EvenlySpaced(rows_, kLookedAtRows);
  }

  Posteriors Read() const {
    const int64_t count = static_cast<int64_t>(rows_.size());
    const int64_t dim = vae_.info().latent_dim;
    Posteriors all{Matrix(count, dim), Matrix(count, dim)};
    for (int64_t first = 0; first < count; first += kEncodeRows) {
      const int64_t batch = std::min<int64_t>(kEncodeRows, count - first);
      const Posteriors pose = Encode(modality_, first, batch);
      all.mean.middleRows(first, batch) = pose.mean;
      all.logvar.middleRows(first, batch) = pose.logvar;
      if (!looks_) continue;
      const int64_t skin = vae_.info().model.appearance_dim;
      const Posteriors image = Encode(Modality::kRgb, first, batch);
      all.mean.block(first, dim - skin, batch, skin) = image.mean.rightCols(skin);
      all.logvar.block(first, dim - skin, batch, skin) = image.logvar.rightCols(skin);
    }
    return all;
  }

 private:
  Posteriors Encode(Modality modality, int64_t first, int64_t batch) const {
    const int64_t dim = vae_.info().latent_dim;
    const size_t size = static_cast<size_t>(InputSize(modality, samples_.rgb_px));
    std::vector<float> input(size * static_cast<size_t>(batch));
    std::vector<uint8_t> sides;
    for (int64_t i = 0; i < batch; ++i) {
      samples_.CopyInput(rows_[static_cast<size_t>(first + i)],
                         modality,
                         input.data() + static_cast<size_t>(i) * size);
      sides.push_back(
          samples_.handedness[static_cast<size_t>(rows_[static_cast<size_t>(first + i)])]);
    }
    Posteriors part{Matrix(batch, dim), Matrix(batch, dim)};
    vae_.Encode(modality,
                input.data(),
                static_cast<int>(batch),
                part.mean.data(),
                part.logvar.data(),
                sides.data());
    return part;
  }

  const HandVae& vae_;
  const SampleSet& samples_;
  Modality modality_;
  bool looks_ = false;
  std::vector<int64_t> rows_;
};

std::optional<Modality> LatentEncoder(const VaeInfo& info) {
  for (const Modality modality : {Modality::kJoints3, Modality::kJoints2, Modality::kRgb}) {
    if (info.has_encoder[static_cast<size_t>(modality)]) return modality;
  }
  return std::nullopt;
}

void RequireRange(
    const TensorFile& file, const std::string& key, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw DataError(file.source + ": metadata key info: " + key + " = " + std::to_string(value) +
                  ", expected " + std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace

void DescribeModel(const VaeInfo& info, const std::string& kind, TensorFile* file) {
  file->metadata["format"] = kModelFormat;
  file->metadata["format_version"] = std::to_string(kModelFormatVersion);
  file->metadata["kind"] = kind;
  file->metadata["model"] = info.model.ToJson();
  file->metadata["config"] = info.config;
  file->metadata["info"] = Json{
      {"steps", info.steps},
      {"focal_over_size", info.focal_over_size},
      {"bone_mean_mm", info.bone_mean_mm},
      {"bone_std_mm", info.bone_std_mm},
      {"data_sha256", info.data_sha256},
      {"encoders", NamesOf(info.has_encoder)},
      {"decoders", NamesOf(info.has_decoder)},
      {"latent_encoder",
       info.latent_encoder}}.dump();
}

VaeInfo ReadDescription(const TensorFile& file) {
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != kModelFormat) {
    throw DataError(file.source + ": no handforge model; expected a file written by `handforge " +
                    "train` (metadata format = " + kModelFormat + ")");
  }
  if (file.Text("format_version") != std::to_string(kModelFormatVersion)) {
    throw DataError(file.source + ": model format version " + file.Text("format_version") +
                    "; this program reads version " + std::to_string(kModelFormatVersion));
  }
  VaeInfo info;
  info.model = ModelOptions::FromJson(file.Text("model"), file.source);
  info.latent_dim = static_cast<int>(info.model.latent_dim);
  info.rgb_px = static_cast<int>(info.model.rgb_px);
  info.has_side = info.model.side_head != 0;
  info.config = file.Text("config");
  try {
    const Json json = Json::parse(file.Text("info"));
    info.steps = json.at("steps").get<int64_t>();
    info.focal_over_size = json.at("focal_over_size").get<double>();
    info.bone_mean_mm = json.at("bone_mean_mm").get<double>();
    info.bone_std_mm = json.at("bone_std_mm").get<double>();
    RequireRange(file, "focal_over_size", info.focal_over_size, 0, 1000);
    RequireRange(file, "bone_mean_mm", info.bone_mean_mm, 0, 1000);
    RequireRange(file, "bone_std_mm", info.bone_std_mm, 0, 1000);
    info.data_sha256 = json.at("data_sha256").get<std::vector<std::string>>();
    info.latent_encoder = json.at("latent_encoder").get<std::string>();
    ReadNames(json.at("encoders"), &info.has_encoder);
    ReadNames(json.at("decoders"), &info.has_decoder);
  } catch (const Json::exception& error) {
    throw DataError(file.source + ": metadata key info: " + error.what());
  }
  return info;
}

void AddDataStatistics(const SampleSet& train, VaeInfo* info, TensorFile* file) {
  info->focal_over_size = MedianFocalOverSize(train);
  SetBoneStatistics(train, info);
  const std::vector<float> joints3 =
      MeanRow(train.joints3, kNumJoints * 3, RowsWith(train, kHasJoints3));
  const std::vector<float> joints2 =
      MeanRow(train.joints2, kNumJoints * 2, RowsWith(train, kHasJoints2));
  file->AddFloats("baseline.joints3", {kNumJoints * 3}, joints3.data());
  file->AddFloats("baseline.joints2", {kNumJoints * 2}, joints2.data());
  AddMeanImage(train, file);
}

void AddLatentStatistics(const HandVae& vae,
                         const SampleSet& train,
                         VaeInfo* info,
                         TensorFile* file) {
  const std::optional<Modality> modality = LatentEncoder(vae.info());
  if (!modality) return;
  const Posteriors all = CodeReader(vae, train, *modality).Read();
  const int64_t count = all.mean.rows();
  const int64_t dim = all.mean.cols();
  if (count < 2) return;
  info->latent_encoder = ModalityName(*modality);

  // Moments of the mixture of all posteriors.
  const Eigen::MatrixXd means = all.mean.cast<double>();
  const Eigen::RowVectorXd mean = means.colwise().mean();
  const Eigen::MatrixXd centred = means.rowwise() - mean;
  Eigen::MatrixXd covariance = centred.transpose() * centred / static_cast<double>(count - 1);
  covariance.diagonal() += all.logvar.cast<double>().array().exp().matrix().colwise().mean();
  const Matrix cholesky =
      Eigen::MatrixXd(Eigen::LLT<Eigen::MatrixXd>(covariance).matrixL()).cast<float>();
  const Eigen::VectorXf mean_floats = mean.transpose().cast<float>();
  file->AddFloats("latent.mean", {dim}, mean_floats.data());
  file->AddFloats("latent.cholesky", {dim, dim}, cholesky.data());

  // Evenly spaced members of the mixture.
  const int64_t rows = std::min(kBankRows, count);
  Matrix bank_mean(rows, dim);
  Matrix bank_logvar(rows, dim);
  for (int64_t i = 0; i < rows; ++i) {
    bank_mean.row(i) = all.mean.row(i * count / rows);
    bank_logvar.row(i) = all.logvar.row(i * count / rows);
  }
  file->AddHalves("latent.bank_mean", {rows, dim}, bank_mean.data());
  file->AddHalves("latent.bank_logvar", {rows, dim}, bank_logvar.data());
}

}  // namespace handforge
