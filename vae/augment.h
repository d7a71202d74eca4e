#pragma once

#include "io/config.h"

#include <array>
#include <cstdint>

namespace handforge {

// Label-exact augmentation of training samples.
struct AugmentOptions {
  // Turn samples about the optical axis: joints by any angle; images, which show it when turned
  // (see image_tilt_deg), by quarter turns plus a small tilt.
  bool rotate = true;
  // Degrees, 0 .. 45: an image is turned by a quarter turn plus at most this. The corners that
  // come in are mirrored pixels for an encoder and weightless for a decoder's loss.
  double image_tilt_deg = 15;
  // Share of images turned upright (SetUpright) give or take `upright_tilt_deg`, in place of any
  // angle: what an encoder sees at its second look (vae/upright_look.h).
  double upright = 0;
  double upright_tilt_deg = 25;
  // Largest relative change of brightness, 0 .. 0.9, and of each colour against the others.
  double brightness = 0.15;
  double colour = 0.06;
  // Largest relative change of size, 0 .. 0.5, and shift in half crops, 0 .. 0.5, of images (with
  // everything that is taught beside them).
  double zoom = 0;
  double shift = 0;
  // Largest relative stretch of a picture of colours along some axis, shrunk as much across it, 0
  // .. 0.5: hands of other proportions, as 3D is stretched with it. Depth and decoders that hear
  // joints are taught hands as they are.
  double stretch = 0;
  // Share of images made grey.
  double grey = 0;
  // What only an encoder's input suffers (vae/degrade.h): shares of images that get another
  // background, that something lies across, that get another style (random convolutions), that
  // uneven light falls on, that get a fine pattern, are blurred, sharpened, noisy, compressed;
  // largest relative change of contrast and gamma.
  double background = 0;
  double occluder = 0;
  double convolve = 0;
  double shade = 0;
  double texture = 0;
  double blur = 0;
  double sharpen = 0;
  double noise = 0;
  double jpeg = 0;
  double contrast = 0;

  void Visit(Fields& fields);
};

// What happens to one sample. In crop coordinates, x -> scale * S * R(angle) x + shift, where S
// stretches along an axis and shrinks across it.
struct AugmentDraw {
  double angle_rad = 0;  // from x (right) towards y (down)
  double scale = 1;
  std::array<double, 2> shift = {0, 0};
  double stretch = 1;
  double stretch_axis_rad = 0;  // of the moved crop, from x (right) towards y (down)
  std::array<float, 3> gain = {1, 1, 1};
  bool grey = false;
  bool upright = false;  // to be turned upright, then by tilt_rad
  double tilt_rad = 0;
  // Focal length of the crop in half crops. A shift is a turn of the camera, which 3D joints see;
  // 0 = they do not.
  double focal = 0;
};
// Angle and gains: a pure function of (seed, step, row of the batch).
AugmentDraw DrawAugment(
    const AugmentOptions& options, uint64_t seed, int64_t step, int row, bool with_image);

// Where in the crop a hand lies and how large it is there cannot be told from its pose. Decoders
// that hear the pose alone (3D joints) are therefore taught the canonical framing: the box around
// the 2D joints is centred and its longer side fills this share of the crop. Otherwise they would
// learn the blurred mean of all framings. Sets scale and shift for a draw whose angle is set;
// {21, 2} joints as stored. (The turn of the camera that a shift stands for, half a degree, is
// neglected in the 3D axes.)
constexpr double kCanonicalFill = 0.66;
void SetCanonicalFraming(const float* joints2, AugmentDraw* draw);

/// Angle in radians, from x (right) towards y (down), by which {21, 3} joints in crop axes turn
/// about the optical axis until the hand stands upright: from wrist to middle MCP it goes up (-y).
double UprightAngle(const float* joints3);
// Sets the angle of a draw that is to be upright; leaves others alone.
void SetUpright(const float* joints3, AugmentDraw* draw);

// {21, 3} in crop axes and {21, 2} in [-1, 1], moved in place. 3D joints have no place in the crop:
// they are stretched, the bone from middle MCP to PIP keeping its length, and turned about the
// optical axis and then, by the least rotation, with the camera that looks at the moved crop's
// centre. The perspective change of the picture that goes with that (second order in the shift: 0.2
// % of the crop for a shift of 0.1 at f = 3.6) is neglected.
void MoveJoints3(const AugmentDraw& draw, float* joints);
void MoveJoints2(const AugmentDraw& draw, float* joints);

// Moves and tints an image. Alpha is 0 where the moved image does not reach.
//   rgb, alpha  {px, px, 3} and {px, px} bytes
//   planes      {5, px, px}: colours in [0, 1] with mirrored pixels where the moved image does not
//               reach, alpha, then 1 where it reaches and 0 where it does not
void AugmentImage(
    const AugmentDraw& draw, const uint8_t* rgb, const uint8_t* alpha, int px, float* planes);
constexpr int kImagePlanes = 5;
// Moves relative depth {px, px}; planes {2, px, px}: depth, 1 where the moved image does not reach,
// then 1 where it does and 0 where it does not.
void AugmentDepth(const AugmentDraw& draw, const float* depth, int px, float* planes);
constexpr int kDepthPlanes = 2;
// Flips the columns of each of `count` planes {px, px}: a right hand becomes a left one.
void MirrorPlanes(int count, int px, float* planes);

}  // namespace handforge
