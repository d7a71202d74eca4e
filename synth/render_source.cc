#include "synth/render_source.h"

#include "io/files.h"
#include "synth/provenance.h"

#include <algorithm>

namespace handforge {
namespace {

constexpr uint64_t kTuplesPerBlock = 8;

class RenderSource : public TupleSource {
 public:
  explicit RenderSource(const RenderWorld& world) : renderer_(world) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* rejections) override {
    tuples->clear();
    for (uint64_t index = first; index < first + count; ++index) {
      tuples->push_back(renderer_.Render(index, rejections));
    }
  }

 private:
  TupleRenderer renderer_;
};

// In the order of kOptionalColumns, whatever the recipe's.
std::vector<std::string> OptionalColumns(const RenderOptions& options) {
  std::vector<std::string> columns;
  for (const std::string& column : kOptionalColumns) {
    const auto& layers = options.layers;
    const bool wanted = column == "objects"      ? options.objects.Any()
                        : column == "other_hand" ? options.ShowsTwoHands()
                        : column == "depth_sensor"
                            ? options.depth_sensor != "off"
                            : std::find(layers.begin(), layers.end(), column) != layers.end();
    if (wanted) columns.push_back(column);
  }
  return columns;
}

}  // namespace

std::unique_ptr<TupleSource> MakeRenderSource(const RenderWorld& world) {
  return std::make_unique<RenderSource>(world);
}

DatasetJob RenderJob(const RenderWorld& world) {
  RenderOptions options = world.options;
  DatasetJob job = BeginJob("render", options, kTuplesPerBlock);
  Manifest& m = job.manifest;
  m.count = static_cast<uint64_t>(options.count);
  m.layout.image_px = static_cast<int>(options.image_px);
  m.layout.rgb_px = static_cast<int>(options.rgb_px);
  m.layout.photo = true;
  m.layout.columns = OptionalColumns(options);
  m.config = ConfigText([&options](Fields& fields) { options.Visit(fields); },
                        {"out", "count", "threads", "seed"});
  const std::string inputs = m.config + world.inputs_text;
  m.config_sha256 = Sha256(inputs.data(), inputs.size());
  m.mesh_sha256 = world.rig.sha256;
  const std::vector<std::string>& files = world.objects.sha256();
  const bool uses_files = std::any_of(
      files.begin(), files.end(), [](const std::string& sha256) { return !sha256.empty(); });
  m.licences = LicencesOf(world.rig, {true, !options.light.photographs.empty(), uses_files});
  AddProvenance(m, world.rig_text, &job.metadata);
  if (m.layout.Has("objects")) {
    job.metadata.lists["object_names"] = world.objects.names();
    job.metadata.lists["object_sha256"] = world.objects.sha256();
  }
  for (const Gesture& gesture : world.gestures) {
    job.metadata.lists["gesture_names"].push_back(gesture.name);
  }
  return job;
}

}  // namespace handforge
