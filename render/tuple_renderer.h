#pragma once

#include "io/core/tuple.h"
#include "render/backdrop.h"
#include "render/camera_sampler.h"
#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/layers.h"
#include "render/path_shader.h"
#include "render/pose_library.h"
#include "render/render_options.h"
#include "render/rig.h"
#include "render/scene_sampler.h"
#include "render/shading.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// What all renderers of a run share, read-only.
struct RenderWorld {
  RenderOptions options;
  Rig rig;
  std::vector<Gesture> gestures;
  std::vector<Environment> environments;
  // Probes that could not be used: "night.exr: cannot be read ...".
  std::vector<std::string> skipped_environments;
  PhotographFolder photographs;
  std::vector<std::string> skipped_photographs;
  ObjectLibrary objects;
  std::vector<std::string> skipped_objects;
  // Canonical text of the rig specification, and everything besides `options` that the output
  // depends on.
  std::string rig_text;
  std::string inputs_text;

  // Loads everything the options name. Throws UsageError, DataError or EnvironmentError; a probe
  // that cannot be read is skipped by name, all of them being unreadable is an error.
  static RenderWorld Load(const RenderOptions& options);
};

// Fills depth, mask, box and visibility of a tuple from its record (rig, objects, other hand,
// camera, joints) alone, as a right hand: how every label image is made, and how an audit remakes
// it.
void RenderLabels(HandScene* scene, Tuple* tuple);

// Draws and renders tuples: tuple `index` is a pure function of (options, seed, index). One per
// worker thread.
class TupleRenderer {
 public:
  explicit TupleRenderer(const RenderWorld& world);

  // `rejections` counts what was drawn again, by reason. Throws DataError where `max_attempts`
  // draws were not enough.
  Tuple Render(uint64_t index, std::map<std::string, uint64_t>* rejections);

 private:
  // A camera that looks at a scene, the same for all frames.
  struct View {
    uint64_t index = 0;  // of its first row: what is drawn for the view is drawn by it
    uint32_t attempt = 0;
    SampledCamera camera;
    std::vector<SceneObject> objects_before_hand;                   // in the camera frame
    Eigen::Matrix3d first_from_this = Eigen::Matrix3d::Identity();  // to the scene's first view
  };
  View DrawView(const Scene& scene, const RowAddress& row, uint32_t attempt) const;
  // The record of a hand at a frame, as a right hand, without images.
  Tuple RecordAt(const Scene& scene, const View& view, int frame, int hand) const;
  void AddLayers(const Scene& scene, const View& view, int hand, Tuple* tuple);
  ImageU8 TakePicture(const Scene& scene,
                      const View& view,
                      const RowAddress& row,
                      const std::vector<Tuple>& tuples);
  // The two shaders of LightOptions: before a background, linear.
  ImageF32 PathTracedPicture(const SceneMaterials& materials,
                             const SceneLights& lights,
                             uint64_t key,
                             const Lighting& lighting,
                             Backdrop backdrop);
  ImageF32 GatheredPicture(const SceneMaterials& materials,
                           const Lighting& lighting,
                           const Backdrop& backdrop);
  // Why the view is drawn again, null where it is taken.
  const char* TryRender(const Scene& scene,
                        const RowAddress& row,
                        uint32_t attempt,
                        std::vector<Tuple>* tuples);

  const RenderWorld& world_;
  SceneSampler sampler_;
  std::vector<std::unique_ptr<HandScene>> scenes_;  // one a hand of the picture
  HandShader gathering_shader_;
  PathShader path_shader_;
  // The second hand of the picture last rendered, for the row that follows.
  std::optional<Tuple> second_;
};

}  // namespace handforge
