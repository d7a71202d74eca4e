#pragma once

#include "io/core/tuple.h"

namespace handforge {

// Turns a tuple of a right hand into one of a left hand and the other way round: the mirror image.
// Pixels, 2D, x of 3D, K, box and handedness change together, exactly; `rig` stays the right
// hand's, by its definition. What `present` says is missing stays as it is.
void MirrorTuple(Tuple* tuple);

}  // namespace handforge
