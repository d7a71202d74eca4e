#pragma once

#include "render/camera_sampler.h"
#include "render/hold_out.h"
#include "render/photo.h"
#include "render/pose_prior.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

struct LightOptions {
  // "path": path tracing with lamps, interreflection between all parts, relief (path_shader.h).
  // "fast": light gathered at the vertices (shading.h), about a third of the time.
  std::string shader = "path";
  int64_t samples = 16;              // path: paths per pixel, a power of 4
  int64_t bounces = 3;               // path: of light between parts of the scene
  bool denoise = true;               // path: the skin's pattern stays sharp
  double lamp = 0.35;                // path: share of pictures with a lamp beside the probe
  int64_t lights = 96;               // fast: distant lights that stand for a light probe
  double tilt_deg = 30;              // of the world's up against the picture's
  double plain_backdrop = 0.2;       // share of plain backgrounds
  std::string photographs;           // folder of photographs to stand behind hands, "" = none
  double photograph_backdrop = 0.7;  // their share of the other backgrounds; the rest: light probes

  void Visit(Fields& fields);
  // Throws UsageError naming the field that is wrong.
  void Check() const;
};

// Things at the hand, at most kMaxObjects of them: what is named first goes first.
struct ObjectOptions {
  double in_hand = 0;      // share of scenes with an object in the hand
  double beneath = 0;      // stills: share of the other scenes of one hand, which lies on something
  double sleeve = 0;       // share of scenes whose forearm is in a sleeve
  double before_hand = 0;  // share of views with an object between camera and hand
  // Share of scenes of one hand beside which the person's other one is seen, perhaps in part: it
  // has no row of its own, and the camera looks at the first.
  double other_hand = 0;
  // Built-in shapes and 3D files to draw from for hands to hold and to be hidden by; files that
  // cannot be used are skipped by name.
  std::vector<std::string> shapes = {"box", "cylinder", "sphere", "capsule", "torus", "mug"};
  std::vector<std::string> files;

  bool Any() const { return in_hand + beneath + sleeve + before_hand > 0; }
  void Visit(Fields& fields);
};

// The `render:` section of a recipe.
struct RenderOptions {
  std::string out = "out/render";
  int64_t count = 1000;
  uint64_t seed = 1;
  int64_t threads = 0;  // 0 = all that this process may use
  int64_t tuples_per_shard = 512;
  int64_t image_px = 256;  // depth, mask
  int64_t rgb_px = 128;    // image_px must be a multiple of it
  std::string rig = "configs/rigs/generic-hand.yaml";
  PosePriorOptions pose;
  ShapeOptions shape;
  CameraOptions camera;
  LightOptions light;
  ObjectOptions objects;
  HoldOutOptions hold_out;
  PhotoOptions photo;
  // Persons drawn; each has one hand shape and one skin.
  int64_t subjects = 400;
  // Share of the persons whose tuples form the validation split.
  double validation = 0.1;
  double left_hands = 0.5;
  // Share of scenes with both hands: two tuples each, joined by image_id.
  double two_hands = 0;
  int64_t views = 1;            // cameras that look at each scene
  int64_t sequence_frames = 1;  // frames of each scene, moving smoothly; 1 = stills
  // Optional columns (render/layers.h).
  std::vector<std::string> layers;
  std::string depth_sensor = "off";  // render/depth_sensor.h; "off" writes no such column
  int64_t deflate_level = 4;
  int64_t max_attempts = 50;  // per tuple

  bool ShowsTwoHands() const { return two_hands + objects.other_hand > 0; }
  void Visit(Fields& fields);
  // Relations between fields. Throws UsageError.
  void Check() const;
};

}  // namespace handforge
