#pragma once

#include "vae/hand_vae.h"
#include "vae/samples.h"
#include "vae/tensor_file.h"
#include "vae/train.h"

#include <functional>
#include <string>

namespace handforge {

// What a training learns from and is measured on, and what that says about the model.
struct PreparedData {
  TrainingData data;
  VaeInfo info;           // hashes of data and teachers, lengths of bones, focal length
  TensorFile statistics;  // arrays of AddDataStatistics
};

// Loads `options.data`, takes labels away (`labelled_share`) and has `teachers` give others; `info`
// describes the options already. `say` hears what the user should know. Throws as LoadTrainingData
// and LabelBy do; UsageError where one dataset is named twice, or no label is left to a pair that
// needs one.
PreparedData PrepareTrainingData(const TrainOptions& options,
                                 const VaeInfo& info,
                                 const std::function<void(const std::string&)>& say);

}  // namespace handforge
