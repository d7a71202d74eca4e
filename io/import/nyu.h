#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// The NYU Hand Pose Dataset (Tompson et al. 2014, "Real-time continuous pose recovery of human
// hands using convolutional networks", ACM TOG 33(5)) as one of its three cameras saw it: depth of
// right hands, 640 x 480 px.
//
//   FOLDER/train/depth_K_0000001.png ... 0072757, joint_data.mat
//   FOLDER/test/depth_K_0000001.png ... 0008252, joint_data.mat
//
// One of the two may be missing. `joint_xyz` of joint_data.mat is 3 cameras x frames x 36 points x
// 3, mm with y up; 21 of the points are taken (convention nyu36 of io/conventions.h, which says
// what is unsure of wrist and thumb). The other files of the set are not read: colours are warped
// onto the depth's grid, synthdepth_K shows the fitted model, not the hand. Camera 1 looks at the
// hand from the front and is the one that published errors are of; 2 and 3 look from the sides.
//
// Hands come by split, train first, and frame.
//   split         as the folders are named
//   frame         the number in the picture's name, from 1
//   subject, sequence_id   train: 0; test: 1 up to frame 2440, 2 from there. All frames of a
//                 subject are one sequence: they are long videos whose cuts nobody has published.
//                 By the dataset's page, train shows one person and test that person and another;
//                 it does not say which, so three numbers stand for two people.
//   view_id       camera - 1
//   image_id      3 (frame + (test ? 1,000,000 : 0)) + camera - 1: unique over all cameras and
//                 both splits
//   visible       kVisibilityUnknown: the set does not say
//
// Intrinsics are the same for all three, those of the set's own script: 588.036865, 587.075073,
// 320, 240. Depth is 256 G + B mm.
//
// Throws UsageError for another camera than 1, 2, 3; DataError where neither split is there (naming
// what was expected) and for labels that are missing, cannot be read or have another shape (naming
// their file). ReadPicture: DataError naming the picture: missing, unreadable, not 640 x 480 px.
std::unique_ptr<PublishedDataset> OpenNyu(const std::filesystem::path& folder, int camera);

}  // namespace handforge
