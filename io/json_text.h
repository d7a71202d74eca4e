#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace handforge {

// `json` as text, whole whatever its strings hold: bytes that are not UTF-8, as file names may
// have, become U+FFFD. `indent` -1 = one line.
template <typename Json>
std::string JsonText(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace handforge
