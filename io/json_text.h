#pragma once

#include "io/core/error.h"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace handforge {

// `json` as text, whole whatever its strings hold: bytes that are not UTF-8, as file names may
// have, become U+FFFD. `indent` -1 = one line.
template <typename Json>
std::string JsonText(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// The beginning of a value, for messages: it may hold anything.
template <typename Json>
std::string ShortText(const Json& json) {
  constexpr size_t kMost = 80;
  const std::string text = JsonText(json, -1);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

// Parses strictly. Throws DataError naming `file`: no JSON, a field repeated in its object (JSON
// itself leaves open what that means), values nested so deeply that whoever walks them would run
// out of stack.
template <typename Json>
Json ParseJson(const std::string& text, const std::string& file) {
  constexpr int kDeepest = 32;
  std::vector<std::set<std::string>> open_objects;
  const auto watch = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) {
      throw DataError(file + ": is nested more than " + std::to_string(kDeepest) + " deep");
    }
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = parsed.template get<std::string>();
      if (!open_objects.back().insert(key).second) {
        throw DataError(file + ": field '" + key + "' is repeated");
      }
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const typename Json::exception& error) {
    throw DataError(file + ": is no valid JSON: " + error.what());
  }
}

}  // namespace handforge
