#pragma once

#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace handforge {

// A toy dataset (tests/vae/toy_hands.h) and a model trained on it for seconds, made once for all
// tests of a fixture.
class WithToyModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static std::filesystem::path Folder(const std::string& name) { return *folder_ / name; }
  static std::string Data() { return Folder("data").string(); }
  static std::string Model() { return Folder("model/model.safetensors").string(); }
  // Toy hands of the dataset are those of these options; the last quarter is held out.
  static const ToyOptions kToy;
  static constexpr int kTuples = 256;

 private:
  static TemporaryFolder* folder_;
};

}  // namespace handforge
