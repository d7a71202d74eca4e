#include "io/import/npz_file.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Shape = std::vector<size_t>;

class NpzFile : public ::testing::Test {
 protected:
  void SetUp() override { HANDFORGE_NEEDS_NUMPY(); }

  std::string Refusal(const std::string& name, const Shape& shape = {2, 3}) const {
    return MessageOf<DataError>([&] { ReadNpzArray(folder_ / (name + ".npz"), "grid", shape); });
  }

  TemporaryFolder folder_;
};

TEST_F(NpzFile, ArraysComeBack) {
  RunWriter("write_npz.py values " + folder_.path().string());
  for (const char* name : {"packed.npz", "stored.npz"}) {
    const auto read = [&](const std::string& array, const Shape& shape) {
      return ReadNpzArray(folder_ / name, array, shape);
    };
    for (const char* type : {"f4", "f8", "i1", "i2", "i4", "i8"}) {
      EXPECT_THAT(read(type, {2, 3}), ElementsAre(-1, -2, 1, 2, 3, 4)) << type;
    }
    for (const char* type : {"u1", "u2", "u4", "u8"}) {
      EXPECT_THAT(read(type, {2, 3}), ElementsAre(1, 0, 3, 4, 5, 6)) << type;
    }
    EXPECT_THAT(read("b1", {2, 3}), ElementsAre(1, 0, 1, 1, 1, 1));
    std::vector<double> counted(24);
    for (size_t i = 0; i < 24; ++i) counted[i] = static_cast<double>(i);
    EXPECT_EQ(read("fortran", {2, 3, 4}), counted);
    EXPECT_THAT(read("one_axis", {5}), ElementsAre(0, 1, 2, 3, 4));
    EXPECT_THAT(read("single", {}), ElementsAre(2.5));
    EXPECT_THAT(read("none", {0, 3}), IsEmpty());
  }
  for (const char* name : {"version1.npz", "version2.npz", "version3.npz"}) {
    EXPECT_THAT(ReadNpzArray(folder_ / name, "grid", {2, 3}),
                ElementsAre(0.5, 1.5, 2.5, 3.5, 4.5, 5.5));
  }
}

TEST_F(NpzFile, RefusesByFileAndArray) {
  RunWriter("write_npz.py refused " + folder_.path().string());
  const auto is = [&](const std::string& name, const std::string& what) {
    EXPECT_THAT(Refusal(name),
                AllOf(HasSubstr((folder_ / (name + ".npz")).string() + ": "), HasSubstr(what)));
  };
  is("big_endian", "array 'grid' is of the type '>f4', expected f4, f8");
  is("complex", "array 'grid' is of the type '<c8', expected f4, f8");
  is("half", "is of the type '<f2'");
  is("text", "is of the type '<U2'");
  is("objects", "is of the type '|O'");
  is("structures", "is of the type ''");
  is("transposed", "array 'grid' is of shape (3, 2), expected (2, 3)");
  is("flat", "is of shape (6), expected (2, 3)");
  is("other", "has no 'grid.npy'; it has 'grod.npy'");
  is("many", "has no 'grid.npy'; it has 'array00?.npy', 'array01?.npy'");
  is("many", "'array19?.npy' ...");
  is("bomb", "'grid.npy' is said to hold 268435456 bytes, expected at most 4144");
  is("no_npy", "array 'grid' is no array of numpy's");
  is("empty", "array 'grid' is no array of numpy's");
  is("version4", "array 'grid' is no array of numpy's (.npy, version 1 to 3)");
  is("cut_header", "array 'grid' is no array of numpy's");
  is("long_header", "array 'grid' is no array of numpy's");
  is("short", "is damaged: an array of shape (2, 3) and 4 bytes each that holds 23 bytes");
  is("long", "is damaged: an array of shape (2, 3) and 4 bytes each that holds 25 bytes");
  is("no_descr", "is of the type ''");
  is("no_order", "which says no shape");
  is("odd_order", "has the header '{'descr': '<f4', 'fortran_order': 0,");
  is("no_shape", "is of shape (), expected (2, 3)");
  is("negative", "which says no shape");
  is("words", "which says no shape");
  is("beyond", "which says no shape");
  is("huge", "is of shape (4611686018427387906, 3), expected (2, 3)");
  is("no_zip", "is no archive of numpy's arrays (.npz) that can be read");
  is("nothing", "is no archive of numpy's arrays");
  is("folder", "is no archive of numpy's arrays");
  is("missing", "No such file");
}

// A lying length inflates to no more than it says; one that says too much is no array either.
TEST_F(NpzFile, RefusesLengthsThatAreNotThose) {
  RunWriter("write_npz.py refused " + folder_.path().string());
  RunPython("folder = '" + folder_.path().string() + R"('
def lie(name, size):
    data = bytearray(open(f'{folder}/{name}.npz', 'rb').read())
    for mark, at in ((b'PK\x01\x02', 24), (b'PK\x03\x04', 22)):
        first = data.index(mark) + at
        data[first:first + 4] = size.to_bytes(4, 'little')
    open(f'{folder}/lie{size}.npz', 'wb').write(data)
for size in (0, 5, 400, 4000): lie('bomb', size)
for size in (10, 140, 160): lie('short', size))");
  for (const char* name : {"lie0", "lie5", "lie400", "lie4000", "lie10", "lie140", "lie160"}) {
    EXPECT_THAT(Refusal(name), HasSubstr("'grid.npy' is damaged: ")) << name;
  }
}

// Wherever a file is cut or a bit of it turned, it is refused or gives the numbers it had.
TEST_F(NpzFile, CutOrDamagedAnywhereItIsRefusedOrSound) {
  RunPython(
      "grid = np.arange(6, dtype='f4').reshape(2, 3)\n"
      "np.savez_compressed('" +
      (folder_ / "grid.npz").string() + "', grid=grid)");
  const std::string whole = ReadText(folder_ / "grid.npz");
  const auto file = folder_ / "damaged.npz";
  const auto outcome = [&](const std::string& bytes) {
    PublishText(file, bytes);
    return MessageOf<DataError>([&] {
      const std::vector<double> numbers = ReadNpzArray(file, "grid", {2, 3});
      if (numbers != std::vector<double>{0, 1, 2, 3, 4, 5}) throw UsageError("other numbers");
    });
  };
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_THAT(outcome(whole.substr(0, size)), HasSubstr("damaged.npz: ")) << size;
  }
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      const std::string said = outcome(bytes);
      ASSERT_THAT(said, AnyOf(HasSubstr("damaged.npz: "), "(nothing was thrown)")) << at;
      refused += said != "(nothing was thrown)";
    }
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace handforge
