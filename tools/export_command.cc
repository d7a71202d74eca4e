#include "tools/export_command.h"

#include "io/core/error.h"
#include "io/dataset.h"
#include "io/export/coco.h"
#include "io/export/webdataset.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "render/mesh_file.h"
#include "render/tuple_renderer.h"
#include "tools/progress.h"
#include "tools/recipe.h"

#include <memory>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

struct ExportCommandOptions {
  CommonOptions common;
  std::string dataset;
  std::optional<int64_t> index;
  std::string mesh;
  std::string coco;
  std::string webdataset;
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

void ExportMesh(const ExportCommandOptions& options, const Dataset& dataset) {
  EndAtOnceOnInterrupt();
  const Manifest& manifest = dataset.manifest();
  const int64_t number = options.index.value_or(0);
  const auto index = static_cast<uint64_t>(number);  // a negative one is beyond the last
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
    return;
  }
  throw UsageError("--index " + std::to_string(number) + ": " + options.dataset + " holds " +
                   std::to_string(manifest.count) + " tuples, counted from 0");
}

nlohmann::json CountsOf(const std::array<uint64_t, 3>& counts) {
  return {{"train", counts[0]}, {"validation", counts[1]}, {"test", counts[2]}};
}

ExportOptions WithProgress(const ExportCommandOptions& options, Progress* progress) {
  ExportOptions all;
  all.threads = ResolveThreads(options.common.threads.value_or(0));
  all.progress = [progress](uint64_t done) { progress->Update(done); };
  return all;
}

void ExportAsCoco(const ExportCommandOptions& options, const Dataset& dataset) {
  Progress progress("exporting", "tuples", dataset.size());
  const CocoCounts counts = ExportCoco(dataset, options.coco, WithProgress(options, &progress));
  progress.Finish();
  if (counts.without_colours > 0) {
    spdlog::warn("left out: {} tuples without colours", counts.without_colours);
  }
  const nlohmann::json images = CountsOf(counts.images), annotations = CountsOf(counts.annotations);
  spdlog::info(
      "wrote to {}: images {}, annotations {}", options.coco, images.dump(), annotations.dump());
  PrintSummary(options.common,
               {{"ok", true},
                {"coco", options.coco},
                {"images", images},
                {"annotations", annotations},
                {"without_colours", counts.without_colours}});
}

void ExportAsWebDataset(const ExportCommandOptions& options, const Dataset& dataset) {
  Progress progress("exporting", "tuples", dataset.size());
  const WebDatasetCounts counts =
      ExportWebDataset(dataset, options.webdataset, WithProgress(options, &progress));
  progress.Finish();
  const nlohmann::json samples = CountsOf(counts.samples), tars = CountsOf(counts.tars);
  spdlog::info("wrote to {}: samples {}, tars {}, fields {}",
               options.webdataset,
               samples.dump(),
               tars.dump(),
               fmt::join(counts.fields, ", "));
  PrintSummary(options.common,
               {{"ok", true},
                {"webdataset", options.webdataset},
                {"samples", samples},
                {"tars", tars},
                {"fields", counts.fields}});
}

int RunExport(const ExportCommandOptions& options) {
  Recipe::CheckOnly(options.common);
  const bool mesh = !options.mesh.empty(), coco = !options.coco.empty();
  const bool webdataset = !options.webdataset.empty();
  if (mesh + coco + webdataset != 1) {
    throw UsageError("say what to export: one of --mesh FILE, --coco DIR and --webdataset DIR");
  }
  if (options.index && !mesh) {
    throw UsageError("--index is the tuple whose mesh is written; it goes with --mesh alone");
  }
  const Dataset dataset(options.dataset);
  if (mesh) ExportMesh(options, dataset);
  if (coco) ExportAsCoco(options, dataset);
  if (webdataset) ExportAsWebDataset(options, dataset);
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupExportCommand(CommandLine& command_line) {
  const auto options = std::make_shared<ExportCommandOptions>();
  CLI::App& app = command_line.Add(
      "export",
      "Write a dataset for other trainers (COCO, WebDataset), or the posed mesh of a tuple",
      options,
      RunExport);
  app.add_option("dataset", options->dataset, "Dataset folder")->required();
  app.add_option("--index", options->index, "Number of the tuple in the dataset, from 0")
      ->check(IsCount);
  app.add_option("--mesh", options->mesh, "Mesh to write, metres: .glb, .gltf, .obj, .ply or .stl");
  app.add_option("--coco", options->coco, "New folder for COCO keypoints: JSON a split, PNGs");
  app.add_option("--webdataset", options->webdataset, "New folder for WebDataset tars");
}

}  // namespace handforge
