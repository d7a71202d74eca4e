#include "vae/hand_vae.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/targets.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kRows = 16;

class HandVaeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    WriteToyDataset(ToyOptions(), 64, *folder_ / "data");
    model_ = Train(ToyTraining(*folder_ / "data", *folder_ / "out"), false).model;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::vector<float> Codes(const HandVae& vae, uint64_t seed) {
    std::vector<float> codes;
    for (int row = 0; row < kRows; ++row) {
      Random random(seed, static_cast<uint64_t>(row), 0, Purpose::kLatent);
      const std::vector<float> z = vae.SampleLatent(LatentSource::kPrior, &random, 1);
      codes.insert(codes.end(), z.begin(), z.end());
    }
    return codes;
  }

  static TemporaryFolder* folder_;
  static std::filesystem::path model_;
};
TemporaryFolder* HandVaeTest::folder_ = nullptr;
std::filesystem::path HandVaeTest::model_;

TEST_F(HandVaeTest, KnowsItsTraining) {
  const VaeInfo info = HandVae::Load(model_).info();
  EXPECT_EQ(info.latent_dim, 8);
  EXPECT_EQ(info.rgb_px, 32);
  EXPECT_EQ(info.sha256.size(), 64u);
  EXPECT_EQ(info.steps, 24);
  EXPECT_EQ(info.latent_encoder, "3d");
  EXPECT_EQ(info.data_sha256.size(), 1u);
  EXPECT_THAT(info.config, HasSubstr("latent_dim: 8"));
  EXPECT_NEAR(info.focal_over_size, 2, 1e-5);
  EXPECT_NEAR(info.bone_mean_mm, 48, 3);
  EXPECT_NEAR(info.bone_std_mm, 48 * 0.2 / std::sqrt(12), 1);
  EXPECT_TRUE(info.has_encoder[static_cast<size_t>(Modality::kJoints2)]);
}

TEST_F(HandVaeTest, DecodesAllModalities) {
  const HandVae vae = HandVae::Load(model_);
  DecodedBatch decoded;
  vae.Decode(Codes(vae, 1).data(), kRows, &decoded);
  EXPECT_EQ(decoded.rows, kRows);
  EXPECT_EQ(decoded.joints3.size(), kRows * 63u);
  EXPECT_EQ(decoded.joints2.size(), kRows * 42u);
  EXPECT_EQ(decoded.rgba.size(), kRows * 32u * 32u * 4u);
  vae.Decode(Codes(vae, 1).data(), kRows, &decoded, {true, false, false});
  EXPECT_EQ(decoded.joints3.size(), kRows * 63u);
  EXPECT_TRUE(decoded.joints2.empty());
  EXPECT_TRUE(decoded.rgba.empty());
}

TEST_F(HandVaeTest, Bfloat16PaintsNearlyTheSameAndSaysTheSame) {
  const HandVae exact = HandVae::Load(model_);
  const HandVae rough = HandVae::Load(model_, "cpu", "bfloat16");
  DecodedBatch a;
  DecodedBatch b;
  exact.Decode(Codes(exact, 3).data(), kRows, &a);
  rough.Decode(Codes(exact, 3).data(), kRows, &b);
  EXPECT_EQ(a.joints3, b.joints3);
  EXPECT_EQ(a.joints2, b.joints2);
  EXPECT_NE(a.rgba, b.rgba);
  int largest = 0;
  for (size_t i = 0; i < a.rgba.size(); ++i) {
    largest = std::max(largest, std::abs(a.rgba[i] - b.rgba[i]));
  }
  EXPECT_LE(largest, 8);  // of 255
  EXPECT_THAT(MessageOf<UsageError>([] { HandVae::Load(model_, "cpu", "half"); }),
              AllOf(HasSubstr("half"), HasSubstr("bfloat16")));
}

TEST_F(HandVaeTest, SaysTheSameFromManyThreads) {
  const HandVae vae = HandVae::Load(model_);
  constexpr int kThreads = 4;
  std::vector<DecodedBatch> expected(kThreads);
  for (int t = 0; t < kThreads; ++t) vae.Decode(Codes(vae, t).data(), kRows, &expected[t]);
  std::vector<std::thread> threads;
  std::vector<int> mismatches(kThreads, 0);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int repeat = 0; repeat < 5; ++repeat) {
        const int which = (t + repeat) % kThreads;
        DecodedBatch decoded;
        vae.Decode(Codes(vae, which).data(), kRows, &decoded);
        mismatches[t] += decoded.joints3 != expected[which].joints3 ||
                         decoded.joints2 != expected[which].joints2 ||
                         decoded.rgba != expected[which].rgba;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(mismatches, testing::Each(0));
}

TEST_F(HandVaeTest, ARowDoesNotDependOnTheOthers) {
  const HandVae vae = HandVae::Load(model_);
  const std::vector<float> codes = Codes(vae, 1);
  std::vector<float> others = Codes(vae, 2);
  const size_t dim = static_cast<size_t>(vae.info().latent_dim);
  const size_t row = 5;
  std::copy_n(codes.begin() + row * dim, dim, others.begin() + row * dim);
  DecodedBatch a;
  DecodedBatch b;
  vae.Decode(codes.data(), kRows, &a);
  vae.Decode(others.data(), kRows, &b);
  const auto same_row = [&](const auto& x, const auto& y) {
    const size_t size = x.size() / kRows;
    return std::equal(x.begin() + row * size, x.begin() + (row + 1) * size, y.begin() + row * size);
  };
  EXPECT_TRUE(same_row(a.joints3, b.joints3));
  EXPECT_TRUE(same_row(a.joints2, b.joints2));
  EXPECT_TRUE(same_row(a.rgba, b.rgba));
  EXPECT_FALSE(a.joints3 == b.joints3);
}

TEST_F(HandVaeTest, EncodesEveryModality) {
  const HandVae vae = HandVae::Load(model_);
  for (const Modality modality : {Modality::kRgb, Modality::kJoints2, Modality::kJoints3}) {
    const std::vector<float> input(2 * static_cast<size_t>(InputSize(modality, 32)), 0.25F);
    std::vector<float> mean(2 * 8, NAN);
    std::vector<float> logvar(2 * 8, NAN);
    vae.Encode(modality, input.data(), 2, mean.data(), logvar.data());
    for (size_t d = 0; d < 8; ++d) {
      EXPECT_TRUE(std::isfinite(mean[d]) && std::isfinite(logvar[d]));
      EXPECT_FLOAT_EQ(mean[d], mean[8 + d]) << "two equal rows";
    }
    vae.Encode(modality, input.data(), 2, mean.data(), nullptr);
  }
}

TEST_F(HandVaeTest, NamesWhatTheModelCannotSee) {
  const HandVae vae = HandVae::Load(model_);
  const std::vector<float> image(32 * 32 * 3, 0.25F);
  float out[8];
  EXPECT_THAT(
      MessageOf<UsageError>([&] { vae.Encode(Modality::kDepth, image.data(), 1, out, nullptr); }),
      HasSubstr("no encoder of depth"));
  EXPECT_THAT(MessageOf<UsageError>([&] { vae.EncodeSide(Modality::kRgb, image.data(), 1, out); }),
              HasSubstr("no side head"));
}

TEST_F(HandVaeTest, SamplingIsAFunctionOfTheCounter) {
  const HandVae vae = HandVae::Load(model_);
  for (const LatentSource source :
       {LatentSource::kPrior, LatentSource::kGaussian, LatentSource::kKernel}) {
    const auto draw = [&](uint64_t index, uint32_t attempt) {
      Random random(9, index, attempt, Purpose::kLatent);
      return vae.SampleLatent(source, &random, 1);
    };
    EXPECT_EQ(draw(3, 0), draw(3, 0));
    EXPECT_NE(draw(3, 0), draw(4, 0));
    EXPECT_NE(draw(3, 0), draw(3, 1));
  }
}

TEST_F(HandVaeTest, GaussianAndKernelHaveTheSameMoments) {
  const HandVae vae = HandVae::Load(model_);
  constexpr int kDraws = 20000;
  const size_t dim = static_cast<size_t>(vae.info().latent_dim);
  const auto moments = [&](LatentSource source) {
    std::vector<double> sum(dim * (dim + 1), 0);
    for (int i = 0; i < kDraws; ++i) {
      Random random(10, static_cast<uint64_t>(i), 0, Purpose::kLatent);
      const std::vector<float> z = vae.SampleLatent(source, &random, 1);
      for (size_t a = 0; a < dim; ++a) {
        sum[a] += z[a] / kDraws;
        for (size_t b = 0; b < dim; ++b) sum[dim + a * dim + b] += double{z[a]} * z[b] / kDraws;
      }
    }
    return sum;
  };
  const std::vector<double> gaussian = moments(LatentSource::kGaussian);
  const std::vector<double> kernel = moments(LatentSource::kKernel);
  EXPECT_THAT(gaussian, testing::Pointwise(testing::DoubleNear(0.08), kernel));
}

TEST_F(HandVaeTest, TemperatureScalesTheDeviations) {
  const HandVae vae = HandVae::Load(model_);
  const auto draw = [&](double temperature) {
    Random random(9, 1, 0, Purpose::kLatent);
    return vae.SampleLatent(LatentSource::kGaussian, &random, temperature);
  };
  const std::vector<float> mean = draw(0);
  const std::vector<float> one = draw(1);
  const std::vector<float> half = draw(0.5);
  for (size_t d = 0; d < mean.size(); ++d) {
    EXPECT_NEAR(half[d], (mean[d] + one[d]) / 2, 1e-5);
  }
}

TEST(ParseLatentSource, NamesTheChoices) {
  EXPECT_EQ(ParseLatentSource("kernel"), LatentSource::kKernel);
  EXPECT_THAT(MessageOf<UsageError>([] { ParseLatentSource("kernal"); }),
              AllOf(HasSubstr("kernal"), HasSubstr("prior, gaussian or kernel")));
}

TEST_F(HandVaeTest, NamesWhatIsWrongWithAFile) {
  const auto message = [&](const std::function<void(TensorFile*)>& change) {
    TensorFile file = TensorFile::Read(model_);
    change(&file);
    file.Write(*folder_ / "changed.safetensors");
    return MessageOf<DataError>([&] { HandVae::Load(*folder_ / "changed.safetensors"); });
  };
  const std::string name = (*folder_ / "changed.safetensors").string();
  EXPECT_THAT(MessageOf<DataError>([&] { HandVae::Load(*folder_ / "missing.safetensors"); }),
              HasSubstr("missing.safetensors"));
  EXPECT_THAT(message([](TensorFile* f) { f->metadata["format"] = "other"; }),
              AllOf(HasSubstr(name), HasSubstr("no handforge model")));
  EXPECT_THAT(message([](TensorFile* f) { f->metadata["format_version"] = "2"; }),
              HasSubstr("version 2"));
  EXPECT_THAT(message([](TensorFile* f) { f->metadata.erase("info"); }), HasSubstr("info"));
  EXPECT_THAT(message([](TensorFile* f) { f->metadata["info"] = "{\"steps\": \"many\"}"; }),
              HasSubstr("info"));
  EXPECT_THAT(message([](TensorFile* f) { f->metadata["model"] = "{\"latent_dim\": 8}"; }),
              HasSubstr("rgb_px"));
  EXPECT_THAT(message([](TensorFile* f) {
                const float value = 0;
                f->AddFloats("latent.mean", {1}, &value);
              }),
              AllOf(HasSubstr("latent.mean"), HasSubstr("{1}"), HasSubstr("{8}")));
  EXPECT_THAT(message([](TensorFile* f) {
                const float value = 0;
                f->AddFloats("decoder.3d.extra", {1}, &value);
              }),
              HasSubstr("decoder.3d.extra"));
}

TEST_F(HandVaeTest, LoadsACheckpointToo) {
  const HandVae vae = HandVae::Load(*folder_ / "out" / "checkpoint.safetensors");
  EXPECT_EQ(vae.info().latent_encoder, "");
  Random random(1, 1, 0, Purpose::kLatent);
  EXPECT_EQ(vae.SampleLatent(LatentSource::kPrior, &random, 1).size(), 8u);
  EXPECT_THAT(MessageOf<UsageError>([&] { vae.SampleLatent(LatentSource::kGaussian, &random, 1); }),
              HasSubstr("no latent statistics"));
}

TEST_F(HandVaeTest, NamesAnEncoderItLacks) {
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "narrow");
  options.pairs = {"2d->3d"};
  const HandVae vae = HandVae::Load(Train(options, false).model);
  EXPECT_EQ(vae.info().latent_encoder, "2d");
  std::vector<float> mean(8);
  const std::vector<float> input(63);
  EXPECT_THAT(MessageOf<UsageError>(
                  [&] { vae.Encode(Modality::kJoints3, input.data(), 1, mean.data(), nullptr); }),
              HasSubstr("no encoder of 3d"));
  DecodedBatch decoded;
  vae.Decode(mean.data(), 1, &decoded);
  EXPECT_EQ(decoded.joints3.size(), 63u);
  EXPECT_TRUE(decoded.rgba.empty());
}

TEST_F(HandVaeTest, RefusesADeviceThatIsNotThere) {
  EXPECT_THAT(MessageOf<UsageError>([&] { HandVae::Load(model_, "tpu"); }), HasSubstr("tpu"));
}

}  // namespace
}  // namespace handforge
