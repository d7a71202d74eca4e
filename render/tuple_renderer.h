#pragma once

#include "io/core/tuple.h"
#include "render/backdrop.h"
#include "render/environment.h"
#include "render/hand_scene.h"
#include "render/pose_library.h"
#include "render/render_options.h"
#include "render/rig.h"
#include "render/shading.h"

#include <cstdint>
#include <map>
#include <memory>
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
  // Canonical text of the rig specification, and everything besides `options` that the output
  // depends on.
  std::string rig_text;
  std::string inputs_text;

  // Loads everything the options name. Throws UsageError, DataError or EnvironmentError; a probe
  // that cannot be read is skipped by name, all of them being unreadable is an error.
  static RenderWorld Load(const RenderOptions& options);
};

// Fills depth, mask, box and visibility of a tuple from its record (rig, camera, joints) alone, as
// a right hand: how every label image is made, and how an audit remakes it.
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
  ImageU8 TakePicture(const Tuple& tuple, const SkinAppearance& skin);
  bool TryRender(uint64_t index, uint32_t attempt, Tuple* tuple, std::string* reason);

  const RenderWorld& world_;
  HandScene scene_;
  HandShader shader_;
};

}  // namespace handforge
