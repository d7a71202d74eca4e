#pragma once

#include "vae/evaluate.h"

#include <string>
#include <vector>

namespace handforge {

// A line of column names, then a line a pose: `dataset` (its folder), `row` (within the dataset,
// from 0), `side` (left or right), then x, y, z of each joint as predicted, "predicted_wrist_x_mm"
// and so on, and as labelled, "true_wrist_x_mm" (ComparedPose), to a thousandth.
std::string ComparedPosesCsv(const std::vector<ComparedPose>& poses,
                             const SampleSet& samples,
                             const std::vector<std::string>& folders);

}  // namespace handforge
