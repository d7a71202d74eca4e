// The note that a run leaves beside a finished shard.
#include "synth/shard_record.h"
#include "tests/fuzz/fuzz_target.h"

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  static const std::filesystem::path shard = HostileFile("12345678", "shards/00000.h5");
  HostileFile(bytes, "shards/00000.json");
  ReadShardRecord(shard.parent_path().parent_path(), 0);
}

}  // namespace handforge
