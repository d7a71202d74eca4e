#pragma once

#include "io/core/image.h"
#include "render/hand_scene.h"
#include "render/object_paint.h"
#include "render/path_tracer.h"
#include "render/skin.h"
#include "render/surface_image.h"

#include <array>
#include <vector>

#include <Eigen/Core>

namespace handforge {

struct PathShaderOptions {
  int samples = 16;  // paths per pixel: 4, 16, 64 ...
  int bounces = 3;   // of light between parts of the scene
  bool denoise = true;
  SampleSequence::Kind sequence = SampleSequence::Kind::kInterleaved;
};

// A hand's skin and how its joints are bent, which the skin's folds follow.
struct PaintedHand {
  SkinAppearance skin;
  HandBend bend;
};

// What the surfaces of a scene are made of.
struct SceneMaterials {
  PaintedHand hand;
  bool two_hands = false;
  PaintedHand other_hand;
  std::vector<ObjectPaint> paint;  // per object of the tuple
};

// What stands before the background of a picture.
struct ShadedLayer {
  ImageF32 radiance;         // {side, side, 3}, linear, mean over the rays that hit
  std::vector<float> cover;  // {side, side}, share of rays that hit
  float mean_light = 1;      // luminance of a white surface in the place of the skin
};

// Path-traced pictures of hands and objects: four camera rays per pixel, pattern and relief of the
// skin at each, paths of light from each, denoised per pixel without touching the pattern, and
// spread in the skin. One per worker thread.
class PathShader {
 public:
  explicit PathShader(const Rig& rig);

  // `scene` is posed and traced. The picture has `side_px` pixels and the scene's field of view; it
  // is a pure function of the arguments, `key` being that of its random numbers.
  ShadedLayer Shade(const HandScene& scene,
                    const SceneMaterials& materials,
                    const SceneLights& lights,
                    const PathShaderOptions& options,
                    int side_px,
                    uint64_t key);

 private:
  // What a camera ray met, on the grid of hits.
  struct HitDetail {
    int body;  // HandScene::Place
    Eigen::Vector3f position_mm;
    Eigen::Vector3f normal;  // smooth, without relief
    Eigen::Vector3f albedo;
    float relief_mm;
    float reflectance, roughness;  // SurfacePoint
  };
  void BuildMesh(const HandScene& scene, const SceneMaterials& materials);
  void AddHand(const std::vector<Eigen::Vector3f>& vertices_mm,
               const std::vector<std::array<int, 3>>& triangles,
               const PaintedHand& hand);
  void AddObject(const TriangleMesh& object, const ObjectPaint& paint);
  SkinPoint SkinPointAt(const std::array<int, 3>& triangle,
                        uint8_t part,
                        const Eigen::Vector3f& weights) const;
  void DescribeHits(const HandScene& scene,
                    const PrimaryHits& hits,
                    const PinholeCamera& camera,
                    const SceneMaterials& materials);
  Eigen::Vector3f NormalWithRelief(const PrimaryHits& hits, int x, int y) const;
  void FindFirstVertices(const HandScene& scene, const PrimaryHits& hits);
  void Gather(const PrimaryHits& hits,
              const std::vector<Outgoing>& light,
              const HandScene& scene,
              int side_px);

  const Rig& rig_;
  SkinPattern pattern_;
  std::vector<uint8_t> vertex_part_;  // `Part` of the surface vertices
  DiffuseMesh mesh_;
  PathTracer tracer_;
  PrimaryHits own_hits_;
  std::vector<HitDetail> details_;
  std::vector<SurfacePoint> points_;
  SurfaceImage image_;
};

// Puts the layer, `gain` times as bright, before what the picture shows.
void Composite(const ShadedLayer& layer, float gain, ImageF32* picture);

}  // namespace handforge
