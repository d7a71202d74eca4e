#include "vae/tensor_file.h"

#include "io/core/error.h"
#include "io/files.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100 << 20;
constexpr size_t kAlignment = 8;
constexpr const char* kHashKey = "payload_sha256";

size_t SizeOfDtype(const std::string& dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F64" || dtype == "I64") return 8;
  if (dtype == "F16") return 2;
  if (dtype == "U8") return 1;
  return 0;
}

[[noreturn]] void ThrowForeign(const std::string& file, const std::string& why) {
  throw DataError(file + ": not a handforge tensor file (" + why +
                  "); expected the safetensors layout as written by `handforge train`");
}

uint64_t ReadHeaderLength(const std::vector<uint8_t>& bytes, const std::string& file) {
  if (bytes.size() < 8) ThrowForeign(file, std::to_string(bytes.size()) + " bytes long");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | bytes[i];
  if (length < 2 || length > kMaxHeaderBytes) ThrowForeign(file, "no header length at its start");
  return length;
}

Json ParseHeader(const std::vector<uint8_t>& bytes, uint64_t length, const std::string& file) {
  if (bytes.size() > 8 && bytes[8] != '{') ThrowForeign(file, "no JSON header");
  if (bytes.size() < 8 + length) {
    throw DataError(file + ": truncated within its header: " + std::to_string(bytes.size()) +
                    " bytes, the header alone ends at byte " + std::to_string(8 + length));
  }
  Json header = Json::parse(bytes.begin() + 8, bytes.begin() + 8 + length, nullptr, false);
  if (header.is_discarded() || !header.is_object()) ThrowForeign(file, "no JSON header");
  return header;
}

struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
};

TensorEntry ParseEntry(const std::string& name,
                       const Json& json,
                       const std::string& file,
                       Extent* extent) {
  TensorEntry entry;
  try {
    entry.dtype = json.at("dtype").get<std::string>();
    entry.shape = json.at("shape").get<std::vector<int64_t>>();
    extent->begin = json.at("data_offsets").at(0).get<uint64_t>();
    extent->end = json.at("data_offsets").at(1).get<uint64_t>();
  } catch (const Json::exception& error) {
    ThrowForeign(file, "entry " + name + ": " + error.what());
  }
  const size_t element = SizeOfDtype(entry.dtype);
  if (element == 0) {
    throw DataError(file + ": array " + name + " has type " + entry.dtype +
                    "; expected F32, F16, F64, I64 or U8");
  }
  for (const int64_t size : entry.shape) {
    if (size < 0 || size > (int64_t{1} << 32)) ThrowForeign(file, "entry " + name + ": shape");
  }
  if (extent->end < extent->begin ||
      extent->end - extent->begin != static_cast<uint64_t>(entry.Elements()) * element) {
    ThrowForeign(file, "entry " + name + ": its bytes do not match its shape");
  }
  return entry;
}

void CheckHash(const TensorFile& tensors, const uint8_t* payload, size_t size) {
  const std::string& expected = tensors.Text(kHashKey);
  const std::string actual = Sha256(payload, size);
  if (actual != expected) {
    throw DataError(tensors.source + ": damaged: its arrays hash to " + actual + ", not to " +
                    expected + " as its header says");
  }
}

void WriteAll(const std::filesystem::path& file,
              const std::string& header,
              const std::vector<uint8_t>& payload) {
  const std::filesystem::path temporary = TemporaryName(file);
  std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
  uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(header.size() >> (8 * i));
  stream.write(reinterpret_cast<const char*>(length), sizeof(length));
  stream.write(header.data(), static_cast<std::streamsize>(header.size()));
  stream.write(reinterpret_cast<const char*>(payload.data()),
               static_cast<std::streamsize>(payload.size()));
  stream.close();
  if (!stream) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw EnvironmentError(file.string() + ": cannot be written (disk full or no permission?)");
  }
  PublishFile(temporary, file);
}

// `values` as elements of type T.
template <typename T>
TensorEntry EntryOf(const char* dtype, const std::vector<int64_t>& shape, const float* values) {
  TensorEntry entry{dtype, shape, {}};
  const std::vector<T> elements(values, values + entry.Elements());
  entry.bytes.resize(elements.size() * sizeof(T));
  std::memcpy(entry.bytes.data(), elements.data(), entry.bytes.size());
  return entry;
}

}  // namespace

int64_t TensorEntry::Elements() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "{";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + (shape[i] < 0 ? std::string("any") : std::to_string(shape[i]));
  }
  return text + "}";
}

void TensorFile::AddFloats(const std::string& name,
                           const std::vector<int64_t>& shape,
                           const float* values) {
  Add(name, EntryOf<float>("F32", shape, values));
}

void TensorFile::AddHalves(const std::string& name,
                           const std::vector<int64_t>& shape,
                           const float* values) {
  Add(name, EntryOf<Eigen::half>("F16", shape, values));
}

void TensorFile::Add(const std::string& name, TensorEntry entry) {
  tensors_[name] = std::move(entry);
}

const TensorEntry& TensorFile::Find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw DataError(source + ": array " + name + " is missing");
  return found->second;
}

const std::string& TensorFile::Text(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw DataError(source + ": metadata key " + key + " is missing");
  return found->second;
}

std::vector<float> TensorFile::Floats(const std::string& name,
                                      const std::vector<int64_t>& shape) const {
  const TensorEntry& entry = Find(name);
  const bool halves = entry.dtype == "F16";
  bool fits = (halves || entry.dtype == "F32") && entry.shape.size() == shape.size();
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] < 0 || shape[i] == entry.shape[i];
  }
  if (!fits) {
    throw DataError(source + ": array " + name + " is " + entry.dtype + " " +
                    ShapeText(entry.shape) + ", expected F32 or F16 " + ShapeText(shape));
  }
  std::vector<float> values(static_cast<size_t>(entry.Elements()));
  if (halves) {
    std::vector<Eigen::half> stored(values.size());
    std::memcpy(stored.data(), entry.bytes.data(), entry.bytes.size());
    std::copy(stored.begin(), stored.end(), values.begin());
  } else {
    std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  }
  return values;
}

void TensorFile::Write(const std::filesystem::path& file) const {
  std::vector<uint8_t> payload;
  Json header = Json::object();
  for (const auto& [name, entry] : tensors_) {
    const size_t begin = payload.size();
    payload.insert(payload.end(), entry.bytes.begin(), entry.bytes.end());
    header[name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {begin, payload.size()}}};
  }
  Json texts(metadata);
  texts[kHashKey] = Sha256(payload.data(), payload.size());
  header["__metadata__"] = texts;
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  WriteAll(file, text, payload);
}

TensorFile TensorFile::Read(const std::filesystem::path& file) { return Read(file, false); }
TensorFile TensorFile::ReadForeign(const std::filesystem::path& file) { return Read(file, true); }

TensorFile TensorFile::Read(const std::filesystem::path& file, bool foreign) {
  const std::vector<uint8_t> bytes = ReadBytes(file);
  TensorFile tensors;
  tensors.source = file.string();

  // Header.
  const uint64_t length = ReadHeaderLength(bytes, tensors.source);
  const Json header = ParseHeader(bytes, length, tensors.source);
  const Json texts = header.value("__metadata__", Json::object());
  if (!texts.is_object()) ThrowForeign(tensors.source, "__metadata__ is no mapping");
  const bool hashed = texts.contains(kHashKey);
  if (!hashed && !foreign) ThrowForeign(tensors.source, "its header names no payload_sha256");
  for (const auto& [key, value] : texts.items()) {
    if (!value.is_string()) ThrowForeign(tensors.source, "metadata " + key + " is no text");
    tensors.metadata[key] = value.get<std::string>();
  }

  // Arrays.
  const uint64_t payload_size = bytes.size() - 8 - length;
  const uint8_t* payload = bytes.data() + 8 + length;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") continue;
    Extent extent;
    TensorEntry entry = ParseEntry(name, json, tensors.source, &extent);
    if (extent.end > payload_size) {
      throw DataError(tensors.source + ": truncated: array " + name + " ends at byte " +
                      std::to_string(8 + length + extent.end) + ", the file at byte " +
                      std::to_string(bytes.size()));
    }
    entry.bytes.assign(payload + extent.begin, payload + extent.end);
    tensors.Add(name, std::move(entry));
  }
  if (hashed) CheckHash(tensors, payload, payload_size);
  return tensors;
}

}  // namespace handforge
