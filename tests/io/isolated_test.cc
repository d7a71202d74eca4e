#include "io/isolated.h"

#include "io/byte_stream.h"
#include "io/core/error.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include <gmock/gmock.h>
#include <unistd.h>

namespace handforge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Bytes = std::vector<uint8_t>;

Bytes Isolated(const std::function<Bytes()>& work, IsolationLimits limits = IsolationLimits()) {
  return RunIsolated("hand.glb", limits, work);
}

TEST(RunIsolated, GivesTheBytesOfTheChild) {
  Bytes bytes(300000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  EXPECT_EQ(Isolated([&] { return bytes; }), bytes);
  EXPECT_EQ(Isolated([] { return Bytes(); }), Bytes());
}

TEST(RunIsolated, RunsInAnotherProcess) {
  int here = 1;
  Isolated([&] {
    here = 2;
    return Bytes();
  });
  EXPECT_EQ(here, 1);
}

TEST(RunIsolated, ThrowsTheChildsErrorsAgain) {
  EXPECT_EQ(MessageOf<UsageError>([] { Isolated([]() -> Bytes { throw UsageError("no axis"); }); }),
            "no axis");
  EXPECT_EQ(MessageOf<DataError>([] { Isolated([]() -> Bytes { throw DataError("bad mesh"); }); }),
            "bad mesh");
  EXPECT_EQ(MessageOf<EnvironmentError>(
                [] { Isolated([]() -> Bytes { throw EnvironmentError("gone"); }); }),
            "gone");
}

TEST(RunIsolated, NamesTheFileWhateverTheChildDoes) {
  const auto message = [](const std::function<Bytes()>& work) {
    return MessageOf<DataError>([&] { Isolated(work); });
  };
  EXPECT_THAT(message([]() -> Bytes { throw std::length_error("vector"); }),
              AllOf(StartsWith("hand.glb: "), HasSubstr("vector")));
  EXPECT_THAT(message([]() -> Bytes { throw 5; }), StartsWith("hand.glb: "));
  for (const int signal_number : {SIGSEGV, SIGABRT, SIGBUS, SIGILL}) {
    EXPECT_THAT(message([=]() -> Bytes {
                  std::signal(signal_number, SIG_DFL);
                  raise(signal_number);
                  return {};
                }),
                AllOf(StartsWith("hand.glb: "), HasSubstr("crashed")));
  }
  EXPECT_THAT(message([]() -> Bytes { _exit(3); }),
              AllOf(StartsWith("hand.glb: "), HasSubstr("exit code 3")));
  EXPECT_THAT(message([]() -> Bytes { _exit(0); }), HasSubstr("nothing"));
}

TEST(RunIsolated, EndsAChildThatUsesTooMuch) {
  IsolationLimits limits;
  limits.cpu_seconds = 1;
  EXPECT_THAT(MessageOf<DataError>([&] {
                Isolated(
                    []() -> Bytes {
                      for (volatile uint64_t i = 0;; i = i + 1) {
                      }
                    },
                    limits);
              }),
              HasSubstr("processor time"));
  limits.wall_seconds = 1;
  EXPECT_THAT(MessageOf<DataError>([&] {
                Isolated(
                    []() -> Bytes {
                      for (;;) sleep(1);
                    },
                    limits);
              }),
              HasSubstr("more than 1 s"));
  limits.wall_seconds = 60;
  limits.result_bytes = 1000;
  EXPECT_THAT(MessageOf<DataError>([&] { Isolated([] { return Bytes(5000); }, limits); }),
              HasSubstr("holds more than"));
}

TEST(RunIsolated, LimitsMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map more than any limit";
#endif
  IsolationLimits limits;
  limits.memory_bytes = 64 << 20;
  const auto allocate = [](size_t bytes) {
    return [bytes] {
      Bytes memory(bytes, 1);
      return Bytes{memory[bytes / 2]};
    };
  };
  EXPECT_EQ(Isolated(allocate(16 << 20), limits), Bytes{1});
  EXPECT_THAT(MessageOf<DataError>([&] { Isolated(allocate(size_t{256} << 20), limits); }),
              HasSubstr("more than 64 MiB of memory"));
}

TEST(RunIsolated, TheChildWritesNoFile) {
  const TemporaryFolder folder;
  const std::string file = (folder / "out").string();
  try {
    Isolated([&] {
      std::ofstream(file) << "something" << std::flush;
      return Bytes();
    });
  } catch (const DataError&) {
  }
  std::ifstream written(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}), "");
}

// ---- Byte streams -------------------------------------------------------------------------------

TEST(ByteStream, ReadsWhatWasPut) {
  ByteWriter writer;
  writer.Put<int32_t>(-5);
  writer.PutText("hand");
  writer.PutVector(std::vector<double>{1, 2.5});
  writer.PutVector(std::vector<float>{});
  const Bytes bytes = writer.Take();
  ByteReader reader(bytes, "file");
  EXPECT_EQ(reader.Get<int32_t>(), -5);
  EXPECT_EQ(reader.GetText(), "hand");
  EXPECT_EQ(reader.GetVector<double>(), (std::vector<double>{1, 2.5}));
  EXPECT_TRUE(reader.GetVector<float>().empty());
  EXPECT_THROW(reader.Get<uint8_t>(), DataError);
}

TEST(ByteStream, BelievesNoLength) {
  ByteWriter writer;
  writer.Put<uint64_t>(uint64_t{1} << 61);
  writer.Put<uint64_t>(3);
  const Bytes bytes = writer.Take();
  ByteReader reader(bytes, "file");
  EXPECT_THROW(reader.GetVector<double>(), DataError);
}

}  // namespace
}  // namespace handforge
