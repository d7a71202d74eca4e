#include "vae/model_options.h"

#include "io/core/error.h"

#include <functional>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;

// Fields that model files of format version 1 may lack.
bool IsLaterField(const std::string& key) {
  return key == "side_input" || key == "metric_scale" || key == "depth_encoder_blocks";
}

// ModelOptions has whole numbers only, so a walk over its list of fields reads and writes it.
class IntegerFields : public Fields {
 public:
  using Function = std::function<void(const char* key, int64_t& value, int64_t low, int64_t high)>;
  explicit IntegerFields(Function function) : function_(std::move(function)) {}

  void Field(const char* key, int64_t& value, int64_t low, int64_t high, const char*) override {
    function_(key, value, low, high);
  }
  void Field(const char* key, uint64_t&, const char*) override { Refuse(key); }
  void Field(const char* key, double&, double, double, const char*) override { Refuse(key); }
  void Field(const char* key, bool&, const char*) override { Refuse(key); }
  void Field(const char* key, std::string&, const std::vector<std::string>&, const char*) override {
    Refuse(key);
  }
  void Field(const char* key,
             std::vector<std::string>&,
             const std::vector<std::string>&,
             const char*) override {
    Refuse(key);
  }
  void Field(const char* key, std::vector<double>&, double, double, const char*) override {
    Refuse(key);
  }
  void Section(const char* key, const std::function<void(Fields&)>&, const char*) override {
    Refuse(key);
  }

 private:
  [[noreturn]] static void Refuse(const char* key) {
    throw std::logic_error(std::string("ModelOptions: field of unexpected type: ") + key);
  }

  Function function_;
};

}  // namespace

void ModelOptions::Visit(Fields& fields) {
  fields.Field("latent_dim", latent_dim, 1, 1024, "dimensions of the latent code");
  fields.Field("rgb_px", rgb_px, 32, 512, "side of the RGB image in and out, a power of two");
  fields.Field("appearance_dim",
               appearance_dim,
               0,
               1023,
               "numbers of the code that hold skin and light, not pose; 0 = none");
  fields.Field("side_head", side_head, 0, 1, "1 = image encoders tell left hands from right");
  fields.Field("side_input",
               side_input,
               0,
               2,
               "left hands: 0 = mirrored, 1 = told by two bits, 2 = not told");
  fields.Field("metric_scale",
               metric_scale,
               0,
               1,
               "3D in 0 = lengths of the reference bone, 1 = millimetres");
  fields.Field("rgb_encoder_stride",
               rgb_encoder_stride,
               0,
               4,
               "stride of the image encoders' first convolution, 2 or 4; 0 = two small ones");
  fields.Field("rgb_encoder_width",
               rgb_encoder_width,
               4,
               512,
               "channels of the RGB encoder's first convolution");
  fields.Field("rgb_encoder_blocks",
               rgb_encoder_blocks,
               1,
               8,
               "residual blocks per stage of the RGB encoder");
  fields.Field("joint_map_width",
               joint_map_width,
               0,
               512,
               "channels of the maps in which image encoders look for joints; 0 = none");
  fields.Field(
      "rgb_decoder_width", rgb_decoder_width, 16, 1024, "channels of the RGB decoder at 8x8");
  fields.Field("rgb_decoder_bones",
               rgb_decoder_bones,
               0,
               1,
               "1 = the RGB decoder is shown the bones that the joint decoders say");
  fields.Field("depth_encoder_width",
               depth_encoder_width,
               4,
               512,
               "channels of the depth encoder's first convolution");
  fields.Field("depth_encoder_blocks",
               depth_encoder_blocks,
               1,
               8,
               "residual blocks per stage of the depth encoder");
  fields.Field(
      "depth_decoder_width", depth_decoder_width, 16, 1024, "channels of the depth decoder at 8x8");
  fields.Field("rgb_decoder_layers",
               rgb_decoder_layers,
               0,
               16,
               "hidden layers of the RGB decoder before its first image");
  fields.Field("mlp_width", mlp_width, 8, 8192, "units of a hidden layer of the joint networks");
  fields.Field(
      "mlp_encoder_layers", mlp_encoder_layers, 1, 16, "hidden layers of the joint encoders");
  fields.Field(
      "mlp_decoder_layers", mlp_decoder_layers, 1, 16, "hidden layers of the joint decoders");
}

void ModelOptions::Check() const {
  if (side_head != 0 && !MirrorsLeftHands()) {
    throw UsageError("model.side_head = 1 learns from hands that are mirrored; it needs " +
                     ("model.side_input = 0, not " + std::to_string(side_input)));
  }
  if (rgb_encoder_stride % 2 != 0) {
    throw UsageError("model.rgb_encoder_stride = " + std::to_string(rgb_encoder_stride) +
                     "; use 2, 4 or 0");
  }
  if (appearance_dim >= latent_dim) {
    throw UsageError("model.appearance_dim = " + std::to_string(appearance_dim) +
                     " leaves nothing of latent_dim = " + std::to_string(latent_dim) +
                     " for the pose");
  }
  if (rgb_decoder_bones != 0 && rgb_px < 64) {
    throw UsageError("model.rgb_decoder_bones = 1 needs rgb_px of at least 64, not " +
                     std::to_string(rgb_px));
  }
  if (joint_map_width > 0 && rgb_px < 64) {
    throw UsageError("model.joint_map_width = " + std::to_string(joint_map_width) +
                     " needs rgb_px of at least 64, not " + std::to_string(rgb_px));
  }
  if ((rgb_px & (rgb_px - 1)) != 0) {
    throw UsageError("model.rgb_px = " + std::to_string(rgb_px) +
                     " is no power of two; use 32, 64, 128, 256 or 512");
  }
}

std::string ModelOptions::ToJson() const {
  Json json = Json::object();
  IntegerFields fields(
      [&json](const char* key, int64_t& value, int64_t, int64_t) { json[key] = value; });
  ModelOptions copy = *this;
  copy.Visit(fields);
  return json.dump();
}

ModelOptions ModelOptions::FromJson(const std::string& text, const std::string& source) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw DataError(source + ": metadata key model is no JSON object");
  ModelOptions options;
  IntegerFields fields([&](const char* key, int64_t& value, int64_t low, int64_t high) {
    const auto found = json.find(key);
    if (found == json.end() && IsLaterField(key)) return;
    if (found == json.end() || !found->is_number_integer()) {
      throw DataError(source + ": metadata key model lacks the whole number " + key);
    }
    value = found->get<int64_t>();
    if (value < low || value > high) {
      throw DataError(source + ": model." + key + " = " + std::to_string(value) + " is outside " +
                      std::to_string(low) + " .. " + std::to_string(high));
    }
  });
  options.Visit(fields);
  if (!json.contains("depth_encoder_blocks")) {
    options.depth_encoder_blocks = options.rgb_encoder_blocks;  // both were set by that
  }
  try {
    options.Check();
  } catch (const UsageError& error) {
    throw DataError(source + ": " + error.what());
  }
  return options;
}

}  // namespace handforge
