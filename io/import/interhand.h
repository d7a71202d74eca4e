#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// InterHand2.6M v1.0 as published (Moon et al. 2020; mks0601.github.io/InterHand2.6M and
// facebookresearch/InterHand2.6M: data/InterHand2.6M/dataset.py): one or both hands in colour
// pictures of many cameras, about 512 x 334 or 334 x 512.
//
//   annotations/<split>/InterHand2.6M_<split>_data.json      pictures and the hands in them
//                                            _camera.json    of each capture
//                                            _joint_3d.json  42 x 3 mm, world, of each frame
//   images/<split>/Capture<N>/<sequence>/cam<name>/image<frame>.jpg
//
// <split> is train, val or test; those without a data.json are left out. Joints come into the
// camera by camrot * (x - campos). The two hands of a picture are two hands of one `image_id`,
// right before left: the id in data.json, continued after the largest one of the splits before.
// `subject` is as published; `sequence_id` counts the sequences (split, capture, name) as the
// pictures first name them; `frame` is the published index; `view_id` counts the cameras of a
// capture by their names.
//
// A hand is in a picture if `hand_type` says so and one of its joints at least is within (the
// `joint_valid` of data.json; else "outside_the_picture"). It is left out as "joints_not_labelled"
// unless all of its 21 joints have a position (the `joint_valid` of joint_3d.json). The set says
// nothing of what is hidden.
//
// The large files are read piece by piece: what is kept are 1 KB a frame and the hands. Throws
// DataError naming the file, the place in it and what was expected.
std::unique_ptr<PublishedDataset> OpenInterhand(const std::filesystem::path& folder);

}  // namespace handforge
