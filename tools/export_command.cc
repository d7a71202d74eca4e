#include "tools/export_command.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "render/mesh_file.h"
#include "render/tuple_renderer.h"
#include "tools/recipe.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct ExportCommandOptions {
  CommonOptions common;
  std::string dataset;
  int64_t index = 0;
  std::string mesh;
};

// The meshes of a row as it was seen: a left hand's scene is mirrored.
std::vector<NamedMesh> MeshesOf(const ShardReader& shard,
                                const std::string& mesh_sha256,
                                const Tuple& tuple) {
  if ((tuple.present & kHasRig) == 0) {
    throw DataError("tuple " + std::to_string(tuple.index) + " has no rig, so no mesh");
  }
  const Rig rig = LoadRig(RigSpec::Parse(shard.TextAttribute("rig"), "attribute rig"));
  if (rig.sha256 != mesh_sha256) {
    throw DataError("the rig's mesh here has SHA-256 " + rig.sha256 + ", the tuple was made with " +
                    mesh_sha256);
  }
  const ObjectLibrary objects = ObjectLibrary::Restore(shard.ListAttribute("object_names"),
                                                       shard.ListAttribute("object_sha256"));
  std::vector<NamedMesh> meshes(1);
  meshes[0].name = "hand";
  PoseSurface(rig, ToBonePoses(tuple.rig), &meshes[0].mesh.vertices_mm);
  meshes[0].mesh.triangles = rig.triangles;
  for (Surrounding& s : SurroundingsOf(rig, objects, tuple)) {
    const std::string name =
        s.object < 0 ? "other_hand" : objects.names()[tuple.objects[s.object].shape];
    meshes.push_back({fs::path(name).stem().string(), std::move(s.mesh)});
  }
  for (const NamedMesh& m : meshes) {
    for (const Eigen::Vector3f& v : m.mesh.vertices_mm) {
      if (v.allFinite()) continue;
      throw DataError("tuple " + std::to_string(tuple.index) + ": the rig of its " + m.name +
                      " is not finite");
    }
  }
  if (tuple.handedness == Handedness::kLeft) {
    for (NamedMesh& m : meshes) {
      for (Eigen::Vector3f& v : m.mesh.vertices_mm) v.x() = -v.x();
      for (auto& t : m.mesh.triangles) std::swap(t[1], t[2]);
    }
  }
  return meshes;
}

int RunExport(const ExportCommandOptions& options) {
  Recipe::CheckOnly(options.common);
  EndAtOnceOnInterrupt();
  const Dataset dataset(options.dataset);
  const Manifest& manifest = dataset.manifest();
  const auto index = static_cast<uint64_t>(options.index);  // a negative one is beyond the last
  uint64_t row = index;
  for (size_t i = 0; i < manifest.shards.size(); row -= manifest.shards[i++].tuples) {
    if (row >= manifest.shards[i].tuples) continue;
    const ShardReader shard = dataset.OpenShard(i);
    const auto meshes = MeshesOf(shard, manifest.RunOf(i).mesh_sha256, shard.ReadTuple(row));
    WriteMeshFile(meshes, options.mesh);
    nlohmann::json names = nlohmann::json::array();
    for (const NamedMesh& m : meshes) names.push_back(m.name);
    spdlog::info("wrote {} meshes to {}", meshes.size(), options.mesh);
    PrintSummary(options.common, {{"ok", true}, {"mesh", options.mesh}, {"meshes", names}});
    return static_cast<int>(ExitCode::kDone);
  }
  throw UsageError("--index " + std::to_string(options.index) + ": " + options.dataset + " holds " +
                   std::to_string(manifest.count) + " tuples, counted from 0");
}

}  // namespace

void SetupExportCommand(CommandLine& command_line) {
  const auto options = std::make_shared<ExportCommandOptions>();
  CLI::App& app = command_line.Add(
      "export",
      "Write the posed mesh of a tuple, in metres: .glb, .gltf, .obj, .ply or .stl",
      options,
      RunExport);
  app.add_option("dataset", options->dataset, "Dataset folder")->required();
  app.add_option("--index", options->index, "Number of the tuple in the dataset, from 0")
      ->check(IsCount);
  app.add_option("--mesh", options->mesh, "File to write")->required();
}

}  // namespace handforge
