#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// MSRA15 as published (cvpr15_MSRAHandGestureDB; Sun et al. 2015; its readme, and
// moberweger/deep-prior-pp: src/data/importers.py): right hands in depth pictures of 320 x 240.
//
//   P0 .. P8 / 1 2 3 4 5 6 7 8 9 I IP L MP RP T TIP Y / joint.txt          N, then N x 63 numbers
//                                                     / %06d_depth.bin     0 .. N - 1
//
// Subjects and gestures that are not there are skipped; N is read, for releases differ in it.
// joint.txt holds x y z of 21 joints in mm, y up and z backward. A .bin holds, little-endian, the
// width and height of the picture and left, top, right, bottom of the crop that follows as floats,
// in mm; right and bottom are the first outside. What was not measured is 0, as is what 16 bits
// cannot hold (above 6553.5 mm).
//
// All of it is Split::kTrain: the protocol is to leave one subject out, whichever the caller takes.
// `subject` is 0..8, `sequence_id` 17 * subject + position of the gesture in the list above,
// `frame` the number of the file, `image_id` counts the frames of the set in that order. Frames
// that DeepPrior++ lists as faulty are left out as "faulty_frame". The set says nothing of what is
// visible.
//
// Throws DataError naming the file (and line) and what was expected.
std::unique_ptr<PublishedDataset> OpenMsra(const std::filesystem::path& folder);

}  // namespace handforge
