#pragma once

#include "render/hand_scene.h"

#include <array>
#include <string>
#include <vector>

namespace handforge {

// The optional images of a tuple that one set of first hits gives besides depth and mask; column
// names, see io/FORMAT.md.
extern const std::vector<std::string> kLayerNames;

// The scene one frame earlier, for `previous_2d`.
struct PreviousFrame {
  std::vector<Eigen::Vector3f> surface_in_cam;  // of the hand
  std::vector<TriangleMesh> surroundings;       // as HandScene::surroundings()
};

// Throws UsageError, naming the rig's file, where it has more triangles than `correspondence`
// numbers, from 1 in 16 bits.
void RequireNumberedTriangles(const Rig& rig, const std::string& file);

// Fills the layers named in `layers` from the scene's hits, as a right hand. `previous` null:
// nothing moved.
void RenderLayers(const HandScene& scene,
                  const std::vector<std::string>& layers,
                  const PreviousFrame* previous,
                  Tuple* tuple);

// Per finger segment (part kPartFirstSegment + i) the share of the skin turned to the camera that
// the picture shows, measured as projected area: pixels of the segment against the sum over its
// front-facing triangles; 0 where none of it faces the camera, at most 1.
std::array<float, kNumSegments> VisibleFraction(const HandScene& scene);

}  // namespace handforge
