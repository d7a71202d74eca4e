#pragma once

#include "io/import/dexycb_protocol.h"
#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// DexYCB as published (Chao et al. 2021, "DexYCB: a benchmark for capturing hand grasping of
// objects"; NVlabs/dex-ycb-toolkit: dex_ycb_toolkit/dex_ycb.py, hpe_eval.py, sequence_loader.py): a
// hand that grasps objects, seen by eight cameras, 640 x 480 px.
//
//   20200709-subject-01 ... 20201022-subject-10 / <sequence> / meta.yml
//     / <serial of a camera> / color_000000.jpg                    colours
//                            / aligned_depth_to_color_000000.png   mm, 16 bits, on their grid
//                            / labels_000000.npz                   seg, joint_3d
//   calibration/intrinsics/<serial>_640x480.yml                    color: fx fy ppx ppy
//
// Subjects that are not there are left out; each that is has all of its 100 sequences, since their
// numbers say which split a sequence is of. Of a meta.yml, `num_frames` and `mano_sides` (one,
// right or left) are read. `joint_3d` is 1 x 21 x 3 m, -1 throughout where no hand was labelled:
// left out as "no_hand". `seg` is 255 on the hand, else 0 or an object's number: the hand is
// kPartPalm, and depth is kept where it is.
//
//   split         as `protocol` says
//   image_id      1000 (8 (100 (subject - 1) + position) + camera) + frame, by any protocol
//   subject       1 .. 10, as the folders are numbered
//   sequence_id   100 (subject - 1) + the sequence's position in the sorted folder, + 1000 for
//                 validation, + 2000 for tests: s2 parts the cameras of a sequence
//   frame         the number in the picture's name
//   view_id       position of the camera's serial in the toolkit's list, which is sorted
//   visible       kVisibilityUnknown: the set does not say
//
// `threads` read the labels.
//
// Throws DataError naming the file and field and what was expected: no subject, another number of
// sequences, a camera without intrinsics, a meta.yml without a field, labels that are missing,
// damaged or of another shape.
std::unique_ptr<PublishedDataset> OpenDexYcb(const std::filesystem::path& folder,
                                             DexYcbProtocol protocol = DexYcbProtocol::kS0,
                                             int threads = 1);

}  // namespace handforge
