#pragma once

#include "io/import/published_dataset.h"

#include <filesystem>
#include <memory>

namespace handforge {

// Whose pictures of STB: the stereo camera (Point Grey Bumblebee) or the RealSense.
enum class StbCamera {
  kLeft,    // BB_left_N.png: colours
  kRight,   // BB_right_N.png: colours
  kBoth,    // the two as views 0 and 1 of one scene
  kColour,  // SK_color_N.png: colours
  kDepth,   // SK_depth_N.png: depth, and no colours
};

// The Stereo Hand Pose Tracking Benchmark (Zhang et al. 2016, "3D hand pose tracking and estimation
// using stereo matching", arXiv:1610.07214; zhjwustc/icip17_stereo_hand_pose_dataset): left hands
// in twelve sequences of 1500 frames, 640 x 480 px.
//
//   FOLDER/images/B1Counting/BB_left_0.png BB_right_0.png SK_color_0.png SK_depth_0.png ...
//   FOLDER/labels/B1Counting_BB.mat B1Counting_SK.mat: `handPara`, 3 x 21 x frames, mm
//
// and so on for B1Random, B2Counting ... B6Random, which may lie in FOLDER itself, as some of the
// published archives unpack. A sequence of which the pictures' folder or the camera's labels are
// not there is left out. Frames are those of the labels; whether each has its picture shows when it
// is read.
//
// Hands come by sequence, frame and, of kBoth, left before right.
//   split         kTest: B1Counting, B1Random; kTrain: all others
//   sequence_id   0 .. 11 in the order above
//   frame         N of the picture's name, from 0
//   view_id       1 in the right pictures of kBoth, 0 elsewhere
//   image_id      4 (1500 sequence_id + frame) + 0 left, 1 right, 2 colour, 3 depth: unique over
//                 all pictures of the set
//   visible       kVisibilityUnknown: the set does not say
//
// Cameras: left and right have the same, 120.054 mm apart; labels BB are in the left one's frame,
// labels SK in the depth camera's. Of kColour, joints are X_colour = R^T (X_depth - t) with the
// published R and t (as 3d-hand-shape/hand-graph-cnn: STB_dataset.py and lixiny/bihand: stb.py).
//
// The wrist: the set labels the palm's centre in its place. Here wrist = middle MCP + 2 (palm -
// middle MCP), so that PalmCentre (io/core/skeleton.h), the root of the protocol of Spurr et al.
// 2018, is the very palm that the set labels. Nobody has measured where wrists are; others take
// ring MCP + 2 (palm - ring MCP) (lmb-freiburg/hand3d, hand-graph-cnn), middle MCP + 2.2 (palm -
// middle MCP) (bihand), what is done here (Idein/chainer-hand-pose) or the palm itself
// (hassony2/obman_train).
//
// Depth is R + 256 G mm.
//
// Throws DataError: no sequence is there (naming what was expected), labels that cannot be read or
// have another shape or more than 1500 frames (naming their file). ReadPicture: DataError naming
// the picture: missing, unreadable, not 640 x 480 px.
std::unique_ptr<PublishedDataset> OpenStb(const std::filesystem::path& folder, StbCamera camera);

}  // namespace handforge
