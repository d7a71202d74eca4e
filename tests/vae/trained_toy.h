#pragma once

#include "vae/train.h"

#include <filesystem>

namespace handforge {

// A tiny model of 32 px images and all pairs: seconds to train on toy hands.
TrainOptions ToyTraining(const std::filesystem::path& data, const std::filesystem::path& out);

}  // namespace handforge
