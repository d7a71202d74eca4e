#pragma once

#include "synth/dataset_writer.h"

#include <atomic>
#include <filesystem>

namespace handforge {

// A source that costs nothing, counts its calls and can be told to fail.
class CountingSource : public TupleSource {
 public:
  struct Shared {
    std::atomic<int> in_flight{0};
    std::atomic<int> most_in_flight{0};
    std::atomic<uint64_t> made{0};
    uint64_t fail_at = UINT64_MAX;
    uint64_t interrupt_at = UINT64_MAX;
    uint64_t out_of_memory_at = UINT64_MAX;
    std::function<void(uint64_t index)> before;  // each tuple
  };
  explicit CountingSource(Shared* shared) : shared_(*shared) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override;

 private:
  Shared& shared_;
};

// Shards of 10, blocks of 4.
DatasetJob CountingJob(const std::filesystem::path& out, uint64_t count, int threads);
DatasetResult WriteCounted(const DatasetJob& job, CountingSource::Shared* shared);

}  // namespace handforge
