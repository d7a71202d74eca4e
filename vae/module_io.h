#pragma once

#include "vae/networks.h"
#include "vae/tensor_file.h"

#include <string>

#include <torch/torch.h>

namespace handforge {

// Float or int64 tensor of any device as an array of the file.
void AddTensor(const std::string& name, const torch::Tensor& tensor, TensorFile* file);
// Fills a tensor that has the expected shape and type; a float one also from half precision. Throws
// DataError naming file, array and both shapes.
void ReadTensor(const std::string& name, const TensorFile& file, torch::Tensor* tensor);

enum class Storage { kFloat, kHalf };
// Parameters and buffers as "encoder.3d.layers.hidden0.weight" ... With kHalf floats are stored in
// half precision: half the size, errors of 2^-11 of each weight.
void AddNetworks(const HandNetworks& networks, Storage storage, TensorFile* file);
// Fills the networks. Throws DataError naming file and array where one is missing, mis-shaped, or
// belongs to a network but is not known to it.
void ReadNetworks(const TensorFile& file, HandNetworks* networks);
// Fills one network, named as of HandNetworks::Modules. Throws DataError likewise, UsageError where
// the networks have none of that name.
void ReadNetwork(const std::string& network, const TensorFile& file, HandNetworks* networks);
// "no network "decoder.x" in this model; it has ..."
std::string UnknownNetwork(const std::string& name, const HandNetworks& networks);

}  // namespace handforge
