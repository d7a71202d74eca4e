#pragma once

#include "io/augment/camera_move.h"
#include "io/core/tuple.h"

namespace handforge {

// What a moved picture shows where the old one does not reach: its mirror image, the colours of its
// edge (only those of the background, where there is a mask: what is beyond has the mask 0), black.
enum class Border { kMirror, kReplicate, kBlack };

// Moves a tuple as a whole. What `present` says is missing stays missing. `move.Inverse()` brings
// its numbers back: K (in single precision, as a shard stores it), 2D, 3D, what the decoders said,
// rig and side.
//   rgb          bilinear, `border` beyond the old picture
//   alpha        bilinear, 0 beyond the old picture
//   mask, depth  the nearest old pixel's; depth becomes z in the new camera: along a ray, z changes
//                by one factor, so z = old z / OldFromNewPixel(...).z; 0 beyond the old picture
//   visible      0 where the joint left the picture, unknown where it came in, else unchanged
//   bbox         of the moved mask; without a mask the box around the old one's moved corners
//   quality_residual_px  of the moved joints
void MoveTuple(const CameraMove& move, Border border, Tuple* tuple);

}  // namespace handforge
