#pragma once

#include "io/import/numpy_array.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace handforge {

struct PickleList;
struct PickleDict;
using PickleArray = NumpyArray;
using PickleDtype = NumpyType;  // of use to the reader only
enum class PickleFunction;      // what makes an array or its parts; of use to the reader only

struct PickleBytes {
  std::string_view bytes;
};

// None, bool, int, float, str (UTF-8, not checked), bytes (and every str of Python 2), list or
// tuple, dict, numpy array; a number of a type of numpy's is an array without axes.
using PickleValue = std::variant<std::monostate,
                                 bool,
                                 int64_t,
                                 double,
                                 std::string_view,
                                 PickleBytes,
                                 PickleList*,
                                 PickleDict*,
                                 PickleArray*,
                                 PickleDtype*,
                                 PickleFunction>;

// str and bytes are the same key, since Python 2 wrote one for the other.
using PickleKey = std::variant<int64_t, std::string_view>;

struct PickleList {
  std::vector<PickleValue> items;
  bool is_tuple = false;
};

struct PickleDict {
  std::map<PickleKey, PickleValue> items;
};

// What a file holds. Values point into `nodes` and may be shared; in a hostile file one may hold
// itself, so whoever walks into what they do not expect counts their steps.
struct Pickle {
  PickleValue root;
  std::shared_ptr<const void> nodes;
};

// Python's pickles of protocols 2 to 5 (CPython: Lib/pickletools.py) of the values above, as Python
// 2 and 3 and numpy 1 and 2 write them. Nothing is executed: a pickle that asks for any function
// but those that make arrays is refused by the function's name. Takes memory in proportion to the
// file. Throws DataError naming the file, the byte and what is wrong with it.
Pickle ReadPickle(const std::filesystem::path& file);
// The same of the bytes of a file; `name` is for messages.
Pickle ParsePickle(std::string bytes, const std::string& name);

}  // namespace handforge
