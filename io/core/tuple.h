#pragma once

#include "io/core/augmentation.h"
#include "io/core/camera.h"
#include "io/core/image.h"
#include "io/core/skeleton.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace handforge {

// Bones that carry the skin: palm, metacarpals of index..little, thumb metacarpal/proximal/distal,
// proximal/intermediate/distal of index..little, forearm.
constexpr int kNumBones = 21;
enum Bone : int { kPalmBone = 0, kFirstMetacarpalBone = 1, kForearmBone = 20 };
constexpr int MetacarpalBone(int finger) { return finger; }  // finger 1..4
// Segment 0..2 of finger 0..4 (thumb metacarpal, proximal, distal; other fingers' phalanges).
constexpr int SegmentBone(int finger, int segment) { return 5 + 3 * finger + segment; }

// A posed and shaped rig. Kept in single precision because this is exactly what a shard stores:
// everything else about a rendered hand (mesh, labels, depth) is a function of it and the rig.
// A rest vertex x moves with bone b as
//   x_in_cam = origin_b + R(rotation_b) diag(scale_b) R_rest_b^T (x - rest_origin_b),
// where scale's axes are the bone's own: breadth (hinge axis), thickness (dorsal), length.
// It describes a right hand; left hands are the mirror image in x (see `Tuple::handedness`).
struct RigPose {
  std::array<std::array<float, 3>, kNumBones> origin_in_cam_mm{};
  std::array<std::array<float, 4>, kNumBones> rotation_xyzw{};  // unit quaternions
  std::array<std::array<float, 3>, kNumBones> scale{};          // 1 = as modelled
};

// Something in or before the hand: a shape of the shard's attribute `object_names`, stretched to
// fill a box of `size_mm` (x negative: the mirror image of the shape) and placed in the camera
// frame. Like `RigPose` it stands beside a right hand; a left hand's picture is the mirror image.
struct SceneObject {
  int32_t shape = -1;  // -1: no object
  std::array<float, 3> size_mm{};
  std::array<float, 4> rotation_xyzw{};  // unit quaternion
  std::array<float, 3> origin_in_cam_mm{};
};
constexpr int kMaxObjects = 2;

// What hand stands beside the labelled one. `Tuple::other_rig` describes it as a right hand; of the
// opposite side it is that hand's mirror image in x.
enum class OtherHand : uint8_t { kNone = 0, kSameSide = 1, kOppositeSide = 2 };

// Values of the `instance` layer; objects follow from kInstanceFirstObject on.
enum Instance : uint8_t {
  kInstanceBackground = 0,
  kInstanceHand = 1,
  kInstanceArm = 2,
  kInstanceOtherHand = 3,
  kInstanceFirstObject = 4,
};

enum class Split : uint8_t { kTrain = 0, kValidation = 1, kTest = 2 };
enum class Source : uint8_t { kRendered = 0, kDecoded = 1, kImported = 2, kPseudo = 3 };

// Bits of `present`.
enum Present : uint32_t {
  kHasRgb = 1u << 0,
  kHasDepth = 1u << 1,
  kHasMask = 1u << 2,
  kHasJoints3 = 1u << 3,
  kHasJoints2 = 1u << 4,
  kHasAlpha = 1u << 5,
  kHasRig = 1u << 6,
  kHasLatent = 1u << 7,
};

// What the camera did to a rendered picture (render/photo.h); single precision, as a shard stores
// it.
struct PhotoSettings {
  float exposure = 1;  // gain of all channels
  float red_gain = 1;  // white balance; green stays
  float blue_gain = 1;
  float blur_px = 0;     // deviation of the lens blur
  float shot_noise = 0;  // variance at signal x, full scale 1: shot_noise^2 x + read_noise^2
  float read_noise = 0;
  float jpeg_quality = 0;  // 0 = not compressed
};

// One labelled example: what a row of a shard holds. `camera`, `joints_px`, `bbox_px`, `mask` and
// `depth` share one pixel grid; `rgb` and `alpha` cover the same field of view on a grid of their
// own and map to it by the half-pixel rule (`RescalePixel`).
struct Tuple {
  uint64_t seed = 0;
  uint64_t index = 0;
  uint32_t attempt = 0;
  int64_t image_id = -1;
  int32_t view_id = 0;
  int64_t sequence_id = -1;
  int32_t frame = 0;
  int32_t gesture = -1;  // into the shard attribute `gesture_names`; -1 where unknown
  int64_t subject = -1;  // one shape and skin; -1 where unknown

  Handedness handedness = Handedness::kRight;
  PinholeCamera camera;
  Joints3 joints_in_cam = Joints3::Zero();
  Joints2 joints_px = Joints2::Zero();
  std::array<uint8_t, kNumJoints> visible{};  // `Visibility`
  std::array<float, 4> bbox_px{};             // x, y, width, height around the hand's mask
  RigPose rig;
  PhotoSettings photo;  // rendered pictures only
  std::array<SceneObject, kMaxObjects> objects;
  OtherHand other_hand = OtherHand::kNone;
  RigPose other_rig;

  ImageU8 rgb;           // {H, W, 3}
  ImageU8 alpha;         // {H, W}, decoded tuples only; 255 = hand
  ImageU16 depth;        // {H, W}, z in units of kDepthUnitMm, 0 = background
  ImageU8 mask;          // {H, W}, `Part`
  ImageU8 rgb_rendered;  // {H, W, 3} on the grid of rgb: the label, rendered
  // The same field of view at a second, smaller size; empty where there is none.
  ImageU8 rgb_small;
  ImageU16 depth_small;
  ImageU8 mask_small;

  // Optional, see TupleLayout::columns.
  ImageU16 depth_sensor;    // {H, W}, what a depth camera would report, in units of kDepthUnitMm
  ImageU8 instance;         // {H, W}, `Instance`
  ImageU8 normals;          // {H, W, 3}, 128 + 127 n in the camera frame; 0 = background
  ImageU16 correspondence;  // {H, W, 3}, triangle of the hand's mesh + 1, and the barycentric
                            // coordinates of its 2nd and 3rd corner in 1/65535; 0 = not the hand
  ImageF32 previous_px;     // {H, W, 2}, where the point was one frame earlier; 0 = background
  std::array<float, kNumSegments> visible_fraction{};  // of each finger segment
  // Of a crop of a published picture (io/import/crop_camera.h), row-major: the rotation
  // crop_from_cam and K of the whole picture.
  std::array<float, 9> crop_from_cam{};
  std::array<float, 9> picture_K{};

  std::vector<float> z;                             // latent code, decoded tuples only
  Joints3 decoded_joints_in_cam = Joints3::Zero();  // what the 3D decoder said, after scale and
                                                    // translation, before fitting
  Joints2 decoded_joints_px = Joints2::Zero();      // what the 2D decoder said

  uint8_t latent_method = 0;                  // how z came about; attribute latent_method_names
  std::array<int64_t, 2> parents = {-1, -1};  // what z was derived from; -1 = none

  uint32_t present = 0;
  bool labelled = true;
  Split split = Split::kTrain;
  Source source = Source::kRendered;

  float quality_residual_px = 0;     // RMS of decoded_joints_px against joints_px
  float quality_fit_mm = 0;          // RMS of decoded_joints_in_cam against joints_in_cam
  float quality_silhouette_iou = 0;  // decoded alpha against the ray-traced mask
  // Decoded modalities encoded again and decoded to 3D: mean joint distance to the decoded 3D
  // joints; -1 = not measured.
  float quality_cycle_rgb_mm = -1;
  float quality_cycle_2d_mm = -1;

  Augmentation augmentation;
};

constexpr double kDepthUnitMm = 0.1;

}  // namespace handforge
