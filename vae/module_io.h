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
// Likewise, or one network alone, named as of HandNetworks::Modules; but residual blocks after a
// stage's first that the file lacks (ModelOptions::rgb_encoder_blocks) become the identity: a
// deeper model says at first what the other says (Chen et al. 2016, Net2Net; the norm that does it
// is that of Goyal et al. 2017, section 5.1). Throws UsageError where there is no such network.
void StartNetworks(const TensorFile& file, HandNetworks* networks);
void StartNetwork(const std::string& network, const TensorFile& file, HandNetworks* networks);
// "no network "decoder.x" in this model; it has ..."
std::string UnknownNetwork(const std::string& name, const HandNetworks& networks);

}  // namespace handforge
