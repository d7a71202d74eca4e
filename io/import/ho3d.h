#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// HO-3D v2 and v3 as published (Hampali et al. 2020, "HOnnotate", and arXiv:2107.00887;
// shreyashampali/ho3d: vis_HO3D.py, pred.py, eval.py, utils/vis_utils.py): right hands that hold
// objects, 640 x 480 px.
//
//   train.txt evaluation.txt                     a line for each frame: ABF10/0000
//   train/ABF10/rgb/0000.jpg                     colours, v3; 0000.png in v2
//              /depth/0000.png                   (R + 256 G) * 0.12498664727900177 mm
//              /meta/0000.pkl                    labels
//   evaluation/...                               the same
//   evaluation_xyz.json                          joints of evaluation.txt, line by line
//
// train.txt is Split::kTrain, evaluation.txt Split::kTest; one of them may be missing. Of a meta,
// `camMat` and `handJoints3D` are read: 21 x 3 m, y up and z backward, MANO's 16 joints and five
// tips (convention ho3d_mano21). In metas of the evaluation, that is the wrist alone; all of its
// joints, in the same unit, axes and order, were published years later in the one file.
// `seg` is not read: nothing published says what its colours are.
//
// Left out: "not_labelled" where `camMat` or `handJoints3D` is None; without evaluation_xyz.json,
// all frames of the evaluation as "no_evaluation_xyz_json"; "wrist_elsewhere" where its wrist is
// not the meta's.
//
//   image_id      number of the line; in the evaluation the lines of train.txt more
//   frame         the number in the line
//   sequence_id   counts the scenes, as the lines first name them. Of a name that ends in two
//                 digits, the last one is the camera and the rest the scene (sure for ABF1, BB1,
//                 GPMF1, GSF1, MDF1, SB1, ShSu1, SiBF1, SMu4, which the authors' script
//                 vis_pcl_all_cameras.py lists; taken to hold for the others too). Other names are
//                 scenes of one camera. A scene that is in both splits (SB1 is, by different
//                 cameras) has a number in each.
//   view_id       the camera's digit, 0 where there is none
//   subject       -1: the letters of a name tell of a person and an object, but the authors do not
//                 say which letters are whose
//   visible       kVisibilityUnknown: the set does not say
//
// `threads` read the metas.
//
// Throws DataError naming the file (and line or field) and what was expected: no list, a line that
// is no frame, a meta that is missing, damaged or without a field, an evaluation_xyz.json of
// another length or most of whose wrists are not those of the metas.
std::unique_ptr<PublishedDataset> OpenHo3d(const std::filesystem::path& folder, int threads = 1);

}  // namespace handforge
