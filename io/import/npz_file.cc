#include "io/import/npz_file.h"

#include "io/core/error.h"
#include "io/import/little_endian.h"
#include "io/import/numpy_array.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <zip.h>

namespace handforge {
namespace {

constexpr size_t kMostHeaderBytes = 4096;  // numpy writes 118 and the like
constexpr size_t kMostItemBytes = 8;
constexpr int64_t kMostNames = 20;     // in a message
constexpr size_t kLongestQuote = 100;  // of what a message repeats
constexpr std::string_view kMagic = "\x93NUMPY";

// Hostile text, fit for a message.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kLongestQuote));
  std::replace_if(
      printable.begin(), printable.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable;
}

size_t Count(const std::vector<size_t>& shape) {
  size_t count = 1;
  for (const size_t extent : shape) count *= extent;
  return count;
}

// ---- The archive --------------------------------------------------------------------------------

class Archive {
 public:
  explicit Archive(const std::string& file) : file_(file) {
    int code = 0;
    zip_.reset(zip_open(file.c_str(), ZIP_RDONLY, &code));
    if (zip_ != nullptr) return;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw DataError(file + ": is no archive of numpy's arrays (.npz) that can be read: " + reason);
  }

  // The whole of an entry that has `most_bytes` at most.
  std::string Read(const std::string& entry, size_t most_bytes) const {
    const zip_int64_t index = zip_name_locate(zip_.get(), entry.c_str(), 0);
    if (index < 0) throw DataError(file_ + ": has no '" + entry + "'; it has " + Names());
    zip_stat_t stat;
    zip_stat_init(&stat);
    const auto number = static_cast<zip_uint64_t>(index);
    const bool is_known =
        zip_stat_index(zip_.get(), number, 0, &stat) == 0 && (stat.valid & ZIP_STAT_SIZE) != 0;
    if (!is_known || stat.size > most_bytes) {
      throw DataError(file_ + ": '" + entry + "' is said to hold " + std::to_string(stat.size) +
                      " bytes, expected at most " + std::to_string(most_bytes));
    }
    return Inflated(entry, number, static_cast<size_t>(stat.size));
  }

 private:
  struct Discard {
    void operator()(zip_t* zip) const { zip_discard(zip); }
  };
  using Entry = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

  std::string Inflated(const std::string& name, zip_uint64_t number, size_t size) const {
    const Entry entry(zip_fopen_index(zip_.get(), number, 0), &zip_fclose);
    if (entry == nullptr) Fail(name, zip_strerror(zip_.get()));
    // One more byte than there is makes libzip look at the check sum.
    std::string bytes(size + 1, '\0');
    size_t got = 0;
    for (zip_int64_t part = 1; part > 0 && got < bytes.size(); got += static_cast<size_t>(part)) {
      part = zip_fread(entry.get(), bytes.data() + got, bytes.size() - got);
      if (part < 0) Fail(name, zip_file_strerror(entry.get()));
    }
    if (got != size) Fail(name, "holds " + std::to_string(got) + " bytes");
    bytes.resize(size);
    return bytes;
  }

  [[noreturn]] void Fail(const std::string& entry, const std::string& reason) const {
    throw DataError(file_ + ": '" + entry + "' is damaged: " + reason);
  }

  std::string Names() const {
    const zip_int64_t count = zip_get_num_entries(zip_.get(), 0);
    std::string names;
    for (zip_int64_t i = 0; i < std::min(count, kMostNames); ++i) {
      const char* name = zip_get_name(zip_.get(), static_cast<zip_uint64_t>(i), 0);
      names += (names.empty() ? "'" : ", '") + Printable(name == nullptr ? "" : name) + "'";
    }
    return names.empty() ? "nothing" : names + (count > kMostNames ? " ..." : "");
  }

  const std::string& file_;
  std::unique_ptr<zip_t, Discard> zip_;
};

// ---- The array ----------------------------------------------------------------------------------

struct Npy {
  std::string_view header;  // a dict of Python's, as text
  std::string_view numbers;
};

std::optional<Npy> SplitNpy(std::string_view bytes) {
  constexpr size_t kVersionAt = kMagic.size(), kLengthAt = kVersionAt + 2;
  if (bytes.size() < kLengthAt + 4 || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const int version = bytes[kVersionAt];
  if (version < 1 || version > 3) return std::nullopt;
  const size_t length_bytes = version == 1 ? 2 : 4;
  const uint64_t length = LittleEndian(bytes.substr(kLengthAt, length_bytes));
  const size_t start = kLengthAt + length_bytes;
  if (length > bytes.size() - start) return std::nullopt;
  return Npy{bytes.substr(start, length), bytes.substr(start + length)};
}

// What stands between the two in a header, without spaces; empty where they are not there.
std::string Between(std::string_view header, std::string_view before, std::string_view after) {
  std::string text;
  std::remove_copy(header.begin(), header.end(), std::back_inserter(text), ' ');
  const size_t start = text.find(before);
  if (start == std::string::npos) return "";
  const size_t first = start + before.size();
  const size_t end = text.find(after, first);
  return end == std::string::npos ? "" : text.substr(first, end - first);
}

// "1,21,3" or "5,"
std::optional<std::vector<size_t>> ParseShape(const std::string& text) {
  std::vector<size_t> shape;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    size_t extent = 0;
    const auto [stop, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || (stop != end && *stop != ',')) return std::nullopt;
    shape.push_back(extent);
    at = stop == end ? stop : stop + 1;
  }
  return shape;
}

// Throws DataError beginning with `place` where it is none of numbers.
NumpyType TypeOf(std::string_view header, const std::string& place) {
  const std::string descr = Between(header, "'descr':'", "'");
  const std::optional<NumpyType> type =
      descr.empty() ? std::nullopt : FindNumpyType(std::string_view(descr).substr(1));
  if (type && (descr[0] == '<' || descr[0] == '|')) return *type;
  throw DataError(place + "is of the type '" + Printable(descr) + "', expected " + kNumpyTypes +
                  ", little-endian");
}

NumpyArray ParseNpy(std::string_view bytes, const std::string& place) {
  const std::optional<Npy> npy = SplitNpy(bytes);
  if (!npy) throw DataError(place + "is no array of numpy's (.npy, version 1 to 3)");
  NumpyArray array;
  array.type = TypeOf(npy->header, place);
  const std::string order = Between(npy->header, "'fortran_order':", ",");
  const auto shape = ParseShape(Between(npy->header, "'shape':(", ")"));
  if ((order != "True" && order != "False") || !shape) {
    throw DataError(place + "has the header '" + Printable(npy->header) + "', which says no shape");
  }
  array.is_fortran = order == "True";
  array.shape = *shape;
  array.bytes = npy->numbers;
  return array;
}

}  // namespace

std::vector<double> ReadNpzArray(const std::filesystem::path& file,
                                 const std::string& name,
                                 const std::vector<size_t>& expected_shape) {
  const std::string entry = name + ".npy", path = file.string();
  const std::string place = path + ": array '" + name + "' ";
  const std::string bytes =
      Archive(path).Read(entry, kMostHeaderBytes + kMostItemBytes * Count(expected_shape));
  const NumpyArray array = ParseNpy(bytes, place);
  if (array.shape != expected_shape) {
    throw DataError(place + "is of shape (" + ShapeText(array.shape, ", ") + "), expected (" +
                    ShapeText(expected_shape, ", ") + ")");
  }
  const std::string fault = FaultOf(array);
  if (!fault.empty()) throw DataError(place + "is damaged: " + fault);
  return array.Doubles();
}

}  // namespace handforge
