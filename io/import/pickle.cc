#include "io/import/pickle.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/import/little_endian.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>

namespace handforge {

enum class PickleFunction { kNdarray, kReconstruct, kFromBuffer, kScalar, kDtype, kEncode };

namespace {

using Items = std::vector<PickleValue>;

constexpr uint8_t kProto = 0x80;
constexpr uint8_t kStop = '.';
constexpr size_t kMostAxes = 32;       // numpy's own limit
constexpr size_t kLongestKey = 256;    // long keys make a dict slow
constexpr size_t kLongestQuote = 100;  // of what a message repeats

struct NamedFunction {
  const char* module;
  const char* name;
  PickleFunction function;
};
constexpr NamedFunction kFunctions[] = {
    {"numpy", "ndarray", PickleFunction::kNdarray},
    {"numpy", "dtype", PickleFunction::kDtype},
    {"numpy.core.multiarray", "_reconstruct", PickleFunction::kReconstruct},
    {"numpy._core.multiarray", "_reconstruct", PickleFunction::kReconstruct},
    {"numpy.core.numeric", "_frombuffer", PickleFunction::kFromBuffer},
    {"numpy._core.numeric", "_frombuffer", PickleFunction::kFromBuffer},
    {"numpy.core.multiarray", "scalar", PickleFunction::kScalar},
    {"numpy._core.multiarray", "scalar", PickleFunction::kScalar},
    {"_codecs", "encode", PickleFunction::kEncode},
};

// What values point to. They own nothing of each other, so however deep or circular they are, they
// end all the same.
struct Nodes {
  std::string bytes;  // of the file
  std::deque<std::string> encoded;
  std::deque<PickleList> lists;
  std::deque<PickleDict> dicts;
  std::deque<PickleArray> arrays;
  std::deque<PickleDtype> dtypes;
};

// Hostile text, fit for a message.
std::string Quoted(std::string_view text) {
  std::string quoted(text.substr(0, kLongestQuote));
  for (char& c : quoted) {
    if (c < ' ' || c > '~') c = '?';
  }
  return "'" + quoted + "'";
}

class Reader {
 public:
  Reader(std::string bytes, std::string name)
      : name_(std::move(name)), nodes_(std::make_shared<Nodes>()) {
    nodes_->bytes = std::move(bytes);
    bytes_ = nodes_->bytes;
  }

  Pickle Read() {
    if (bytes_.empty() || static_cast<uint8_t>(bytes_[0]) != kProto) {
      Fail("no pickle of protocol 2 to 5 starts like this");
    }
    const std::array<Action, 256>& actions = Actions();
    uint8_t code = 0;
    do {
      opcode_at_ = at_;
      code = TakeByte();
      const Action action = actions[code];
      if (action == nullptr) {
        Fail("opcode " + std::to_string(code) + ", which no dict of numbers and arrays needs");
      }
      action(*this);
    } while (code != kStop);
    const PickleValue root = Pop();
    Check(stack_.empty() && marks_.empty(), "ends in the middle of a value");
    return {root, nodes_};
  }

 private:
  using Action = void (*)(Reader&);

  [[noreturn]] void Fail(const std::string& what) const {
    throw DataError(name_ + ", byte " + std::to_string(opcode_at_) + ": " + what);
  }
  void Check(bool good, const char* what) const {
    if (!good) Fail(what);
  }

  // ---- Bytes ----

  std::string_view Take(uint64_t count) {
    CheckLeft(count);
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  uint8_t TakeByte() { return static_cast<uint8_t>(Take(1)[0]); }
  uint64_t TakeNumber(size_t num_bytes) { return LittleEndian(Take(num_bytes)); }
  // Bytes that come after their own number.
  std::string_view TakeCounted(size_t num_bytes) { return Take(TakeNumber(num_bytes)); }
  std::string_view TakeLine() {
    const size_t end = bytes_.find('\n', at_);
    Check(end != std::string_view::npos, "a name that does not end");
    const std::string_view line = Take(end - at_);
    ++at_;
    return line;
  }

  // ---- Stack and memo ----

  void Push(PickleValue value) { stack_.push_back(value); }
  PickleValue Pop() {
    Check(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "takes a value that is not there");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  // The values since the last mark.
  Items PopToMark() {
    Check(!marks_.empty(), "ends a group that does not begin");
    const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    Items items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  // The last `count` values, the lowest first.
  Items PopItems(size_t count) {
    Items items(count);
    for (size_t i = count; i-- > 0;) items[i] = Pop();
    return items;
  }
  // The value on top, which stays.
  PickleValue Top() {
    const PickleValue top = Pop();
    Push(top);
    return top;
  }

  void Remember(size_t slot) {
    // Slots are given in turn and each takes a byte to fill at least.
    if (slot > opcode_at_) {
      Fail("memo slot " + std::to_string(slot) + " is beyond all that was read");
    }
    if (slot >= memo_.size()) memo_.resize(slot + 1);
    memo_[slot] = Top();
  }
  void Recall(size_t slot) {
    if (slot >= memo_.size() || !memo_[slot].has_value()) {
      Fail("memo slot " + std::to_string(slot) + " is empty");
    }
    Push(*memo_[slot]);
  }

  // ---- What a value must be ----

  template <typename T>
  T As(const PickleValue& value, const char* what) const {
    const T* as = std::get_if<T>(&value);
    if (as == nullptr) Fail(std::string("expected ") + what);
    return *as;
  }
  const Items& TupleOf(const PickleValue& value, size_t fewest, const char* what) const {
    const PickleList* list = As<PickleList*>(value, what);
    if (!list->is_tuple || list->items.size() < fewest) Fail(std::string("expected ") + what);
    return list->items;
  }
  std::string_view TextOf(const PickleValue& value, const char* what) const {
    if (const auto* bytes = std::get_if<PickleBytes>(&value)) return bytes->bytes;
    return As<std::string_view>(value, what);
  }
  PickleKey KeyOf(const PickleValue& value) const {
    if (const auto* number = std::get_if<int64_t>(&value)) return *number;
    const std::string_view text = TextOf(value, "a whole number or a text as key of a dict");
    if (text.size() > kLongestKey) {
      Fail("a key of " + std::to_string(text.size()) + " bytes; expected at most " +
           std::to_string(kLongestKey));
    }
    return text;
  }

  // ---- Opcodes ----

  static const std::array<Action, 256>& Actions() {
    static const std::array<Action, 256> actions = [] {
      std::array<Action, 256> table{};
      for (const auto& [code, action] : ListActions()) table[code] = action;
      return table;
    }();
    return actions;
  }
  static std::vector<std::pair<uint8_t, Action>> ListActions() {
    return {
        {kProto, [](Reader& r) { r.CheckProtocol(r.TakeByte()); }},
        {kStop, [](Reader&) {}},
        {0x95, [](Reader& r) { r.CheckLeft(r.TakeNumber(8)); }},            // FRAME
        {'N', [](Reader& r) { r.Push(std::monostate()); }},                 // NONE
        {0x88, [](Reader& r) { r.Push(true); }},                            // NEWTRUE
        {0x89, [](Reader& r) { r.Push(false); }},                           // NEWFALSE
        {'K', [](Reader& r) { r.PushWhole(1, false); }},                    // BININT1
        {'M', [](Reader& r) { r.PushWhole(2, false); }},                    // BININT2
        {'J', [](Reader& r) { r.PushWhole(4, true); }},                     // BININT
        {0x8a, [](Reader& r) { r.PushLong(); }},                            // LONG1
        {'G', [](Reader& r) { r.PushFloat(); }},                            // BINFLOAT
        {0x8c, [](Reader& r) { r.Push(r.TakeCounted(1)); }},                // SHORT_BINUNICODE
        {'X', [](Reader& r) { r.Push(r.TakeCounted(4)); }},                 // BINUNICODE
        {0x8d, [](Reader& r) { r.Push(r.TakeCounted(8)); }},                // BINUNICODE8
        {'U', [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(1)}); }},    // SHORT_BINSTRING
        {'T', [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(4)}); }},    // BINSTRING
        {'C', [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(1)}); }},    // SHORT_BINBYTES
        {'B', [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(4)}); }},    // BINBYTES
        {0x8e, [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(8)}); }},   // BINBYTES8
        {0x96, [](Reader& r) { r.Push(PickleBytes{r.TakeCounted(8)}); }},   // BYTEARRAY8
        {'(', [](Reader& r) { r.marks_.push_back(r.stack_.size()); }},      // MARK
        {')', [](Reader& r) { r.PushList({}, true); }},                     // EMPTY_TUPLE
        {0x85, [](Reader& r) { r.PushList(r.PopItems(1), true); }},         // TUPLE1
        {0x86, [](Reader& r) { r.PushList(r.PopItems(2), true); }},         // TUPLE2
        {0x87, [](Reader& r) { r.PushList(r.PopItems(3), true); }},         // TUPLE3
        {'t', [](Reader& r) { r.PushList(r.PopToMark(), true); }},          // TUPLE
        {']', [](Reader& r) { r.PushList({}, false); }},                    // EMPTY_LIST
        {'a', [](Reader& r) { r.Append(r.PopItems(1)); }},                  // APPEND
        {'e', [](Reader& r) { r.Append(r.PopToMark()); }},                  // APPENDS
        {'}', [](Reader& r) { r.Push(&r.nodes_->dicts.emplace_back()); }},  // EMPTY_DICT
        {'s', [](Reader& r) { r.SetItems(r.PopItems(2)); }},                // SETITEM
        {'u', [](Reader& r) { r.SetItems(r.PopToMark()); }},                // SETITEMS
        {'q', [](Reader& r) { r.Remember(r.TakeNumber(1)); }},              // BINPUT
        {'r', [](Reader& r) { r.Remember(r.TakeNumber(4)); }},              // LONG_BINPUT
        {0x94, [](Reader& r) { r.Remember(r.memo_.size()); }},              // MEMOIZE
        {'h', [](Reader& r) { r.Recall(r.TakeNumber(1)); }},                // BINGET
        {'j', [](Reader& r) { r.Recall(r.TakeNumber(4)); }},                // LONG_BINGET
        {'c', [](Reader& r) { r.PushGlobal(); }},                           // GLOBAL
        {0x93, [](Reader& r) { r.PushStackGlobal(); }},                     // STACK_GLOBAL
        {'R', [](Reader& r) { r.Call(); }},                                 // REDUCE
        {'b', [](Reader& r) { r.Build(); }},                                // BUILD
    };
  }

  void PushWhole(size_t num_bytes, bool is_signed) {
    const uint64_t value = TakeNumber(num_bytes);
    Push(is_signed ? SignExtended(value, num_bytes) : static_cast<int64_t>(value));
  }
  void PushLong() {
    const size_t num_bytes = TakeByte();
    if (num_bytes > 8) {
      Fail("a whole number of " + std::to_string(num_bytes) + " bytes; expected at most 8");
    }
    PushWhole(num_bytes, true);
  }
  void PushFloat() {
    uint64_t bits = 0;
    for (const char c : Take(8)) bits = bits << 8 | static_cast<uint8_t>(c);
    Push(SameBits<double>(bits));
  }

  void PushList(Items items, bool is_tuple) {
    Push(&nodes_->lists.emplace_back(PickleList{std::move(items), is_tuple}));
  }
  void Append(const Items& items) {
    PickleList* list = As<PickleList*>(Top(), "a list to append to");
    Check(!list->is_tuple, "appends to a tuple");
    list->items.insert(list->items.end(), items.begin(), items.end());
  }
  void SetItems(const Items& items) {
    PickleDict* dict = As<PickleDict*>(Top(), "a dict to fill");
    Check(items.size() % 2 == 0, "a key without a value");
    for (size_t i = 0; i < items.size(); i += 2) dict->items[KeyOf(items[i])] = items[i + 1];
  }

  void CheckProtocol(int protocol) const {
    if (protocol < 2 || protocol > 5) {
      Fail("protocol " + std::to_string(protocol) + "; expected 2 to 5");
    }
  }
  void CheckLeft(uint64_t count) const {
    if (count > bytes_.size() - at_) {
      Fail("asks for " + std::to_string(count) + " bytes, " + std::to_string(bytes_.size() - at_) +
           " are left");
    }
  }

  // ---- Functions ----

  void PushGlobal() {
    const std::string_view module = TakeLine();
    PushFunction(module, TakeLine());
  }
  void PushStackGlobal() {
    const std::string_view name = TextOf(Pop(), "the name of a function");
    PushFunction(TextOf(Pop(), "the name of a module"), name);
  }
  void PushFunction(std::string_view module, std::string_view name) {
    for (const NamedFunction& known : kFunctions) {
      if (module == known.module && name == known.name) return Push(known.function);
    }
    Fail("asks for " + Quoted(std::string(module) + "." + std::string(name)) +
         ", which no array of numbers needs; nothing was executed");
  }

  void Call() {
    const PickleValue arguments = Pop();
    switch (As<PickleFunction>(Pop(), "a function to call")) {
      case PickleFunction::kNdarray:
        Fail("calls numpy.ndarray");
      case PickleFunction::kReconstruct:  // its arguments say nothing: BUILD follows
        return Push(&nodes_->arrays.emplace_back());
      case PickleFunction::kFromBuffer:
        return CallFromBuffer(TupleOf(arguments, 4, "bytes, dtype, shape and order of an array"));
      case PickleFunction::kScalar:
        return CallScalar(TupleOf(arguments, 2, "dtype and bytes of a number"));
      case PickleFunction::kDtype:
        return CallDtype(
            TextOf(TupleOf(arguments, 1, "the name of a dtype")[0], "the name of a dtype"));
      case PickleFunction::kEncode:
        return CallEncode(TupleOf(arguments, 2, "a text and its encoding"));
    }
  }

  void CallFromBuffer(const Items& arguments) {
    const std::string_view order = TextOf(arguments[3], "the order of an array");
    Check(order == "C" || order == "F", "an array in another order than C or F");
    PickleArray* array = &nodes_->arrays.emplace_back();
    Fill(array, arguments[2], arguments[1], order == "F", arguments[0]);
    Push(array);
  }

  void CallScalar(const Items& arguments) {
    PickleArray* number = &nodes_->arrays.emplace_back();
    FillShaped(number, {}, arguments[0], false, arguments[1]);
    Push(number);
  }

  void CallDtype(std::string_view name) {
    const std::optional<NumpyType> type = FindNumpyType(name);
    if (!type) Fail("an array of " + Quoted(name) + "; expected " + kNumpyTypes);
    Push(&nodes_->dtypes.emplace_back(*type));
  }

  // Protocol 2 writes each byte as the character of that number, in UTF-8.
  void CallEncode(const Items& arguments) {
    const std::string_view text = As<std::string_view>(arguments[0], "a text to encode");
    const std::string_view encoding = TextOf(arguments[1], "the name of an encoding");
    Check(encoding == "latin1", "encodes as something else than latin1");
    // No writer encodes one text twice, but a hostile one could, without end.
    encoded_bytes_ += text.size();
    Check(encoded_bytes_ <= bytes_.size(), "encodes more text than the file holds");
    std::string bytes;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto first = static_cast<uint8_t>(text[i]);
      if (first < 0x80) {
        bytes += text[i];
        continue;
      }
      const uint8_t second = ++i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
      Check((first == 0xC2 || first == 0xC3) && second >> 6 == 2, "a text that is no latin1");
      bytes += static_cast<char>(first << 6 | (second & 0x3F));
    }
    Push(PickleBytes{nodes_->encoded.emplace_back(std::move(bytes))});
  }

  void Build() {
    const PickleValue state = Pop();
    const PickleValue object = Top();
    if (std::holds_alternative<PickleDtype*>(object)) {
      const Items& items = TupleOf(state, 2, "version and byte order of a dtype");
      const bool is_big = TextOf(items[1], "the byte order of a dtype") == ">";
      return Check(!is_big, "an array in big-endian byte order; expected little-endian");
    }
    PickleArray* array = As<PickleArray*>(object, "an array or a dtype to set the state of");
    const char* what = "version, shape, dtype, order and bytes of an array";
    const Items& items = TupleOf(state, 5, what);
    // Python 2 may have written the flag as a number.
    const auto* whole = std::get_if<int64_t>(&items[3]);
    const bool is_fortran = whole != nullptr ? *whole != 0 : As<bool>(items[3], what);
    Fill(array, items[1], items[2], is_fortran, items[4]);
  }

  void Fill(PickleArray* array,
            const PickleValue& shape,
            const PickleValue& dtype,
            bool is_fortran,
            const PickleValue& bytes) const {
    FillShaped(
        array, ShapeOf(TupleOf(shape, 0, "the shape of an array")), dtype, is_fortran, bytes);
  }

  void FillShaped(PickleArray* array,
                  std::vector<size_t> shape,
                  const PickleValue& dtype,
                  bool is_fortran,
                  const PickleValue& bytes) const {
    PickleArray filled;
    filled.type = *As<PickleDtype*>(dtype, "the dtype of an array");
    filled.is_fortran = is_fortran;
    filled.bytes = TextOf(bytes, "the bytes of an array");
    filled.shape = std::move(shape);
    const std::string fault = FaultOf(filled);
    if (!fault.empty()) Fail(fault);
    *array = std::move(filled);
  }

  std::vector<size_t> ShapeOf(const Items& items) const {
    Check(items.size() <= kMostAxes, "an array of more axes than numpy has");
    std::vector<size_t> shape;
    for (const PickleValue& item : items) {
      const int64_t extent = As<int64_t>(item, "whole numbers as shape of an array");
      Check(extent >= 0, "an array with an extent below 0");
      shape.push_back(static_cast<size_t>(extent));
    }
    return shape;
  }

  std::string name_;
  std::shared_ptr<Nodes> nodes_;
  std::string_view bytes_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  size_t encoded_bytes_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::vector<std::optional<PickleValue>> memo_;
};

}  // namespace

Pickle ReadPickle(const std::filesystem::path& file) {
  return ParsePickle(ReadText(file), file.string());
}

Pickle ParsePickle(std::string bytes, const std::string& name) {
  return Reader(std::move(bytes), name).Read();
}

}  // namespace handforge
