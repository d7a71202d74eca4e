#include "io/import/dexycb_protocol.h"

#include "io/core/error.h"
#include "tests/io/error_matchers.h"

#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handforge {
namespace {

using Set = std::set<int>;

Set Range(int first, int last) {
  Set numbers;
  for (int i = first; i <= last; ++i) numbers.insert(i);
  return numbers;
}

Set Where(const std::function<bool(int)>& chosen) {
  Set numbers;
  for (int i = 0; i < 100; ++i) {
    if (chosen(i)) numbers.insert(i);
  }
  return numbers;
}

// The three lists that the toolkit has for each split of a setup.
struct Lists {
  DexYcbProtocol protocol;
  Split split;
  Set subjects, cameras, sequences;
};

std::vector<Lists> ToolkitLists() {
  constexpr auto kTrain = Split::kTrain, kVal = Split::kValidation, kTest = Split::kTest;
  const Set everyone = Range(0, 9), everywhere = Range(0, 7), all = Range(0, 99);
  const Set fifth = Where([](int i) { return i % 5 == 4; });
  const Set val_objects = Where([](int i) { return i / 5 == 3 || i / 5 == 19; });
  const Set test_objects = Where([](int i) { return i / 5 == 7 || i / 5 == 11 || i / 5 == 15; });
  const Set train_objects =
      Where([&](int i) { return !val_objects.count(i) && !test_objects.count(i); });
  return {
      {DexYcbProtocol::kS0, kTrain, everyone, everywhere, Where([](int i) { return i % 5 != 4; })},
      {DexYcbProtocol::kS0, kVal, {0, 1}, everywhere, fifth},
      {DexYcbProtocol::kS0, kTest, Range(2, 9), everywhere, fifth},
      {DexYcbProtocol::kS1, kTrain, {0, 1, 2, 3, 4, 5, 9}, everywhere, all},
      {DexYcbProtocol::kS1, kVal, {6}, everywhere, all},
      {DexYcbProtocol::kS1, kTest, {7, 8}, everywhere, all},
      {DexYcbProtocol::kS2, kTrain, everyone, Range(0, 5), all},
      {DexYcbProtocol::kS2, kVal, everyone, {6}, all},
      {DexYcbProtocol::kS2, kTest, everyone, {7}, all},
      {DexYcbProtocol::kS3, kTrain, everyone, everywhere, train_objects},
      {DexYcbProtocol::kS3, kVal, everyone, everywhere, val_objects},
      {DexYcbProtocol::kS3, kTest, everyone, everywhere, test_objects},
  };
}

TEST(DexYcbSplit, IsWhereTheToolkitListsIt) {
  int counted = 0;
  for (const Lists& lists : ToolkitLists()) {
    for (const int subject : lists.subjects) {
      for (const int camera : lists.cameras) {
        for (const int sequence : lists.sequences) {
          ASSERT_EQ(DexYcbSplit(lists.protocol, subject, sequence, camera), lists.split)
              << static_cast<int>(lists.protocol) << " " << subject << " " << sequence << " "
              << camera;
          ++counted;
        }
      }
    }
  }
  EXPECT_EQ(counted, 4 * 10 * 8 * 100);
}

TEST(DexYcbSplit, RefusesAnotherProtocol) {
  EXPECT_THAT(MessageOf<UsageError>([] { DexYcbSplit(static_cast<DexYcbProtocol>(4), 0, 0, 0); }),
              ::testing::HasSubstr("no such protocol"));
}

}  // namespace
}  // namespace handforge
