#include "tools/picture_boxes.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/json_text.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace handforge {
namespace {

using Json = nlohmann::json;

HandBoxPx ParseBox(const std::string& file, const std::string& name, const Json& value) {
  const bool numbers = value.is_array() && value.size() == 4 &&
                       std::all_of(value.begin(), value.end(), [](const Json& number) {
                         return number.is_number() && std::isfinite(number.get<double>());
                       });
  if (!numbers || value[2] <= 0 || value[3] <= 0) {
    throw DataError(file + ": box of \"" + name + "\" is " + ShortText(value) +
                    "; expected [x, y, width, height] with width and height above 0, or a list of "
                    "such");
  }
  return value.get<HandBoxPx>();
}

}  // namespace

std::map<std::string, PictureBoxes> ReadPictureBoxes(const std::string& file) {
  std::map<std::string, PictureBoxes> boxes;
  if (file.empty()) return boxes;
  const auto json = ParseJson<Json>(ReadText(file), file);
  if (!json.is_object()) {
    throw DataError(file +
                    ": expected a JSON object {\"<file name>\": [x, y, width, height], ...}");
  }
  for (const auto& [name, value] : json.items()) {
    PictureBoxes& of_picture = boxes[name];
    of_picture.is_list = value.is_array() && (value.empty() || value[0].is_array());
    if (!of_picture.is_list) {
      of_picture.boxes = {ParseBox(file, name, value)};
      continue;
    }
    for (const Json& box : value) of_picture.boxes.push_back(ParseBox(file, name, box));
  }
  return boxes;
}

const char* BoxFault(const HandBoxPx& box, int width, int height) {
  constexpr double kMostTimesThePicture = 2;
  constexpr double kLeastPx = 2;
  const auto& [x, y, box_width, box_height] = box;
  if (x >= width || y >= height || x + box_width <= 0 || y + box_height <= 0) {
    return "lies outside the picture";
  }
  const double longest = std::max(box_width, box_height);
  if (longest < kLeastPx) return "has no two pixels: boxes are in pixels, not shares";
  const bool huge = longest > kMostTimesThePicture * std::max(width, height);
  return huge ? "is more than twice as large as the picture" : nullptr;
}

}  // namespace handforge
