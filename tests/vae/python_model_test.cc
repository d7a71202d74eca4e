// tools/handforge_model.py rebuilds the networks from a model file with Debian's python3-torch and
// must say the same as HandVae.
#include "io/core/random.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/hand_vae.h"
#include "vae/tensor_file.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace handforge {
namespace {

// Debian's interpreter; another python3 without torch may come first on the PATH.
bool HasTorch() { return std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") == 0; }

template <typename T>
void Write(const std::filesystem::path& file, const std::vector<T>& values) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

std::vector<float> Numbers(size_t count, uint64_t index, double low, double high) {
  Random random(1, index, 0, Purpose::kTest);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.Uniform(low, high));
  return values;
}

// What `vae` says of random inputs and codes, as files for compare_model.py.
void WriteWhatItSays(const HandVae& vae, const std::filesystem::path& folder) {
  constexpr int kRows = 5;
  constexpr uint8_t kSides[kRows] = {0, 1, 1, 0, 1};  // as in compare_model.py
  const VaeInfo& info = vae.info();
  const size_t codes = static_cast<size_t>(kRows * info.latent_dim);
  for (const Modality modality : kModalities) {
    if (!info.has_encoder[static_cast<size_t>(modality)]) continue;
    const size_t size = static_cast<size_t>(InputSize(modality, info.rgb_px));
    const double low = modality == Modality::kRgb ? 0 : -1;
    const std::vector<float> input = Numbers(kRows * size, static_cast<uint64_t>(modality), low, 1);
    std::vector<float> mean(codes), logvar(codes);
    vae.Encode(modality, input.data(), kRows, mean.data(), logvar.data(), kSides);
    const std::string name = std::string("encode_") + ModalityName(modality);
    Write(folder / (name + ".input"), input);
    Write(folder / (name + ".mean"), mean);
    Write(folder / (name + ".logvar"), logvar);
  }
  const std::vector<float> z = Numbers(codes, 9, -2, 2);
  DecodedBatch decoded;
  vae.Decode(z.data(), kRows, &decoded);
  Write(folder / "z", z);
  Write(folder / "decode_3d", decoded.joints3);
  Write(folder / "decode_2d", decoded.joints2);
  Write(folder / "decode_rgb", decoded.rgba);
  Write(folder / "decode_depth", decoded.depth);
}

void ExpectSame(const std::filesystem::path& model, const TemporaryFolder& folder) {
  WriteWhatItSays(HandVae::Load(model), folder.path());
  const std::string command =
      "/usr/bin/python3 " HANDFORGE_SOURCE_DIR "/tests/vae/compare_model.py " +
      std::string(HANDFORGE_SOURCE_DIR "/tools ") + model.string() + " " + folder.path().string();
  const int status = std::system(command.c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
}

void ExpectSame(const TrainOptions& options, const TemporaryFolder& folder) {
  ExpectSame(std::filesystem::path(Train(options, false).model), folder);
}

TEST(PythonModel, ReadsTheModelThatShips) {
  if (!HasTorch()) GTEST_SKIP() << "/usr/bin/python3 has no torch (Debian: python3-torch)";
  const TemporaryFolder folder;
  ExpectSame(std::filesystem::path(HANDFORGE_SOURCE_DIR "/configs/models/default.safetensors"),
             folder);
}

TEST(PythonModel, SaysWhatHandVaeSays) {
  if (!HasTorch()) GTEST_SKIP() << "/usr/bin/python3 has no torch (Debian: python3-torch)";
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 32, folder / "data");
  ExpectSame(ToyTraining(folder / "data", folder / "model"), folder);
}

TEST(PythonModel, LooksForJointsInMaps) {
  if (!HasTorch()) GTEST_SKIP() << "/usr/bin/python3 has no torch (Debian: python3-torch)";
  const TemporaryFolder folder;
  ToyOptions toy;
  toy.image_px = 64;
  WriteToyDataset(toy, 32, folder / "data");
  TrainOptions options = ToyTraining(folder / "data", folder / "model");
  options.model.rgb_px = 64;
  options.model.joint_map_width = 8;
  options.model.rgb_encoder_blocks = 2;
  ExpectSame(options, folder);
}

TEST(PythonModel, IsToldTheSideAndSaysTheSize) {
  if (!HasTorch()) GTEST_SKIP() << "/usr/bin/python3 has no torch (Debian: python3-torch)";
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 32, folder / "data");
  TrainOptions options = ToyTraining(folder / "data", folder / "model");
  options.model.side_input = 1;
  options.model.metric_scale = 1;
  ExpectSame(options, folder);
}

TEST(AverageModels, AreTheMeanOfTheirWeightsWithThePosteriorsOfTheFirst) {
  const TemporaryFolder folder;
  std::vector<TensorFile> models;
  std::string files;
  for (const uint64_t seed : {1, 2}) {
    const std::filesystem::path data = folder / ("data" + std::to_string(seed));
    WriteToyDataset(ToyOptions(), 16 * seed, data);  // as many posteriors are stored
    TrainOptions options = ToyTraining(data, folder / ("model" + std::to_string(seed)));
    options.seed = seed;
    const std::filesystem::path model = Train(options, false).model;
    models.push_back(TensorFile::Read(model));
    files += " " + model.string();
  }
  const std::filesystem::path average = folder / "average.safetensors";
  const std::string command = "/usr/bin/python3 " HANDFORGE_SOURCE_DIR "/tools/average_models.py " +
                              average.string() + files;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const TensorFile mean = TensorFile::Read(average);  // checks its hash
  const auto bias = [](const TensorFile& model) {
    return model.Floats("decoder.3d.layers.head.bias", {3 * kNumJoints});
  };
  const std::vector<float> a = bias(models[0]), b = bias(models[1]), m = bias(mean);
  EXPECT_NE(a, b);
  for (size_t i = 0; i < m.size(); ++i) {
    EXPECT_NEAR(m[i], (a[i] + b[i]) / 2, 1e-3 * (std::abs(a[i]) + std::abs(b[i])) + 1e-6);
  }
  const auto bank = [](const TensorFile& model) {
    const int64_t dim = static_cast<int64_t>(model.Floats("latent.mean", {-1}).size());
    return model.Floats("latent.bank_mean", {-1, dim});
  };
  EXPECT_NE(bank(models[0]).size(), bank(models[1]).size());
  EXPECT_EQ(bank(mean), bank(models[0]));
  EXPECT_NO_THROW(HandVae::Load(average));
}

}  // namespace
}  // namespace handforge
