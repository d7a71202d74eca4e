#include "tools/export_command.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "io/files.h"
#include "io/shard.h"
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
  uint64_t index = 0;
  std::string mesh;
};

// The meshes of a row as it was seen: a left hand's scene is mirrored.
std::vector<NamedMesh> MeshesOf(const ShardReader& shard, const Tuple& tuple) {
  if ((tuple.present & kHasRig) == 0) {
    throw DataError("tuple " + std::to_string(tuple.index) + " has no rig, so no mesh");
  }
  const Rig rig = LoadRig(RigSpec::Parse(shard.TextAttribute("rig"), "attribute rig"));
  ObjectLibrary objects;
  for (const std::string& name : shard.ListAttribute("object_names")) {
    if (objects.Find(name) < 0) objects.AddFile(name);
  }
  std::vector<NamedMesh> meshes(1);
  meshes[0].name = "hand";
  PoseSurface(rig, ToBonePoses(tuple.rig), &meshes[0].mesh.vertices_mm);
  meshes[0].mesh.triangles = rig.triangles;
  for (Surrounding& s : SurroundingsOf(rig, objects, tuple)) {
    const std::string name =
        s.object < 0 ? "other_hand" : objects.names()[tuple.objects[s.object].shape];
    meshes.push_back({fs::path(name).stem().string(), std::move(s.mesh)});
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
  const fs::path folder = options.dataset;
  const Manifest manifest =
      Manifest::FromJson(ReadText(ManifestPath(folder)), ManifestPath(folder));
  for (const ShardInfo& info : manifest.shards) {
    if (options.index < info.first_index || options.index >= info.first_index + info.tuples) {
      continue;
    }
    const fs::path file = folder / info.file;
    if (Sha256OfFile(file) != info.sha256) {
      throw DataError(file.string() +
                      ": its SHA-256 is not the manifest's; run `handforge verify`");
    }
    const ShardReader shard(file);
    const auto meshes = MeshesOf(shard, shard.ReadTuple(options.index - info.first_index));
    WriteMeshFile(meshes, options.mesh);
    nlohmann::json names = nlohmann::json::array();
    for (const NamedMesh& m : meshes) names.push_back(m.name);
    spdlog::info("wrote {} meshes to {}", meshes.size(), options.mesh);
    PrintSummary(options.common, {{"ok", true}, {"mesh", options.mesh}, {"meshes", names}});
    return static_cast<int>(ExitCode::kDone);
  }
  throw UsageError("--index " + std::to_string(options.index) + ": " + folder.string() + " holds " +
                   std::to_string(manifest.count) + " tuples");
}

}  // namespace

void SetupExportCommand(CommandLine& command_line) {
  const auto options = std::make_shared<ExportCommandOptions>();
  CLI::App& app =
      command_line.Add("export",
                       "Write the posed mesh of a tuple: .glb, .gltf, .obj, .ply or .stl",
                       options,
                       RunExport);
  app.add_option("dataset", options->dataset, "Dataset folder")->required();
  app.add_option("--index", options->index, "Number of the tuple in the run");
  app.add_option("--mesh", options->mesh, "File to write")->required();
}

}  // namespace handforge
