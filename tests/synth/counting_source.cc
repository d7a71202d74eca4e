#include "tests/synth/counting_source.h"

#include "io/core/error.h"
#include "io/interrupt.h"

#include <new>

namespace handforge {

void CountingSource::Make(uint64_t first,
                          uint64_t count,
                          std::vector<Tuple>* tuples,
                          Rejections* rejections) {
  const int now = ++shared_.in_flight;
  int most = shared_.most_in_flight;
  while (now > most && !shared_.most_in_flight.compare_exchange_weak(most, now)) {
  }
  tuples->assign(count, Tuple());
  for (uint64_t i = 0; i < count; ++i) {
    Tuple& t = (*tuples)[i];
    t.index = first + i;
    if (shared_.before) shared_.before(t.index);
    t.camera = PinholeCamera::Centred(32, 50);
    t.rgb = ImageU8(32, 32, 3, static_cast<uint8_t>(first + i));
    t.depth = ImageU16(32, 32);
    t.mask = ImageU8(32, 32);
    if (t.index == shared_.fail_at) throw DataError("planted failure");
    if (t.index == shared_.out_of_memory_at) throw std::bad_alloc();
    if (t.index == shared_.interrupt_at) RequestInterrupt(true);
  }
  (*rejections)["planted"] += count;
  shared_.made += count;
  --shared_.in_flight;
}

DatasetJob CountingJob(const std::filesystem::path& out, uint64_t count, int threads) {
  DatasetJob job;
  job.out = out;
  job.tuples_per_shard = 10;
  job.tuples_per_block = 4;
  job.threads = threads;
  job.manifest.command = "render";
  job.manifest.generator = "test";
  job.manifest.count = count;
  job.manifest.layout.image_px = job.manifest.layout.rgb_px = 32;
  job.manifest.config_sha256 = std::string(64, 'a');
  return job;
}

DatasetResult WriteCounted(const DatasetJob& job, CountingSource::Shared* shared) {
  return WriteDataset(job, [shared] { return std::make_unique<CountingSource>(shared); });
}

}  // namespace handforge
