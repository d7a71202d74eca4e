#include "vae/module_io.h"

#include "io/core/error.h"

#include <cstring>
#include <functional>
#include <set>

namespace handforge {
namespace {

using torch::Tensor;

std::string DtypeName(const Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat) return "F32";
  if (tensor.scalar_type() == at::kHalf) return "F16";
  if (tensor.scalar_type() == at::kLong) return "I64";
  throw std::logic_error("AddTensor: only float, half and int64 tensors are stored");
}

using Visitor = std::function<void(const std::string& name, Tensor tensor)>;

void VisitModule(const std::string& prefix, const torch::nn::Module& module, const Visitor& visit) {
  for (const auto& item : module.named_parameters()) visit(prefix + "." + item.key(), item.value());
  for (const auto& item : module.named_buffers()) visit(prefix + "." + item.key(), item.value());
}

void VisitNetworks(const HandNetworks& networks, const Visitor& visit) {
  for (const auto& [name, module] : networks.Modules()) VisitModule(name, *module, visit);
}

}  // namespace

void AddTensor(const std::string& name, const Tensor& tensor, TensorFile* file) {
  const Tensor host = tensor.detach().to(at::kCPU).contiguous();
  TensorEntry entry;
  entry.dtype = DtypeName(host);
  entry.shape = host.sizes().vec();
  entry.bytes.resize(static_cast<size_t>(host.nbytes()));
  std::memcpy(entry.bytes.data(), host.data_ptr(), entry.bytes.size());
  file->Add(name, std::move(entry));
}

void ReadTensor(const std::string& name, const TensorFile& file, Tensor* tensor) {
  const TensorEntry& entry = file.Find(name);
  const bool halved = entry.dtype == "F16" && tensor->scalar_type() == at::kFloat;
  if ((entry.dtype != DtypeName(*tensor) && !halved) || entry.shape != tensor->sizes().vec()) {
    throw DataError(file.source + ": array " + name + " is " + entry.dtype + " " +
                    ShapeText(entry.shape) + ", expected " + DtypeName(*tensor) + " " +
                    ShapeText(tensor->sizes().vec()));
  }
  torch::NoGradGuard no_grad;
  Tensor host = at::empty(tensor->sizes(), halved ? at::kHalf : tensor->scalar_type());
  std::memcpy(host.data_ptr(), entry.bytes.data(), entry.bytes.size());
  if (host.is_floating_point() && !at::isfinite(host).all().item<bool>()) {
    throw DataError(file.source + ": array " + name + " holds numbers that are not finite");
  }
  tensor->copy_(host);
}

void AddNetworks(const HandNetworks& networks, Storage storage, TensorFile* file) {
  VisitNetworks(networks, [storage, file](const std::string& name, const Tensor& tensor) {
    const bool halve = storage == Storage::kHalf && tensor.scalar_type() == at::kFloat;
    AddTensor(name, halve ? tensor.detach().to(at::kHalf) : tensor, file);
  });
}

void ReadNetworks(const TensorFile& file, HandNetworks* networks) {
  std::set<std::string> known;
  VisitNetworks(*networks, [&](const std::string& name, Tensor tensor) {
    ReadTensor(name, file, &tensor);
    known.insert(name);
  });
  for (const auto& [name, entry] : file.tensors()) {
    const bool of_network = name.rfind("encoder.", 0) == 0 || name.rfind("decoder.", 0) == 0;
    if (of_network && known.count(name) == 0) {
      throw DataError(file.source + ": array " + name + " " + ShapeText(entry.shape) +
                      " belongs to no network of this model; one network of another is taken by "
                      "NETWORK=" +
                      file.source);
    }
  }
}

void ReadNetwork(const std::string& network, const TensorFile& file, HandNetworks* networks) {
  const auto modules = networks->Modules();
  const auto found = modules.find(network);
  if (found == modules.end()) throw UsageError("start: " + UnknownNetwork(network, *networks));
  VisitModule(network, *found->second, [&file](const std::string& name, Tensor tensor) {
    ReadTensor(name, file, &tensor);
  });
}

std::string UnknownNetwork(const std::string& name, const HandNetworks& networks) {
  std::string known;
  for (const auto& [other, module] : networks.Modules()) known += " " + other;
  return "no network \"" + name + "\" in this model; it has" + known;
}

}  // namespace handforge
