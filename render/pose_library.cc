#include "render/pose_library.h"

#include "io/config.h"
#include "io/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <sstream>

#include <yaml-cpp/yaml.h>

namespace handforge {
namespace {

// The keys that hold angles, and where each number goes.
struct AngleKey {
  const char* key;
  std::vector<int> angles;
};

const std::vector<AngleKey>& AngleKeys() {
  static const std::vector<AngleKey> keys = [] {
    std::vector<AngleKey> k = {{"thumb",
                                {kThumbCmcFlexion,
                                 kThumbCmcAbduction,
                                 kThumbCmcTwist,
                                 kThumbMcpFlexion,
                                 kThumbIpFlexion}}};
    const std::array<const char*, 4> names = {"index", "middle", "ring", "little"};
    for (int f = kIndex; f <= kLittle; ++f) {
      k.push_back({names[f - 1],
                   {FingerAngle(f, kMcpFlexion),
                    FingerAngle(f, kMcpAbduction),
                    FingerAngle(f, kPipFlexion),
                    FingerAngle(f, kDipFlexion)}});
    }
    k.push_back({"cup", {kRingCup, kLittleCup}});
    k.push_back({"wrist", {kWristFlexion, kWristDeviation}});
    return k;
  }();
  return keys;
}

std::string Text(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

class Parser {
 public:
  explicit Parser(const std::filesystem::path& file) : file_(file) {}

  std::vector<Gesture> Parse() {
    YAML::Node root;
    try {
      root = YAML::LoadFile(file_.string());
    } catch (const YAML::BadFile&) {
      throw UsageError(file_.string() + ": cannot be opened; give a gesture file");
    } catch (const YAML::Exception& e) {
      throw UsageError(file_.string() + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
    }
    if (!root.IsMap() || root.size() != 1 || !root["gestures"] || !root["gestures"].IsSequence()) {
      Fail(root, "must hold one key, `gestures`, with a list");
    }
    std::vector<Gesture> gestures;
    std::set<std::string> names;
    for (const YAML::Node& node : root["gestures"]) {
      gestures.push_back(ParseGesture(node));
      if (!names.insert(gestures.back().name).second) {
        Fail(node, "gesture `" + gestures.back().name + "` is there twice");
      }
    }
    if (gestures.empty()) Fail(root["gestures"], "`gestures` is empty; at least one is needed");
    double weight = 0;
    for (const Gesture& g : gestures) weight += g.weight;
    if (weight <= 0) Fail(root["gestures"], "every `weight` is 0; at least one must be above");
    return gestures;
  }

 private:
  [[noreturn]] void Fail(const YAML::Node& node, const std::string& what) const {
    const int line = node.Mark().line;
    throw UsageError(file_.string() + ":" + std::to_string(line < 0 ? 1 : line + 1) + ": " + what);
  }

  double Number(const YAML::Node& node, const std::string& what) const {
    double value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value)) {
      Fail(node, what + " must be a number");
    }
    return value;
  }

  std::string Word(const YAML::Node& node, const std::string& what) const {
    const std::string word = node.IsScalar() ? node.Scalar() : "";
    const bool good = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!good)
      Fail(node, what + " `" + word + "` must be made of lower-case letters, digits and _");
    return word;
  }

  Gesture ParseGesture(const YAML::Node& node) const {
    if (!node.IsMap() || !node["name"]) Fail(node, "a gesture is a mapping with a `name`");
    Gesture gesture;
    gesture.name = Word(node["name"], "`name`");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      if (!seen.insert(key).second) Fail(entry.first, "key `" + key + "` is there twice");
      ParseKey(key, entry.first, entry.second, &gesture);
    }
    for (const AngleKey& k : AngleKeys()) {
      const std::string key = k.key;
      if (key == "cup" || key == "wrist" || seen.count(key) > 0) continue;
      Fail(node, "gesture `" + gesture.name + "` lacks `" + key + "`");
    }
    return gesture;
  }

  void ParseKey(const std::string& key,
                const YAML::Node& at,
                const YAML::Node& value,
                Gesture* gesture) const {
    std::vector<std::string> known = {"name", "family", "weight"};
    if (key == "name") return;
    if (key == "family") {
      gesture->family = Word(value, "`family` of gesture `" + gesture->name + "`");
      return;
    }
    if (key == "weight") {
      gesture->weight = Number(value, "`weight` of gesture `" + gesture->name + "`");
      if (gesture->weight < 0 || gesture->weight > 1000) {
        Fail(value,
             "`weight` " + value.Scalar() + " of gesture `" + gesture->name +
                 "` must lie in 0..1000");
      }
      return;
    }
    for (const AngleKey& k : AngleKeys()) {
      known.push_back(k.key);
      if (key == k.key) return ParseAngles(k, value, gesture);
    }
    const std::string nearest = NearestName(key, known);
    Fail(at,
         "unknown key `" + key + "` in gesture `" + gesture->name + "`" +
             (nearest.empty() ? "" : "; did you mean `" + nearest + "`?"));
  }

  void ParseAngles(const AngleKey& k, const YAML::Node& value, Gesture* gesture) const {
    const std::string what = "`" + std::string(k.key) + "` of gesture `" + gesture->name + "`";
    if (!value.IsSequence() || value.size() != k.angles.size()) {
      Fail(value, what + " must be a list of " + std::to_string(k.angles.size()) + " angles");
    }
    for (size_t i = 0; i < k.angles.size(); ++i) {
      const double angle = Number(value[i], what);
      const AngleLimit& limit = AngleLimits()[k.angles[i]];
      if (angle < limit.low_deg || angle > limit.high_deg) {
        Fail(value[i],
             what + ": " + limit.name + " " + value[i].Scalar() + " lies outside its range " +
                 Text(limit.low_deg) + ".." + Text(limit.high_deg));
      }
      gesture->angles_deg[k.angles[i]] = angle;
    }
  }

  const std::filesystem::path file_;
};

}  // namespace

std::vector<Gesture> LoadGestures(const std::filesystem::path& file) {
  return Parser(file).Parse();
}

}  // namespace handforge
