#include "vae/tensor_file.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TensorFile Example() {
  TensorFile file;
  file.metadata["kind"] = "example with \"quotes\" and\nlines";
  const std::vector<float> values = {1, -2.5F, 3e-20F, 4, 5, 6};
  file.AddFloats("a.weight", {2, 3}, values.data());
  file.Add("b.steps", {"I64", {1}, {7, 0, 0, 0, 0, 0, 0, 0}});
  file.Add("empty", {"F32", {0, 4}, {}});
  return file;
}

void Overwrite(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::string ReadError(const std::filesystem::path& path) {
  return MessageOf<DataError>([&] { TensorFile::Read(path); });
}

TEST(TensorFile, KeepsArraysAndTexts) {
  TemporaryFolder folder;
  const TensorFile written = Example();
  written.Write(folder / "x.safetensors");
  const TensorFile read = TensorFile::Read(folder / "x.safetensors");
  EXPECT_EQ(read.Text("kind"), written.Text("kind"));
  EXPECT_EQ(read.Floats("a.weight", {2, 3}), written.Floats("a.weight", {2, 3}));
  EXPECT_EQ(read.Floats("a.weight", {-1, 3}).size(), 6u);
  EXPECT_EQ(read.Find("b.steps").bytes, written.Find("b.steps").bytes);
  EXPECT_EQ(read.Find("empty").shape, (std::vector<int64_t>{0, 4}));
  EXPECT_EQ(read.tensors().size(), 3u);
}

TEST(TensorFile, HalvesReadAsTheNearestFloats) {
  TemporaryFolder folder;
  TensorFile file;
  const std::vector<float> values = {1, -2.5F, 0.1F, 65504};
  file.AddHalves("halves", {4}, values.data());
  file.Write(folder / "x.safetensors");
  const std::vector<float> read = TensorFile::Read(folder / "x.safetensors").Floats("halves", {-1});
  EXPECT_THAT(read, testing::ElementsAre(1, -2.5F, testing::FloatNear(0.1F, 2.5e-5F), 65504));
  EXPECT_NE(read[2], 0.1F);
}

TEST(TensorFile, SameContentGivesSameBytes) {
  TemporaryFolder folder;
  Example().Write(folder / "a.safetensors");
  Example().Write(folder / "b.safetensors");
  EXPECT_EQ(ReadBytes(folder / "a.safetensors"), ReadBytes(folder / "b.safetensors"));
}

TEST(TensorFile, NumpyReadsIt) {
  TemporaryFolder folder;
  Example().Write(folder / "x.safetensors");
  const std::string script =
      "import json,struct,numpy as n;"
      "b=open('" +
      (folder / "x.safetensors").string() +
      "','rb').read();"
      "k=struct.unpack('<Q',b[:8])[0];h=json.loads(b[8:8+k]);e=h['a.weight'];"
      "o=e['data_offsets'];"
      "print(n.frombuffer(b[8+k+o[0]:8+k+o[1]],'<f4').reshape(e['shape'])[1].tolist())";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      popen(("/usr/bin/python3 -c \"" + script + "\"").c_str(), "r"), &pclose);
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> line{};
  ASSERT_NE(std::fgets(line.data(), line.size(), pipe.get()), nullptr);
  EXPECT_STREQ(line.data(), "[4.0, 5.0, 6.0]\n");
}

TEST(TensorFile, NamesAMissingFile) {
  EXPECT_THAT(ReadError("/nowhere/model.safetensors"), HasSubstr("/nowhere/model.safetensors"));
}

TEST(TensorFile, RefusesForeignFiles) {
  TemporaryFolder folder;
  const auto path = folder / "foreign";
  for (const std::string text :
       {"",
        "short",
        "PK\x03\x04 a zip file of another program, long enough to hold a length",
        "\x10\0\0\0\0\0\0\0not json at all.",
        "\x10\0\0\0\0\0\0\0{\"broken\": json} "}) {
    Overwrite(path, {text.begin(), text.end()});
    EXPECT_THAT(ReadError(path), AllOf(HasSubstr(path.string()), HasSubstr("not a handforge")));
  }
}

// As the safetensors library writes it.
TEST(TensorFile, ReadsFilesOfOthersWhereAskedTo) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "plain.safetensors";
  const std::string header = R"({"z":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const uint64_t length = header.size();
  const float values[2] = {1.5f, -2};
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(&length), sizeof length)
      .write(header.data(), static_cast<std::streamsize>(header.size()))
      .write(reinterpret_cast<const char*>(values), sizeof values);
  EXPECT_EQ(TensorFile::ReadForeign(file).Floats("z", {-1}), (std::vector<float>{1.5f, -2}));
  EXPECT_THAT(MessageOf<DataError>([&] { TensorFile::Read(file); }), HasSubstr("payload_sha256"));
}

TEST(TensorFile, NamesWhereItIsTruncated) {
  TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  Example().Write(path);
  const std::vector<uint8_t> whole = ReadBytes(path);
  for (size_t size = 0; size < whole.size(); size += 5) {
    Overwrite(path, {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)});
    EXPECT_THAT(ReadError(path), HasSubstr(path.string())) << size << " bytes";
  }
  Overwrite(path, {whole.begin(), whole.end() - 1});
  EXPECT_THAT(ReadError(path), AllOf(HasSubstr("truncated: array"), HasSubstr("ends at byte")));
}

TEST(TensorFile, NoticesADamagedByte) {
  TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  Example().Write(path);
  std::vector<uint8_t> bytes = ReadBytes(path);
  bytes[bytes.size() - 20] ^= 1;
  Overwrite(path, bytes);
  EXPECT_THAT(ReadError(path), HasSubstr("damaged"));
}

TEST(TensorFile, NamesWhatIsMissingOrMisshaped) {
  TensorFile file = Example();
  file.source = "model.safetensors";
  EXPECT_THAT(MessageOf<DataError>([&] { file.Find("c.weight"); }),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("c.weight is missing")));
  EXPECT_THAT(MessageOf<DataError>([&] {
                file.Floats("a.weight", {3, 2});
              }),
              AllOf(HasSubstr("a.weight"), HasSubstr("{2, 3}"), HasSubstr("{3, 2}")));
  EXPECT_THAT(MessageOf<DataError>([&] { file.Floats("b.steps", {1}); }), HasSubstr("I64"));
  EXPECT_THAT(MessageOf<DataError>([&] { file.Text("info"); }), HasSubstr("key info is missing"));
}

}  // namespace
}  // namespace handforge
