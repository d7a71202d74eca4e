// Mutated glTF, OpenEXR and HDF5 files: each ends in a handforge::Error that names the file, or is
// read as what it still is; nothing crashes and nothing hangs. HANDFORGE_MUTATED_FILES says how
// many of each (tests/fuzz/foreign_files.sh: 1,000).
#include "io/assets.h"
#include "io/core/error.h"
#include "io/core/random.h"
#include "io/files.h"
#include "io/foreign_shard.h"
#include "render/environment.h"
#include "render/rig_loader.h"
#include "tests/io/random_tuple.h"
#include "tests/io/temporary_folder.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

int MutatedFiles() {
  const char* count = std::getenv("HANDFORGE_MUTATED_FILES");
  return count == nullptr ? 20 : std::atoi(count);
}

// Half of the mutations hit the first kilobytes, where the headers are.
std::string Mutated(std::string bytes, Random* random) {
  const auto place = [&] {
    const auto size = static_cast<int64_t>(bytes.size());
    return static_cast<size_t>(
        random->Integer(random->Chance(0.5) ? std::min<int64_t>(size, 4096) : size));
  };
  for (int64_t change = random->Integer(8); change >= 0; --change) {
    const size_t at = place();
    switch (random->Integer(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random->Integer(8)));
        break;
      case 1:  // a number that is too large, or negative
        for (size_t i = at; i < std::min(bytes.size(), at + 4); ++i) bytes[i] = '\xff';
        break;
      case 2:
        bytes.erase(at, static_cast<size_t>(random->Integer(64)) + 1);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, static_cast<size_t>(random->Integer(64)) + 1));
        break;
      case 4:
        if (random->Chance(0.2)) bytes.resize(at + 1);
        break;
      default:
        for (size_t i = at; i < std::min(bytes.size(), at + 8); ++i) {
          bytes[i] = static_cast<char>(random->Integer(256));
        }
    }
  }
  return bytes;
}

// Reads mutations of `sound`; every refusal must name the file.
void ReadMutations(const fs::path& sound,
                   const std::string& name,
                   const std::function<void(const fs::path&)>& read) {
  const TemporaryFolder folder;
  const fs::path file = folder / name;
  const std::string bytes = ReadText(sound);
  int refused = 0, crashed = 0, still_read = 0;
  for (int i = 0; i < MutatedFiles(); ++i) {
    Random random(1, static_cast<uint64_t>(i), 0, Purpose::kTest);
    std::ofstream(file, std::ios::binary) << Mutated(bytes, &random);
    try {
      read(file);
      ++still_read;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(file.stem().string()), std::string::npos)
          << "mutation " << i << ": " << message;
      ++(message.find("crashed") == std::string::npos ? refused : crashed);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "mutation " << i << ": not refused but thrown at: " << error.what();
    }
  }
  EXPECT_GT(refused + crashed, 0);
  std::printf("%s: %d mutations: %d refused, %d ended their child, %d still readable\n",
              name.c_str(),
              MutatedFiles(),
              refused,
              crashed,
              still_read);
}

TEST(ForeignFiles, MutatedMeshesEndInAnErrorOrAMesh) {
  const RigSpec spec;
  const fs::path mesh = FindAsset(spec.mesh);
  EXPECT_GT(LoadRiggedMesh(mesh, spec).positions_mm.size(), 1000u);
  ReadMutations(mesh, "mutated.glb", [&](const fs::path& file) { LoadRiggedMesh(file, spec); });
}

TEST(ForeignFiles, MutatedLightProbesEndInAnErrorOrAProbe) {
  const std::vector<fs::path> probes = HdriFiles();
  ASSERT_FALSE(probes.empty());
  ReadMutations(
      probes[0], "mutated.exr", [](const fs::path& file) { Environment::Load(file, 16); });
}

TEST(ForeignFiles, MutatedShardsEndInAnErrorOrAShard) {
  const TemporaryFolder folder;
  TupleLayout layout;
  layout.image_px = 16;
  layout.rgb_px = 8;
  layout.latent_dim = 3;
  layout.decoded = true;
  ShardWriter writer(folder.path(), 0, 4, layout, {{{"generator", "test"}}, {}});
  for (uint64_t i = 0; i < 4; ++i) {
    writer.Append(EncodeTuple(RandomTuple(i, layout), layout, 4));
  }
  writer.Publish();
  const fs::path shard = folder / ShardFileName(0);
  const ForeignShard sound = ForeignShard::Read(shard);
  ASSERT_EQ(sound.size(), 4u);
  EXPECT_EQ(sound.TextAttribute("generator"), "test");
  EXPECT_EQ(sound.ReadTuple(2).depth.pixels, RandomTuple(2, layout).depth.pixels);
  ReadMutations(shard, "mutated.h5", [](const fs::path& file) {
    const ForeignShard read = ForeignShard::Read(file);
    for (uint64_t row = 0; row < read.size(); ++row) read.ReadTuple(row);
  });
}

}  // namespace
}  // namespace handforge
