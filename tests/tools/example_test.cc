// The example of the C++ API: built, and doing what it says.
#include "io/image_file.h"
#include "tests/tools/toy_model.h"

#include <array>
#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <sys/wait.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

struct Output {
  int exit_code = -1;
  std::string text;
};

Output RunExample(const std::string& arguments) {
  const std::string command = HANDFORGE_BINARY_DIR "/handforge_example " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  Output output;
  std::array<char, 256> line;
  while (std::fgets(line.data(), static_cast<int>(line.size()), pipe)) output.text += line.data();
  const int status = pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

using Example = WithToyModel;

TEST_F(Example, SamplesDecodesAndEncodesBack) {
  const std::string picture = Folder("sample.png");
  const Output output = RunExample(Model() + " " + picture);
  ASSERT_EQ(output.exit_code, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("code of 8 numbers"));
  const size_t at = output.text.find("3D -> code -> 3D: ");
  ASSERT_NE(at, std::string::npos) << output.text;
  EXPECT_LT(std::stod(output.text.substr(at + 18)), 40) << "mm; hands are some 75 apart";
  EXPECT_EQ(ReadImageFile(picture).rgb.width, 256);
}

TEST_F(Example, NamesAMissingModel) {
  const Output output = RunExample("/nowhere/model.safetensors");
  EXPECT_EQ(output.exit_code, 3);
  EXPECT_THAT(output.text, HasSubstr("/nowhere/model.safetensors"));
}

}  // namespace
}  // namespace handforge
