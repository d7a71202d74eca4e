#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

namespace handforge {

// A tight box around a hand: x and y of its first pixel, width and height, in pixels.
using HandBoxPx = std::array<double, 4>;

// The hands of a picture; a list of boxes, which may be empty, is answered by a list of hands.
struct PictureBoxes {
  std::vector<HandBoxPx> boxes;
  bool is_list = false;
};

// By file name, of JSON {"<file name>": [x, y, width, height], ...} or with lists of such; none
// where `file` is empty. Throws DataError naming file, picture and value.
std::map<std::string, PictureBoxes> ReadPictureBoxes(const std::string& file);

// What is wrong with a box for a picture of that size, null where nothing is.
const char* BoxFault(const HandBoxPx& box, int width, int height);

}  // namespace handforge
