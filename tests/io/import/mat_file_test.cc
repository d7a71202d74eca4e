#include "io/import/mat_file.h"

#include "io/core/random.h"
#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/mat_writer.h"
#include "tests/io/temporary_folder.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Shape = std::vector<size_t>;

class MatFile : public ::testing::Test {
 protected:
  void SetUp() override { HANDFORGE_NEEDS_SCIPY(); }

  // 0, 1, 2 ... with the last index running fastest.
  void WriteCounting(const Shape& shape, const std::string& layout, const std::string& type) const {
    size_t count = 1;
    for (const size_t length : shape) count *= length;
    std::vector<double> values(count);
    std::iota(values.begin(), values.end(), 0.0);
    WriteMat(file_, "numbers", shape, values, layout, type);
  }
  void WriteBytes(const std::vector<uint8_t>& bytes) const {
    std::ofstream(file_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  MatArray Read(const Shape& shape = {2, 3, 4}) const {
    return ReadMatArray(file_, "numbers", shape);
  }
  std::string Refusal(const Shape& shape, const std::string& name = "numbers") const {
    return MessageOf<DataError>([&] { ReadMatArray(file_, name, shape); });
  }

  TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "labels.mat";
};

void ExpectCounting(const MatArray& array) {
  ASSERT_THAT(array.shape, ElementsAre(2, 3, 4));
  ASSERT_EQ(array.values.size(), 24u);
  // In the order of MATLAB the first index runs fastest.
  EXPECT_EQ(array.values[1], 12);
  EXPECT_EQ(array.values[2], 4);
  EXPECT_EQ(array.values[6], 1);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) EXPECT_EQ(array.At(i, j, k), 12 * i + 4 * j + k);
    }
  }
}

TEST_F(MatFile, ReadsEveryLayout) {
  for (const char* layout : {"plain", "packed", "narrow", "swapped"}) {
    SCOPED_TRACE(layout);
    WriteCounting({2, 3, 4}, layout, "float64");
    ExpectCounting(Read());
    ExpectCounting(Read({2, kAnyLength, 4}));
  }
}

TEST_F(MatFile, ReadsEveryClass) {
  for (const char* type :
       {"float32", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"}) {
    SCOPED_TRACE(type);
    WriteCounting({2, 3, 4}, "packed", type);
    ExpectCounting(Read());
  }
}

TEST_F(MatFile, KeepsSignsFractionsAndTruth) {
  WriteMat(file_, "numbers", {1, 3}, {-1.0 / 3, 1e-300, -123456.789}, "packed");
  EXPECT_THAT(Read({1, 3}).values, ElementsAre(-1.0 / 3, 1e-300, -123456.789));
  for (const char* type : {"int8", "int16", "int32", "int64"}) {
    WriteMat(file_, "numbers", {1, 3}, {-128, 0, 127}, "plain", type);
    EXPECT_THAT(Read({1, 3}).values, ElementsAre(-128, 0, 127)) << type;
  }
  WriteMat(file_, "numbers", {1, 3}, {1, 0, 1}, "plain", "bool");
  EXPECT_THAT(Read({1, 3}).values, ElementsAre(1, 0, 1));
}

TEST_F(MatFile, PutsBackTheLastAxesThatMatlabDrops) {
  WriteCounting({2, 3}, "plain", "float64");
  const MatArray array = Read({2, 3, kAnyLength});
  EXPECT_THAT(array.shape, ElementsAre(2, 3, 1));
  EXPECT_EQ(array.At(1, 2, 0), 5);
}

TEST_F(MatFile, SaysWhatIsThereInsteadOfAnotherName) {
  WriteCounting({2, 3, 4}, "packed", "float32");
  EXPECT_THAT(Refusal({2, 3, 4}, "handPara"),
              AllOf(HasSubstr("labels.mat"),
                    HasSubstr("'handPara'"),
                    HasSubstr("'names' (cell 1 x 2), 'numbers' (single 2 x 3 x 4)")));
}

TEST_F(MatFile, SaysWhatIsThereInsteadOfAnotherShapeOrClass) {
  WriteCounting({2, 3, 4}, "plain", "int16");
  EXPECT_THAT(Refusal({3, 2, kAnyLength}),
              AllOf(HasSubstr("labels.mat: variable 'numbers' is int16 2 x 3 x 4"),
                    HasSubstr("expected real numbers, 3 x 2 x any")));
  EXPECT_THAT(Refusal({2, 3}), HasSubstr("2 x 3 x 4; expected real numbers, 2 x 3"));
  EXPECT_THAT(Refusal({2, 3, 4, 2}), HasSubstr("expected real numbers, 2 x 3 x 4 x 2"));
  EXPECT_THAT(Refusal({1, 2}, "names"), HasSubstr("'names' is cell 1 x 2"));
  WriteCounting({2, 3, 4}, "plain", "complex");
  EXPECT_THAT(Refusal({2, 3, 4}), HasSubstr("is complex double 2 x 3 x 4"));
  WriteCounting({2, 3, 4}, "plain", "text");
  EXPECT_THAT(Refusal({1, 10}), HasSubstr("is char 1 x 10"));
}

TEST_F(MatFile, RefusesOtherFiles) {
  EXPECT_THAT(Refusal({2, 3, 4}), HasSubstr("labels.mat"));  // there is none
  WriteBytes(std::vector<uint8_t>(1000, 'x'));
  EXPECT_THAT(Refusal({2, 3, 4}), HasSubstr("does not have the header of a MATLAB file"));
  WriteBytes({});
  EXPECT_THAT(Refusal({2, 3, 4}), HasSubstr("has 0 bytes"));
  WriteCounting({2, 3}, "v4", "float64");
  EXPECT_THAT(Refusal({2, 3}), HasSubstr("expected one of MATLAB's version 5"));
  WriteCounting({2, 3}, "plain", "float64");
  std::vector<uint8_t> bytes = ReadBytes(file_);
  bytes[125] = 2;
  WriteBytes(bytes);
  EXPECT_THAT(Refusal({2, 3}), HasSubstr("version 7.3; expected one of MATLAB's version 5"));
}

// Of many lengths; left to itself, libmatio makes numbers up.
TEST_F(MatFile, RefusesWhatIsCutOff) {
  for (const char* layout : {"plain", "packed"}) {
    SCOPED_TRACE(layout);
    WriteCounting({2, 3, 4}, layout, "float64");
    const std::vector<uint8_t> bytes = ReadBytes(file_);
    for (size_t size = 0; size < bytes.size(); size += size < bytes.size() - 40 ? 5 : 1) {
      WriteBytes({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
      EXPECT_THAT(Refusal({2, 3, 4}), HasSubstr("labels.mat: ")) << size << " bytes";
    }
  }
}

// Compressed numbers have a check sum, so no change of them goes unnoticed.
TEST_F(MatFile, RefusesWhatIsDamaged) {
  for (const char* layout : {"plain", "packed"}) {
    SCOPED_TRACE(layout);
    WriteCounting({2, 3, 4}, layout, "float64");
    const std::vector<uint8_t> bytes = ReadBytes(file_);
    Random random(1, 0, 0, Purpose::kTest);
    int refused = 0;
    for (int i = 0; i < 200; ++i) {
      std::vector<uint8_t> damaged = bytes;
      const auto at = static_cast<size_t>(random.Integer(static_cast<int64_t>(bytes.size())));
      damaged[at] ^= static_cast<uint8_t>(1 << random.Integer(8));
      WriteBytes(damaged);
      SCOPED_TRACE(at);
      try {
        const MatArray array = Read();
        if (layout == std::string("packed")) ExpectCounting(array);
      } catch (const DataError& error) {
        EXPECT_THAT(error.what(), HasSubstr("labels.mat: "));
        ++refused;
      }
    }
    EXPECT_GT(refused, layout == std::string("packed") ? 80 : 5);
  }
}

}  // namespace
}  // namespace handforge
