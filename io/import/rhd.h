#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

enum class HandsOfPicture {
  // Each hand that has a visible joint and, with one joint at least, lies in the picture.
  kBoth,
  // One hand per picture, by the rule of Zimmermann & Brox 2017: the left one where it has strictly
  // more pixels in the mask, the right one otherwise, even if none of its joints is visible.
  kDominant,
};

// The Rendered Handpose Dataset of Zimmermann & Brox 2017, as published (folder RHD_published_v2):
//   training/    anno_training.pickle    color/%05d.png  depth/%05d.png  mask/%05d.png
//   evaluation/  anno_evaluation.pickle  ...
// `training` is kTrain, `evaluation` kTest; one of them may be missing.
//   Order: training first; by number of picture; the left hand of a picture before the right one.
//   image_id: the number of the file, in `evaluation` 41258 more, so that none comes twice.
//   joints: metres times 1000; fingers run from tip to palm (conventions "rhd_left", "rhd_right").
//   visible: kVisible or kHidden; the set does not say what hides a joint.
//   Left out: "no_joint_visible", "outside_the_picture", "not_dominant".
//   depth: z = (256 R + G) / 65535 * 5 m, of hands only.
//   mask: ids 2-17 of the left hand, 18-33 of the right one, three per finger from tip to palm,
//   then
//     its palm; 0 background, 1 the person, which becomes background. There is no forearm.
// Sources: the set's README and view_samples.py; lmb-freiburg/hand3d: create_binary_db.py,
// data/BinaryDbReader.py.
//
// `threads` read the masks, which kDominant asks for.
//
// Throws DataError naming the file: neither split is there, a pickle or a mask is damaged, labels
// of a picture are missing or of another shape, K does not take the 3D joints of a split to its 2D
// joints (median of the visible ones above 2 px), bones are not as long as those of hands (so the
// unit is no metre).
std::unique_ptr<PublishedDataset> OpenRhd(const std::filesystem::path& folder,
                                          HandsOfPicture hands = HandsOfPicture::kBoth,
                                          int threads = 1);

}  // namespace handforge
