#include "io/import/pickle.h"

#include "io/files.h"
#include "tests/io/error_matchers.h"
#include "tests/io/import/numpy_writer.h"
#include "tests/io/temporary_folder.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Bytes of a literal, those that are zero included.
template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return {literal, N - 1};
}

std::string Little(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

std::string Refusal(const std::string& bytes) {
  return MessageOf<DataError>([&] { ParsePickle(bytes, "labels.pickle"); });
}

const PickleValue& At(const PickleValue& dict, const PickleKey& key) {
  return std::get<PickleDict*>(dict)->items.at(key);
}
const PickleValue& At(const PickleValue& dict, const char* key) {
  return At(dict, PickleKey(std::string_view(key)));
}
const std::vector<PickleValue>& ItemsOf(const PickleValue& list) {
  return std::get<PickleList*>(list)->items;
}
const PickleArray& ArrayOf(const PickleValue& value) { return *std::get<PickleArray*>(value); }

std::vector<int64_t> WholeNumbers(const PickleValue& list) {
  std::vector<int64_t> numbers;
  for (const PickleValue& item : ItemsOf(list)) numbers.push_back(std::get<int64_t>(item));
  return numbers;
}

// ---- Written by Python 3 ------------------------------------------------------------------------

// Written once for each protocol.
const std::string& ValuesPickle(int protocol) {
  static std::map<int, std::string> pickles;
  if (pickles.count(protocol) == 0) {
    const TemporaryFolder folder;
    RunWriter("write_pickles.py values " + (folder / "values.pickle").string() + " " +
              std::to_string(protocol));
    pickles[protocol] = ReadText(folder / "values.pickle");
  }
  return pickles[protocol];
}

class PythonPickle : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    HANDFORGE_NEEDS_NUMPY();
    pickle_ = ParsePickle(ValuesPickle(GetParam()), "values.pickle");
  }
  const PickleValue& Value(const char* key) const { return At(pickle_.root, key); }

  Pickle pickle_;
};

TEST_P(PythonPickle, PlainValuesComeBack) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Value("none")));
  EXPECT_TRUE(std::get<bool>(ItemsOf(Value("flags"))[0]));
  EXPECT_FALSE(std::get<bool>(ItemsOf(Value("flags"))[1]));
  EXPECT_EQ(std::get<double>(Value("float")), -0.1);
  EXPECT_THAT(WholeNumbers(Value("numbers")),
              ElementsAre(0,
                          255,
                          256,
                          65535,
                          65536,
                          -1,
                          INT32_MAX,
                          INT32_MIN,
                          int64_t{INT32_MAX} + 1,
                          INT64_MAX,
                          INT64_MIN));
  EXPECT_EQ(std::get<std::string_view>(Value("text")), "hé");
  EXPECT_EQ(std::get<std::string_view>(Value("long text")), std::string(300, 'x'));
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(std::get<PickleBytes>(Value("bytes")).bytes, bytes);
  EXPECT_EQ(std::get<PickleBytes>(Value("long bytes")).bytes, std::string(300, '\x80'));
}

TEST_P(PythonPickle, ContainersComeBack) {
  const auto& tuples = ItemsOf(Value("tuples"));
  ASSERT_EQ(tuples.size(), 5u);
  std::vector<int64_t> expected;
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(std::get<PickleList*>(tuples[i])->is_tuple);
    EXPECT_EQ(WholeNumbers(tuples[i]), expected);
    expected.push_back(static_cast<int64_t>(i) + 1);
  }
  const auto& lists = ItemsOf(Value("lists"));
  EXPECT_FALSE(std::get<PickleList*>(lists[0])->is_tuple);
  EXPECT_TRUE(ItemsOf(lists[0]).empty());
  EXPECT_THAT(WholeNumbers(lists[1]), ElementsAre(1));
  EXPECT_TRUE(std::get<PickleDict*>(lists[2])->items.empty());
  ASSERT_EQ(std::get<PickleDict*>(Value("many"))->items.size(), 300u);
  for (int64_t i = 0; i < 300; ++i) {
    EXPECT_EQ(std::get<std::string_view>(At(Value("many"), PickleKey(i))),
              "text " + std::to_string(i));
  }
}

TEST_P(PythonPickle, ArraysComeBack) {
  const PickleArray& grid = ArrayOf(At(pickle_.root, PickleKey(int64_t{7})));
  EXPECT_THAT(grid.shape, ElementsAre(2, 3));
  EXPECT_EQ(grid.type.kind, 'f');
  EXPECT_EQ(grid.type.item_bytes, 4u);
  EXPECT_THAT(grid.Doubles(), ElementsAre(0.5, 1.5, 2.5, 3.5, 4.5, 5.5));
  // One object stays one.
  const auto& shared = ItemsOf(Value("shared"));
  EXPECT_EQ(&ArrayOf(shared[0]), &grid);
  EXPECT_EQ(&ArrayOf(shared[1]), &grid);
  EXPECT_EQ(&ArrayOf(At(pickle_.root, PickleKey(int64_t{-7}))), &grid);
  EXPECT_EQ(&ArrayOf(ItemsOf(Value("again"))[1]), &grid);
  EXPECT_EQ(std::get<std::string_view>(ItemsOf(Value("again"))[0]), "text 299");
}

TEST_P(PythonPickle, OrderOfAxesIsTheOneOfTheIndices) {
  const PickleArray& fortran = ArrayOf(Value("fortran"));
  EXPECT_TRUE(fortran.is_fortran);
  EXPECT_THAT(fortran.shape, ElementsAre(2, 3, 4));
  std::vector<double> counted(24);
  for (size_t i = 0; i < 24; ++i) counted[i] = static_cast<double>(i);
  EXPECT_EQ(fortran.Doubles(), counted);
  EXPECT_THAT(ArrayOf(Value("transposed")).shape, ElementsAre(3, 2));
  EXPECT_THAT(ArrayOf(Value("transposed")).Doubles(), ElementsAre(0.5, 3.5, 1.5, 4.5, 2.5, 5.5));
  EXPECT_TRUE(ArrayOf(Value("scalar")).shape.empty());
  EXPECT_THAT(ArrayOf(Value("scalar")).Doubles(), ElementsAre(2.5));
}

// Whoever takes a number out of an array pickles one of numpy's types.
TEST_P(PythonPickle, NumbersOfNumpysTypesAreArraysWithoutAxes) {
  const auto& numbers = ItemsOf(Value("numpy numbers"));
  ASSERT_EQ(numbers.size(), 4u);
  const double expected[] = {-0.1, 2.5, -7, 1};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(ArrayOf(numbers[i]).shape.empty());
    EXPECT_THAT(ArrayOf(numbers[i]).Doubles(), ElementsAre(expected[i]));
  }
}

TEST_P(PythonPickle, EveryTypeOfNumberComesBack) {
  const auto numbers = [&](const char* dtype) {
    return ArrayOf(At(Value("arrays"), dtype)).Doubles();
  };
  for (const char* dtype : {"f4", "f8", "i1", "i2", "i4", "i8"}) {
    EXPECT_THAT(numbers(dtype), ElementsAre(-1, -2, 1, 2, 3, 4)) << dtype;
  }
  EXPECT_THAT(numbers("u1"), ElementsAre(1, 255, 3, 4, 5, 6));
  EXPECT_THAT(numbers("u2"), ElementsAre(1, 65535, 3, 4, 5, 6));
  EXPECT_THAT(numbers("u4"), ElementsAre(1, 4294967295.0, 3, 4, 5, 6));
  EXPECT_THAT(numbers("u8"), ElementsAre(1, 0, 3, 4, 5, 6));
  EXPECT_THAT(numbers("b1"), ElementsAre(1, 0, 1, 1, 1, 1));
}

// Each cut is refused, wherever it is, and what is left is not read beyond.
TEST_P(PythonPickle, CutOffAnywhereIsRefused) {
  const std::string& whole = ValuesPickle(GetParam());
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut(whole.data(), size);
    ASSERT_THAT(Refusal(cut), HasSubstr("labels.pickle, byte ")) << size;
  }
}

TEST_P(PythonPickle, NumpyTwoNamesItsModulesOtherwise) {
  std::string bytes = ValuesPickle(GetParam());
  const std::string one = "numpy.core.", two = "numpy._core.";
  bool found = false;
  for (size_t at = 0; (at = bytes.find(one, at)) != std::string::npos; at += two.size()) {
    bytes.replace(at, one.size(), two);
    if (GetParam() > 3) ++bytes[at - 1];  // the length of the name
    found = true;
  }
  ASSERT_TRUE(found);
  const Pickle pickle = ParsePickle(bytes, "numpy2");
  EXPECT_THAT(ArrayOf(At(pickle.root, PickleKey(int64_t{7}))).Doubles(),
              ElementsAre(0.5, 1.5, 2.5, 3.5, 4.5, 5.5));
}

INSTANTIATE_TEST_SUITE_P(Protocols, PythonPickle, ::testing::Values(2, 3, 4, 5));

TEST(PickleRefusals, OfWhatPythonWrites) {
  HANDFORGE_NEEDS_NUMPY();
  const TemporaryFolder folder;
  RunWriter("write_pickles.py refused " + folder.path().string());
  const auto refusal = [&](const std::string& name) {
    return MessageOf<DataError>([&] { ReadPickle(folder / name); });
  };
  for (const char* protocol : {"2", "3", "4", "5"}) {
    EXPECT_THAT(refusal(std::string("system") + protocol),
                AllOf(HasSubstr((folder / "system").string() + protocol + ", byte "),
                      HasSubstr("asks for 'posix.system'"),
                      HasSubstr("nothing was executed")));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "executed"));
  EXPECT_THAT(refusal("objects"), HasSubstr("an array of 'O8'; expected f4, f8"));
  EXPECT_THAT(refusal("structures"), HasSubstr("an array of 'V4'"));
  EXPECT_THAT(refusal("complex"), HasSubstr("an array of 'c8'"));
  EXPECT_THAT(refusal("big_endian"), HasSubstr("big-endian byte order; expected little-endian"));
  EXPECT_THAT(refusal("long_integer"), HasSubstr("whole number of 9 bytes; expected at most 8"));
  EXPECT_THAT(refusal("set"), HasSubstr("opcode 143, which no dict"));
  EXPECT_THAT(refusal("none"), HasSubstr("none"));
}

// ---- Put together by hand -----------------------------------------------------------------------

// {7: {'xyz': array}} as Python 2 and its numpy wrote it: texts are bytes, flags are numbers.
std::string PythonTwo(const std::string& shape, const std::string& numbers) {
  return Bytes(
             "\x80\x02}q\x01K\x07}q\x02U\x03xyzq\x03"
             "cnumpy.core.multiarray\n_reconstruct\nq\x04"
             "cnumpy\nndarray\nq\x05K\x00\x85U\x01"
             "b\x87Rq\x06(K\x01") +
         shape +
         Bytes(
             "cnumpy\ndtype\nq\x07U\x02"
             "f4K\x00K\x01\x87Rq\x08(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
             "K\x00T") +
         Little(numbers.size(), 4) + numbers + "tbss.";
}

TEST(Pickle, PythonTwoWroteTextsAsBytes) {
  const std::string numbers = Bytes("\x00\x00\x00\x3f\x00\x00\x20\xc0");
  const Pickle pickle = ParsePickle(PythonTwo(Bytes("K\x01K\x02\x86"), numbers), "python2");
  const PickleArray& xyz = ArrayOf(At(At(pickle.root, PickleKey(int64_t{7})), "xyz"));
  EXPECT_THAT(xyz.shape, ElementsAre(1, 2));
  EXPECT_THAT(xyz.Doubles(), ElementsAre(0.5, -2.5));
}

TEST(Pickle, HoldsItsValuesAfterItWasMoved) {
  std::vector<Pickle> pickles;
  for (int i = 0; i < 9; ++i)
    pickles.push_back(ParsePickle(Bytes("\x80\x02U\x03"
                                        "abc."),
                                  "p"));
  for (const Pickle& p : pickles) EXPECT_EQ(std::get<PickleBytes>(p.root).bytes, "abc");
}

TEST(Pickle, LastOfEqualKeysCounts) {
  const Pickle pickle = ParsePickle(Bytes("\x80\x02}(U\x01"
                                          "aK\x01X\x01\x00\x00\x00"
                                          "aK\x02u."),
                                    "p");
  EXPECT_EQ(std::get<PickleDict*>(pickle.root)->items.size(), 1u);
  EXPECT_EQ(std::get<int64_t>(At(pickle.root, "a")), 2);
}

TEST(PickleRefusals, NameByteAndWhatIsWrong) {
  EXPECT_THAT(Refusal(""), AllOf(HasSubstr("labels.pickle, byte 0"), HasSubstr("no pickle")));
  EXPECT_THAT(Refusal("(dp0\n."), HasSubstr("no pickle of protocol 2 to 5"));
  EXPECT_THAT(Refusal("\x80\x06."), HasSubstr("byte 0: protocol 6; expected 2 to 5"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02NN.")), HasSubstr("byte 4: ends in the middle of a value"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02N(.")), HasSubstr("byte 4: takes a value that is not there"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02.")), HasSubstr("byte 2: takes a value that is not there"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02Nt.")), HasSubstr("ends a group that does not begin"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02Na.")), HasSubstr("takes a value"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02NNa.")), HasSubstr("byte 4: expected a list to append to"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02)Na.")), HasSubstr("appends to a tuple"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02]NNs.")), HasSubstr("expected a dict to fill"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02}(Nu.")), HasSubstr("a key without a value"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02}NNs.")), HasSubstr("a whole number or a text as key"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02}X\x01\x01\x00\x00") + std::string(257, 'k') + "Ns."),
              HasSubstr("a key of 257 bytes; expected at most 256"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02h\x00.")), HasSubstr("byte 2: memo slot 0 is empty"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02Nq\x02h\x01.")), HasSubstr("memo slot 1 is empty"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02Nr\xff\xff\xff\xff.")),
              HasSubstr("memo slot 4294967295 is beyond all that was read"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02NNR.")), HasSubstr("expected a function to call"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02NNb.")), HasSubstr("expected an array or a dtype"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02"
                            "cnumpy\nndarray\n)R.")),
              HasSubstr("calls numpy.ndarray"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02"
                            "cnumpy\ndtype\n)R.")),
              HasSubstr("the name of a dtype"));
  EXPECT_THAT(Refusal("\x80\x02"
                      "cnumpy\ndty"),
              HasSubstr("a name that does not end"));
  EXPECT_THAT(Refusal(Bytes("\x80\x02"
                            "c\x1b[1m\nx\n.")),
              HasSubstr("asks for '?[1m.x'"));
  EXPECT_THAT(Refusal("\x80\x02"
                      "c" +
                      std::string(1000, 'm') + "\nx\n."),
              HasSubstr("'" + std::string(100, 'm') + "'"));
  EXPECT_THAT(Refusal(Bytes("\x80\x04"
                            "K\x01\x8c\x01x\x93.")),
              HasSubstr("the name of a module"));
}

TEST(PickleRefusals, OfTextThatIsNoBytes) {
  const auto encode = [](const std::string& text, const std::string& encoding) {
    return Refusal(Bytes("\x80\x02"
                         "c_codecs\nencode\nX") +
                   Little(text.size(), 4) + text + "X" + Little(encoding.size(), 4) + encoding +
                   "\x86R.");
  };
  EXPECT_THAT(encode("\xc3\xbf", "latin1"), HasSubstr("nothing was thrown"));
  EXPECT_THAT(encode("\xc4\x80", "latin1"), HasSubstr("a text that is no latin1"));
  EXPECT_THAT(encode("\xc3", "latin1"), HasSubstr("a text that is no latin1"));
  EXPECT_THAT(encode("\xc3"
                     "a",
                     "latin1"),
              HasSubstr("a text that is no latin1"));
  EXPECT_THAT(encode("a", "rot13"), HasSubstr("encodes as something else than latin1"));
}

TEST(PickleRefusals, OfArraysUnlikeTheirShape) {
  const auto array = [](const std::string& shape) { return Refusal(PythonTwo(shape, "12345678")); };
  EXPECT_THAT(array(Bytes("K\x02\x85")), HasSubstr("nothing was thrown"));
  EXPECT_THAT(array(Bytes("K\x01K\x03\x86")),
              HasSubstr("shape (1, 3) and 4 bytes each that holds 8 bytes"));
  EXPECT_THAT(array(Bytes("K\x01\x85")), HasSubstr("shape (1) and 4 bytes each"));
  EXPECT_THAT(array(")"), HasSubstr("shape () and 4 bytes each"));
  EXPECT_THAT(array(Bytes("K\x00K\x02\x86")), HasSubstr("shape (0, 2)"));
  EXPECT_THAT(array(Bytes("J\xff\xff\xff\xff\x85")), HasSubstr("an extent below 0"));
  EXPECT_THAT(array(Bytes("N\x85")), HasSubstr("whole numbers as shape"));
  EXPECT_THAT(array("N"), HasSubstr("the shape of an array"));
  EXPECT_THAT(array("(" + std::string(33 * 2, 'K') + "t"), HasSubstr("more axes than numpy has"));
  // 4 bytes times 2^62 + 2 elements are 8 bytes in 64 bits.
  const std::string huge = Bytes("\x8a\x08\x02\x00\x00\x00\x00\x00\x00\x40");
  EXPECT_THAT(array(huge + "\x85"), HasSubstr("shape (4611686018427387906) and 4 bytes each"));
  EXPECT_THAT(array(Bytes("K\x02") + huge + "\x86"), HasSubstr("shape (2, 4611686018427387906)"));
}

TEST(PickleRefusals, OfNumbersUnlikeTheirType) {
  const auto scalar = [](const std::string& arguments) {
    return Refusal(Bytes("\x80\x02"
                         "cnumpy.core.multiarray\nscalar\n") +
                   arguments + "R.");
  };
  const std::string dtype = Bytes(
      "cnumpy\ndtype\nU\x02"
      "f4\x85R");
  EXPECT_THAT(scalar(dtype + Bytes("U\x04"
                                   "abcd\x86")),
              HasSubstr("nothing was thrown"));
  EXPECT_THAT(scalar(dtype + Bytes("U\x03"
                                   "abc\x86")),
              HasSubstr("shape () and 4 bytes each that holds 3 bytes"));
  EXPECT_THAT(scalar(dtype + "\x85"), HasSubstr("dtype and bytes of a number"));
  EXPECT_THAT(scalar("NN\x86"), HasSubstr("the dtype of an array"));
  EXPECT_THAT(scalar(dtype + "N\x86"), HasSubstr("the bytes of an array"));
}

// Sizes that promise more than there is take no memory.
TEST(PickleRefusals, OfSizesBeyondTheFile) {
  const uint64_t huge = uint64_t{1} << 62;
  for (const char* code : {"T", "X", "B"}) {
    EXPECT_THAT(Refusal("\x80\x02" + std::string(code) + Little(0xFFFFFFFF, 4) + "abc"),
                HasSubstr("byte 2: asks for 4294967295 bytes, 3 are left"));
  }
  for (const char* code : {"\x8d", "\x8e", "\x95", "\x96"}) {
    for (const uint64_t size : {huge, ~uint64_t{0}}) {
      EXPECT_THAT(Refusal("\x80\x04" + std::string(code) + Little(size, 8) + "abc"),
                  HasSubstr("asks for " + std::to_string(size) + " bytes, 3 are left"));
    }
  }
  EXPECT_THAT(Refusal("\x80\x02"
                      "U\x04"
                      "abc"),
              HasSubstr("asks for 4 bytes, 3 are left"));
}

// A million lists in each other, a list in itself: neither depth nor a circle is followed.
TEST(PickleHostile, DepthAndCirclesEnd) {
  constexpr size_t kDepth = 1000000;
  const Pickle nested =
      ParsePickle("\x80\x02" + std::string(kDepth, ']') + std::string(kDepth - 1, 'a') + ".", "p");
  EXPECT_EQ(ItemsOf(nested.root).size(), 1u);
  ParsePickle("\x80\x02N" + std::string(kDepth, '\x85') + ".", "p");
  EXPECT_THAT(Refusal("\x80\x02" + std::string(kDepth, '(') + "."), HasSubstr("not there"));
  const Pickle circle = ParsePickle(Bytes("\x80\x02]q\x00h\x00"
                                          "a."),
                                    "p");
  EXPECT_EQ(std::get<PickleList*>(ItemsOf(circle.root)[0]), std::get<PickleList*>(circle.root));
}

// Small instructions on one large text add up to no large memory.
TEST(PickleHostile, WhatIsSharedIsNotCopied) {
  constexpr size_t kText = 1 << 20;
  constexpr int kTimes = 20000;
  std::string bytes =
      "\x80\x02"
      "c_codecs\nencode\n" +
      Bytes("q\x00") + "X" + Little(kText, 4) + std::string(kText, 'a') +
      Bytes("q\x01X\x06\x00\x00\x00latin1q\x02(");
  for (int i = 0; i < kTimes; ++i) bytes += Bytes("h\x00h\x01h\x02\x86R");
  EXPECT_THAT(Refusal(bytes + "t."), HasSubstr("encodes more text than the file holds"));

  bytes = Bytes(
              "\x80\x02(cnumpy.core.multiarray\n_reconstruct\nq\x00"
              "cnumpy\ndtype\nU\x02u1\x85Rq\x01T") +
          Little(kText, 4) + std::string(kText, 'a') + Bytes("q\x02");
  for (int i = 0; i < kTimes; ++i)
    bytes += Bytes("h\x00)R(K\x01J\x00\x00\x10\x00\x85h\x01\x89h\x02tb");
  const Pickle pickle = ParsePickle(bytes + "t.", "p");
  const auto& items = ItemsOf(pickle.root);
  ASSERT_EQ(items.size(), 3u + kTimes);
  EXPECT_EQ(ArrayOf(items[3]).bytes.size(), kText);
  EXPECT_EQ(ArrayOf(items[3]).bytes.data(), ArrayOf(items.back()).bytes.data());
}

}  // namespace
}  // namespace handforge
