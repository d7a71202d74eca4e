#include "io/config.h"

#include "io/core/error.h"
#include "io/files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <type_traits>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace handforge {
namespace {

// ---- Text of values and ranges ------------------------------------------------------------------

std::string NumberText(int64_t value) { return std::to_string(value); }
std::string NumberText(uint64_t value) { return std::to_string(value); }

// The shortest text that reads back as the same number.
std::string NumberText(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

template <typename T>
std::string RangeText(T low, T high) {
  using Limits = std::numeric_limits<T>;
  constexpr bool kUnsigned = std::is_unsigned_v<T>;  // text may well be below or beyond them
  const bool has_low = kUnsigned || low > Limits::lowest();
  const bool has_high = kUnsigned || high < Limits::max();
  if (has_low && has_high) return NumberText(low) + " to " + NumberText(high);
  if (has_low) return "at least " + NumberText(low);
  if (has_high) return "at most " + NumberText(high);
  return "any number";
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// A YAML double-quoted scalar.
std::string Quoted(const std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

// ---- What the visitors share --------------------------------------------------------------------

// Keeps the dotted path of the section being visited.
class PathFields : public Fields {
 public:
  void Section(const char* key,
               const std::function<void(Fields&)>& body,
               const char* help) override {
    const std::string outer = prefix_;
    if (Enter(key, help)) {
      prefix_ = Path(key) + ".";
      body(*this);
      prefix_ = outer;
      Leave();
    }
  }

 protected:
  std::string Path(const std::string& key) const { return prefix_ + key; }
  virtual bool Enter(const char* /*key*/, const char* /*help*/) { return true; }
  virtual void Leave() {}

 private:
  std::string prefix_;
};

// "FILE:LINE: section.key", what messages begin with.
std::string Problem(const std::string& where, const std::string& path, const std::string& text) {
  return (where.empty() ? "" : where + ": ") + path + ": " + text;
}

template <typename T>
void CheckRange(
    const std::string& where, const std::string& path, T value, T low, T high, const char* help) {
  if (value >= low && value <= high) return;
  throw UsageError(Problem(where,
                           path,
                           NumberText(value) + " is out of range; expected " +
                               RangeText(low, high) + " (" + help + ")"));
}

void CheckChoice(const std::string& where,
                 const std::string& path,
                 const std::string& value,
                 const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  const std::string near = NearestName(value, choices);
  throw UsageError(Problem(where,
                           path,
                           "'" + value + "' is not one of " + Join(choices) +
                               (near.empty() ? "" : "; did you mean '" + near + "'?")));
}

// ---- Names of all keys --------------------------------------------------------------------------

class KeyCollector : public PathFields {
 public:
  using Strings = std::vector<std::string>;
  void Field(const char* key, int64_t&, int64_t, int64_t, const char*) override { Add(key); }
  void Field(const char* key, uint64_t&, const char*) override { Add(key); }
  void Field(const char* key, double&, double, double, const char*) override { Add(key); }
  void Field(const char* key, bool&, const char*) override { Add(key); }
  void Field(const char* key, std::string&, const Strings&, const char*) override { Add(key); }
  void Field(const char* key, Strings&, const Strings&, const char*) override { Add(key); }
  void Field(const char* key, std::vector<double>&, double, double, const char*) override {
    Add(key);
  }

  const Strings& paths() const { return paths_; }
  bool Has(const std::string& path) const { return known_.count(path) > 0; }
  // The valid path that `path` was probably meant to be, or "": a key of the same section with a
  // near name, else a key of the same (or a near) name in another section.
  std::string Nearest(const std::string& path) const;
  // The keys of that path's section, or of the nearest section above it that exists.
  Strings Siblings(const std::string& path) const;

 protected:
  bool Enter(const char* key, const char*) override {
    Add(key);
    return true;
  }

 private:
  void Add(const char* key) {
    paths_.push_back(Path(key));
    if (!known_.insert(paths_.back()).second) {
      throw std::logic_error("option struct names the key '" + paths_.back() + "' twice");
    }
  }

  Strings paths_;
  std::set<std::string> known_;
};

std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string::npos) return {"", path};
  return {path.substr(0, dot + 1), path.substr(dot + 1)};
}

std::string KeyCollector::Nearest(const std::string& path) const {
  const auto [section, name] = SplitPath(path);
  Strings siblings;
  Strings names;
  for (const std::string& known : paths_) {
    const auto [known_section, known_name] = SplitPath(known);
    names.push_back(known_name);
    if (known_section == section) siblings.push_back(known_name);
  }
  if (const std::string near = NearestName(name, siblings); !near.empty()) return section + near;
  const std::string near = NearestName(name, names);
  const auto found = std::find(names.begin(), names.end(), near);
  return near.empty() ? "" : paths_[static_cast<size_t>(found - names.begin())];
}

KeyCollector::Strings KeyCollector::Siblings(const std::string& path) const {
  std::string section = SplitPath(path).first;
  for (;; section = SplitPath(section.substr(0, section.size() - 1)).first) {
    Strings siblings;
    for (const std::string& known : paths_) {
      if (SplitPath(known).first == section) siblings.push_back(known);
    }
    if (!siblings.empty() || section.empty()) return siblings;
  }
}

// ---- Reading YAML -------------------------------------------------------------------------------

// One YAML document and how messages name places in it.
struct Document {
  YAML::Node root;
  std::string label;  // the file, or the override as given
  bool has_lines = false;

  std::string Where(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    if (!has_lines || mark.is_null()) return label;
    return label + ":" + std::to_string(mark.line + 1);
  }
};

// Refuses keys that are unknown, repeated or no text.
void CheckKeys(const Document& document,
               const YAML::Node& mapping,
               const std::string& prefix,
               const KeyCollector& keys) {
  std::set<std::string> seen;
  for (const auto& entry : mapping) {
    const std::string where = document.Where(entry.first);
    if (!entry.first.IsScalar()) {
      throw UsageError(where + ": a key must be a name" +
                       (prefix.empty() ? "" : " (in " + prefix + ")"));
    }
    const std::string path = prefix + entry.first.Scalar();
    if (entry.first.Scalar().find('.') != std::string::npos && keys.Has(path)) {
      throw UsageError(where + ": key '" + path + "' must be written as nested sections");
    }
    if (!keys.Has(path)) {
      const std::string near = keys.Nearest(path);
      throw UsageError(where + ": unknown key '" + path + "'" +
                       (near.empty() ? "; known keys: " + Join(keys.Siblings(path))
                                     : "; did you mean '" + near + "'?"));
    }
    if (!seen.insert(path).second) throw UsageError(where + ": key '" + path + "' is repeated");
    if (entry.second.IsMap()) CheckKeys(document, entry.second, path + ".", keys);
  }
}

template <typename T>
std::optional<T> ParseNumber(const std::string& text) {
  const char* first = text.data();
  const char* last = first + text.size();
  if (first != last && *first == '+') ++first;
  T value{};
  const auto result = std::from_chars(first, last, value);
  if (result.ec != std::errc() || result.ptr != last) return std::nullopt;
  return value;
}

// Fills the fields that the document names. Its keys have passed CheckKeys.
class YamlReader : public PathFields {
 public:
  explicit YamlReader(const Document& document) : document_(document) {
    mappings_.push_back(document.root);
  }

  void Field(
      const char* key, int64_t& value, int64_t low, int64_t high, const char* help) override {
    ReadNumber(key, value, low, high, help, "a whole number");
  }
  void Field(const char* key, uint64_t& value, const char* help) override {
    ReadNumber<uint64_t>(
        key, value, 0, std::numeric_limits<uint64_t>::max(), help, "a whole number");
  }
  void Field(const char* key, double& value, double low, double high, const char* help) override {
    ReadNumber(key, value, low, high, help, "a number");
  }
  void Field(const char* key, bool& value, const char* help) override {
    const auto node = Find(key);
    if (!node) return;
    const std::string text = Plain(key, *node, "true or false", help);
    if (text != "true" && text != "false") Mistyped(key, *node, "true or false", help);
    value = text == "true";
  }
  void Field(const char* key,
             std::string& value,
             const std::vector<std::string>& choices,
             const char* help) override {
    const auto node = Find(key);
    if (!node) return;
    if (!node->IsScalar()) Mistyped(key, *node, "text", help);
    CheckChoice(document_.Where(*node), Path(key), node->Scalar(), choices);
    value = node->Scalar();
  }
  void Field(const char* key,
             std::vector<std::string>& value,
             const std::vector<std::string>& choices,
             const char* help) override {
    const auto node = Find(key);
    if (!node) return;
    if (!node->IsSequence()) Mistyped(key, *node, "a list of names", help);
    std::vector<std::string> read;
    for (const auto& element : *node) {
      if (!element.IsScalar()) Mistyped(key, element, "a name", help);
      CheckChoice(document_.Where(element), Path(key), element.Scalar(), choices);
      read.push_back(element.Scalar());
    }
    value = std::move(read);
  }
  void Field(const char* key,
             std::vector<double>& value,
             double low,
             double high,
             const char* help) override {
    const auto node = Find(key);
    if (!node) return;
    const std::string expected = "a list of " + std::to_string(value.size()) + " numbers";
    if (!node->IsSequence() || node->size() != value.size()) Mistyped(key, *node, expected, help);
    for (size_t i = 0; i < value.size(); ++i) {
      const YAML::Node element = (*node)[i];
      const std::string element_key = key + ("[" + std::to_string(i) + "]");
      value[i] = Number(element_key, element, low, high, help, "a number");
    }
  }

 protected:
  bool Enter(const char* key, const char*) override {
    const auto node = Find(key);
    // A section whose lines are all commented out is null.
    if (!node || node->IsNull()) return false;
    if (!node->IsMap()) Mistyped(key, *node, "a section of keys", "");
    mappings_.push_back(*node);
    return true;
  }
  void Leave() override { mappings_.pop_back(); }

 private:
  std::optional<YAML::Node> Find(const std::string& key) {
    for (const auto& entry : mappings_.back()) {
      if (entry.first.Scalar() != key) continue;
      key_where_ = document_.Where(entry.first);
      return entry.second;
    }
    return std::nullopt;
  }

  [[noreturn]] void Mistyped(const std::string& key,
                             const YAML::Node& node,
                             const std::string& expected,
                             const std::string& help) const {
    std::string got = "this";
    if (node.IsScalar()) got = "'" + node.Scalar() + "'";
    if (node.IsNull()) got = "nothing";
    if (node.IsSequence()) got = "a list of " + std::to_string(node.size());
    if (node.IsMap()) got = "a section of keys";
    // An empty value is marked where the next token begins, perhaps lines below.
    throw UsageError(
        Problem(node.IsNull() ? key_where_ : document_.Where(node),
                Path(key),
                "got " + got + ", expected " + expected + (help.empty() ? "" : " (" + help + ")")));
  }

  // The scalar's text; quoted scalars are text by intent and refused.
  std::string Plain(const std::string& key,
                    const YAML::Node& node,
                    const std::string& expected,
                    const char* help) const {
    if (!node.IsScalar() || node.Tag() == "!") Mistyped(key, node, expected, help);
    return node.Scalar();
  }

  template <typename T>
  T Number(const std::string& key,
           const YAML::Node& node,
           T low,
           T high,
           const char* help,
           const std::string& kind) const {
    const std::string expected = kind + ", " + RangeText(low, high);
    const auto value = ParseNumber<T>(Plain(key, node, expected, help));
    if (!value || !std::isfinite(static_cast<double>(*value))) Mistyped(key, node, expected, help);
    CheckRange(document_.Where(node), Path(key), *value, low, high, help);
    return *value;
  }

  template <typename T>
  void ReadNumber(
      const char* key, T& value, T low, T high, const char* help, const std::string& kind) {
    if (const auto node = Find(key)) value = Number(key, *node, low, high, help, kind);
  }

  const Document& document_;
  std::vector<YAML::Node> mappings_;
  std::string key_where_;  // of the field found last
};

void Apply(const Document& document, const KeyCollector& keys, const FieldVisitor& visit) {
  if (document.root.IsNull()) return;
  if (!document.root.IsMap()) {
    throw UsageError(document.Where(document.root) + ": expected 'key: value' lines");
  }
  CheckKeys(document, document.root, "", keys);
  YamlReader reader(document);
  visit(reader);
}

// Reads over a document.
class NoEvents : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&,
                const std::string&,
                YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&,
                       const std::string&,
                       YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&,
                  const std::string&,
                  YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// YAML::LoadAll never comes to an end of what stands behind a list: "[1, 2],".
bool HasSecondDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  NoEvents events;
  return parser.HandleNextDocument(events) && parser.HandleNextDocument(events);
}

YAML::Node ParseYaml(const std::string& text, const std::string& label, bool has_lines) {
  try {
    if (HasSecondDocument(text)) {
      throw UsageError(
          label + ": holds several YAML documents ('---') or text behind a value, expected one");
    }
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    const bool known = has_lines && !error.mark.is_null();
    throw UsageError(label + (known ? ":" + std::to_string(error.mark.line + 1) : "") +
                     ": not valid YAML: " + error.msg);
  }
}

Document ReadDocument(const std::filesystem::path& file) {
  std::string text;
  try {
    text = ReadText(file);
  } catch (const DataError& error) {
    throw UsageError(std::string("configuration ") + error.what());
  }
  return {ParseYaml(text, file.string(), true), file.string(), true};
}

// "synth.count=100" as the document {synth: {count: 100}}.
Document OverrideDocument(const std::string& text) {
  const std::string label = "--set " + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(label + ": expected KEY=VALUE, for example synth.count=100");
  }
  YAML::Node node = ParseYaml(text.substr(equals + 1), label, false);
  std::string path = text.substr(0, equals);
  while (!path.empty()) {
    const auto [section, name] = SplitPath(path);
    YAML::Node outer;
    outer[name] = node;
    node.reset(outer);
    path = section.empty() ? "" : section.substr(0, section.size() - 1);
  }
  return {node, label, false};
}

// ---- Checking and printing ----------------------------------------------------------------------

class RangeChecker : public PathFields {
 public:
  void Field(
      const char* key, int64_t& value, int64_t low, int64_t high, const char* help) override {
    CheckRange("", Path(key), value, low, high, help);
  }
  void Field(const char*, uint64_t&, const char*) override {}
  void Field(const char* key, double& value, double low, double high, const char* help) override {
    CheckRange("", Path(key), value, low, high, help);
  }
  void Field(const char*, bool&, const char*) override {}
  void Field(const char* key,
             std::string& value,
             const std::vector<std::string>& choices,
             const char*) override {
    CheckChoice("", Path(key), value, choices);
  }
  void Field(const char* key,
             std::vector<std::string>& value,
             const std::vector<std::string>& choices,
             const char*) override {
    for (const std::string& element : value) CheckChoice("", Path(key), element, choices);
  }
  void Field(const char* key,
             std::vector<double>& value,
             double low,
             double high,
             const char* help) override {
    for (size_t i = 0; i < value.size(); ++i) {
      CheckRange("", Path(key) + "[" + std::to_string(i) + "]", value[i], low, high, help);
    }
  }
};

class YamlPrinter : public PathFields {
 public:
  // `explained`: behind each line a comment says what it means, and what it may be.
  YamlPrinter(const std::vector<std::string>& leave_out, bool explained)
      : leave_out_(leave_out.begin(), leave_out.end()), explained_(explained) {}

  void Field(
      const char* key, int64_t& value, int64_t low, int64_t high, const char* help) override {
    Print(key, NumberText(value), help, RangeText(low, high));
  }
  void Field(const char* key, uint64_t& value, const char* help) override {
    Print(key, NumberText(value), help, "a whole number");
  }
  void Field(const char* key, double& value, double low, double high, const char* help) override {
    Print(key, NumberText(value), help, RangeText(low, high));
  }
  void Field(const char* key, bool& value, const char* help) override {
    Print(key, value ? "true" : "false", help, "true or false");
  }
  void Field(const char* key,
             std::string& value,
             const std::vector<std::string>& choices,
             const char* help) override {
    Print(key, Quoted(value), help, choices.empty() ? "text" : "one of " + Join(choices));
  }
  void Field(const char* key,
             std::vector<std::string>& value,
             const std::vector<std::string>& choices,
             const char* help) override {
    std::vector<std::string> quoted;
    for (const std::string& element : value) quoted.push_back(Quoted(element));
    Print(key,
          "[" + Join(quoted) + "]",
          help,
          choices.empty() ? "a list of texts" : "a list of " + Join(choices));
  }
  void Field(const char* key,
             std::vector<double>& value,
             double low,
             double high,
             const char* help) override {
    std::vector<std::string> texts;
    for (const double element : value) texts.push_back(NumberText(element));
    Print(key, "[" + Join(texts) + "]", help, "each " + RangeText(low, high));
  }

  const std::string& text() const { return text_; }

 protected:
  bool Enter(const char* key, const char* help) override {
    if (leave_out_.count(Path(key)) > 0) return false;
    pending_.push_back(Indent() + key + ":" + Comment(help) + "\n");
    ++depth_;
    return true;
  }
  void Leave() override {
    --depth_;
    if (!pending_.empty()) pending_.pop_back();
  }

 private:
  std::string Indent() const { return std::string(2 * depth_, ' '); }
  std::string Comment(const std::string& text) const { return explained_ ? "  # " + text : ""; }
  void Print(const char* key,
             const std::string& value,
             const std::string& help,
             const std::string& expected) {
    if (leave_out_.count(Path(key)) > 0) return;
    // A section's own line appears with its first field: empty sections leave no trace.
    for (const std::string& heading : pending_) text_ += heading;
    pending_.clear();
    text_ += Indent() + key + ": " + value + Comment(help + " (" + expected + ")") + "\n";
  }

  std::set<std::string> leave_out_;
  bool explained_;
  std::vector<std::string> pending_;
  size_t depth_ = 0;
  std::string text_;
};

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

void LoadConfig(const std::filesystem::path& file,
                const std::vector<std::string>& overrides,
                const FieldVisitor& visit) {
  KeyCollector keys;
  visit(keys);
  if (!file.empty()) Apply(ReadDocument(file), keys, visit);
  for (const std::string& text : overrides) Apply(OverrideDocument(text), keys, visit);
}

void LoadConfigText(const std::string& text, const std::string& name, const FieldVisitor& visit) {
  KeyCollector keys;
  visit(keys);
  Apply({ParseYaml(text, name, true), name, true}, keys, visit);
}

std::vector<std::string> OutermostKeys(const FieldVisitor& visit) {
  KeyCollector keys;
  visit(keys);
  std::vector<std::string> outermost;
  std::copy_if(keys.paths().begin(),
               keys.paths().end(),
               std::back_inserter(outermost),
               [](const std::string& path) { return path.find('.') == std::string::npos; });
  return outermost;
}

void CheckFields(const FieldVisitor& visit) {
  RangeChecker checker;
  visit(checker);
}

std::string ConfigText(const FieldVisitor& visit, const std::vector<std::string>& leave_out) {
  YamlPrinter printer(leave_out, /*explained=*/false);
  visit(printer);
  return printer.text();
}

std::string ExplainedConfigText(const FieldVisitor& visit,
                                const std::vector<std::string>& leave_out) {
  YamlPrinter printer(leave_out, /*explained=*/true);
  visit(printer);
  return printer.text();
}

std::string NearestName(const std::string& name, const std::vector<std::string>& candidates) {
  std::string nearest;
  size_t best = std::string::npos;
  // Two thirds of the letters are right.
  const auto is_near = [&](size_t distance, size_t longest) {
    return distance <= longest / 3 && distance < best;
  };
  for (const std::string& candidate : candidates) {
    const auto [shortest, longest] = std::minmax({name.size(), candidate.size()});
    // The lengths' difference bounds the distance from below; a hostile name may be very long.
    if (!is_near(longest - shortest, longest)) continue;
    const size_t distance = EditDistance(name, candidate);
    if (!is_near(distance, longest)) continue;
    best = distance;
    nearest = candidate;
  }
  if (!nearest.empty() || name.empty()) return nearest;
  // Else one of which it is a word: "focal" of "focal_px".
  for (const std::string& candidate : candidates) {
    if (('_' + candidate + '_').find('_' + name + '_') != std::string::npos) return candidate;
  }
  return "";
}

}  // namespace handforge
