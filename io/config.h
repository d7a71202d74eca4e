#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace handforge {

// Walks the fields of an option struct. Each room's option struct has one `void Visit(Fields&)`
// that names every field once, with its range and meaning; reading YAML, refusing unknown keys,
// checking ranges, printing and storing the configuration all follow from that one list.
class Fields {
 public:
  virtual ~Fields() = default;

  // Closed ranges.
  virtual void Field(
      const char* key, int64_t& value, int64_t low, int64_t high, const char* help) = 0;
  virtual void Field(const char* key, uint64_t& value, const char* help) = 0;
  virtual void Field(const char* key, double& value, double low, double high, const char* help) = 0;
  virtual void Field(const char* key, bool& value, const char* help) = 0;
  // `choices` empty = any text.
  virtual void Field(const char* key,
                     std::string& value,
                     const std::vector<std::string>& choices,
                     const char* help) = 0;
  virtual void Field(const char* key,
                     std::vector<std::string>& value,
                     const std::vector<std::string>& choices,
                     const char* help) = 0;
  // Length must equal the default's length, each element within the range.
  virtual void Field(
      const char* key, std::vector<double>& value, double low, double high, const char* help) = 0;
  // A nested mapping.
  virtual void Section(const char* key,
                       const std::function<void(Fields&)>& body,
                       const char* help) = 0;

  template <typename Options>
  void Nested(const char* key, Options& options, const char* help) {
    Section(
        key, [&options](Fields& fields) { options.Visit(fields); }, help);
  }
};

using FieldVisitor = std::function<void(Fields&)>;

// Fills the fields from a YAML file, then from `overrides` ("synth.count=100", the value parsed as
// YAML). Throws UsageError naming file, line and the nearest valid key for an unknown or repeated
// key; file, line, value and range for a bad value; the override itself where that is at fault.
// An empty path means defaults plus overrides.
void LoadConfig(const std::filesystem::path& file,
                const std::vector<std::string>& overrides,
                const FieldVisitor& visit);

// The same from text; `name` stands for the file in messages.
void LoadConfigText(const std::string& text, const std::string& name, const FieldVisitor& visit);

// The keys of the outermost mapping, in declaration order.
std::vector<std::string> OutermostKeys(const FieldVisitor& visit);

// Checks ranges of values set in code. Throws UsageError naming key, value and range.
void CheckFields(const FieldVisitor& visit);

// Canonical YAML of all fields, in declaration order, without the keys (dotted paths such as
// "synth.out") in `leave_out`: equal text means equal output.
std::string ConfigText(const FieldVisitor& visit, const std::vector<std::string>& leave_out = {});
// The same for people: behind each line a comment says what it means and what it may be.
std::string ExplainedConfigText(const FieldVisitor& visit,
                                const std::vector<std::string>& leave_out = {});

// The member of `candidates` with the smallest edit distance, at most a third of its letters, else
// one of which `name` is a word ("size" of "shard_size"), else "".
std::string NearestName(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace handforge
