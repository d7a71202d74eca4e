#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// FreiHAND as published (FreiHAND_pub_v2; Zimmermann et al. 2019; lmb-freiburg/freihand:
// utils/fh_utils.py): right hands in colour pictures of 224 x 224, labels in metres.
//
//   training_K.json training_xyz.json      N samples           -> Split::kTrain
//   training/rgb/%08d.jpg                  sample + N * copy, copy = 0..3 (the same hand before the
//                                          green screen and before three other backgrounds)
//   training/mask/%08d.jpg                 of a sample, shared by its copies
//   evaluation_K.json evaluation_xyz.json  samples             -> Split::kTest
//   evaluation/rgb/%08d.jpg                no masks
//
// A split is there if its _xyz.json is; that of the evaluation was published later than the
// pictures, in another archive. Copies whose pictures were not unpacked are left out.
//
// `image_id` is the number of the file, 4 N + the number for the evaluation; `sequence_id` the
// number of the sample, N + the number for the evaluation, so that copies of a sample stay together
// however the set is divided; `frame` the copy. N is 0 without a training split. The set says
// nothing of people or of what is visible.
//
// Throws DataError naming the file and what was expected: no labels, lists of unequal length,
// no or some of a copy's pictures, more pictures than four copies of the labels.
std::unique_ptr<PublishedDataset> OpenFreihand(const std::filesystem::path& folder);

}  // namespace handforge
