#include "synth/augment_job_options.h"

namespace handforge {

void AugmentJobOptions::Visit(Fields& fields) {
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("copies", copies, 1, 100000, "of each tuple of the source");
  fields.Field("count", count, 0, int64_t{1} << 40, "tuples to write, 0 = copies times the source");
  fields.Field("seed", seed, "seed of every random number");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
  augmentation.Visit(fields);
}

}  // namespace handforge
