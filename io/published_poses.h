#pragma once

#include "io/conventions.h"
#include "io/core/metrics.h"

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// How the poses of a dataset, labels and predictions alike, are published as files.
struct PoseFileFormat {
  enum class Layout {
    // Text, a line a frame: u v d of each joint (px, px, mm). The collection
    // xinghaochen/awesome-hand-pose-estimation keeps results so.
    kPixelsAndDepth,
    // Text, a line a frame: x y z of each joint, mm, camera frame of io/core/camera.h.
    kMillimetres,
    // FreiHAND: a JSON list of frames of 21 x 3 metres; a submission wraps it: [frames, meshes].
    kJsonMetres,
  };

  std::string dataset;     // as given to --dataset
  std::string convention;  // order of the joints (io/conventions.h)
  Layout layout = Layout::kMillimetres;
  // Of the depth camera, with which kPixelsAndDepth is back-projected: x = (u - cx) d / fx ...
  double fx = 0;
  double fy = 0;
  double cx = 0;
  double cy = 0;
};

// icvl, nyu, msra with the constants that the published tables were computed with; freihand;
// canonical21 for anybody's own predictions.
const std::vector<PoseFileFormat>& PoseFileFormats();
// Throws UsageError naming the known ones and the nearest.
const PoseFileFormat& FindPoseFileFormat(const std::string& dataset);

// Frames in the order of the file: {num_joints, 3} mm in the camera frame. Throws DataError naming
// file and line (or frame), what is there and what was expected; an empty file is an error.
std::vector<Points3> ReadPoseFile(const PoseFileFormat& format, const std::filesystem::path& file);

}  // namespace handforge
