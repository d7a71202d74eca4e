#pragma once

#include "vae/batch.h"
#include "vae/tensor_file.h"

namespace handforge {

// A batch as arrays (F32) named as the members of Batch, targets as "target.rgb", "target.3d" and
// so on, each {rows, ...} flattened to two dimensions, absent where empty; metadata texts `step`,
// `pair` (Pass::Name), `rows`, `left_rows`, `decoded_rows`. For replay of a step that failed.
TensorFile BatchToFile(const Batch& batch);
// The same batch. Throws DataError naming file and field.
Batch BatchFromFile(const TensorFile& file);

}  // namespace handforge
