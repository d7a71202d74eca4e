#include "io/h5.h"

#include "io/core/error.h"
#include "io/h5_faults.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace handforge::h5 {
namespace {

constexpr size_t kMemoryStepBytes = size_t{16} << 20;

std::recursive_mutex& LibraryMutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t AppendError(unsigned, const H5E_error2_t* error, void* text) {
  auto& out = *static_cast<std::string*>(text);
  if (error->desc == nullptr || *error->desc == '\0') return 0;
  out += (out.empty() ? "" : ": ") + std::string(error->desc);
  return 0;
}

Handle Properties(const Caller& caller, hid_t property_class) {
  return caller.Make(H5Pcreate(property_class), &H5Pclose, "cannot create a property list");
}

Handle FileAccess(const Caller& caller) {
  Handle access = Properties(caller, H5P_FILE_ACCESS);
  // The newer superblock of V18 leaves H5Fget_file_image of HDF5 1.10 with a wrong checksum.
  caller.Check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18),
               "cannot fix the format version");
  caller.Check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), "cannot set closing");
// Locking fails on several cluster file systems; publishing by rename makes it needless.
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  caller.Check(H5Pset_file_locking(access.get(), 0, 1), "cannot switch off file locking");
#endif
  return access;
}

Handle Space(const Caller& caller, const std::vector<hsize_t>& shape) {
  const hid_t space = shape.empty()
                          ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  return caller.Make(space, &H5Sclose, "cannot create a data space");
}

Handle TextType(const Caller& caller) {
  Handle type = caller.Make(H5Tcopy(H5T_C_S1), &H5Tclose, "cannot create a text type");
  caller.Check(H5Tset_size(type.get(), H5T_VARIABLE), "cannot create a text type");
  caller.Check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "cannot create a text type");
  return type;
}

// The type in the file, little-endian on every machine.
hid_t StoredType(DType type) {
  switch (type) {
    case DType::kU8:
      return H5T_STD_U8LE;
    case DType::kU16:
      return H5T_STD_U16LE;
    case DType::kU32:
      return H5T_STD_U32LE;
    case DType::kU64:
      return H5T_STD_U64LE;
    case DType::kI32:
      return H5T_STD_I32LE;
    case DType::kI64:
      return H5T_STD_I64LE;
    case DType::kF32:
      return H5T_IEEE_F32LE;
  }
  return H5I_INVALID_HID;
}

hid_t NativeType(DType type) {
  switch (type) {
    case DType::kU8:
      return H5T_NATIVE_UINT8;
    case DType::kU16:
      return H5T_NATIVE_UINT16;
    case DType::kU32:
      return H5T_NATIVE_UINT32;
    case DType::kU64:
      return H5T_NATIVE_UINT64;
    case DType::kI32:
      return H5T_NATIVE_INT32;
    case DType::kI64:
      return H5T_NATIVE_INT64;
    case DType::kF32:
      return H5T_NATIVE_FLOAT;
  }
  return H5I_INVALID_HID;
}

std::optional<DType> DTypeOf(hid_t type) {
  const size_t bytes = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT && bytes == 4) return DType::kF32;
  if (kind != H5T_INTEGER) return std::nullopt;
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  if (is_signed && bytes == 4) return DType::kI32;
  if (is_signed && bytes == 8) return DType::kI64;
  if (is_signed) return std::nullopt;
  if (bytes == 1) return DType::kU8;
  if (bytes == 2) return DType::kU16;
  if (bytes == 4) return DType::kU32;
  if (bytes == 8) return DType::kU64;
  return std::nullopt;
}

std::vector<hsize_t> ChunkOffset(uint64_t row, size_t rank) {
  std::vector<hsize_t> offset(rank, 0);
  offset[0] = row;
  return offset;
}

std::string ColumnName(const std::string& name) { return "column '" + name + "'"; }

herr_t CollectHardLinks(hid_t, const char* name, const H5L_info_t* link, void* names) {
  if (link->type == H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(names)->push_back(name);
  return 0;
}

herr_t CollectAttributeNames(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->push_back(name);
  return 0;
}

// Fills in what the creation properties say: chunks, filters, where the bytes lie.
void DescribeStorage(const Caller& caller, hid_t dataset, DatasetInfo* info) {
  const std::string what = ColumnName(info->name) + " cannot be read";
  const Handle creation = caller.Make(H5Dget_create_plist(dataset), &H5Pclose, what);
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  info->outside_storage = layout == H5D_VIRTUAL || H5Pget_external_count(creation.get()) > 0;
  if (layout != H5D_CHUNKED) return;
  info->chunk.resize(info->shape.size());
  caller.Check(
      H5Pget_chunk(creation.get(), static_cast<int>(info->chunk.size()), info->chunk.data()), what);
  std::vector<H5Z_filter_t> filters;
  for (int i = 0; i < H5Pget_nfilters(creation.get()); ++i) {
    unsigned flags = 0;
    size_t num_values = 0;
    unsigned config = 0;
    filters.push_back(H5Pget_filter2(creation.get(),
                                     static_cast<unsigned>(i),
                                     &flags,
                                     &num_values,
                                     nullptr,
                                     0,
                                     nullptr,
                                     &config));
  }
  info->shuffled = !filters.empty() && filters[0] == H5Z_FILTER_SHUFFLE;
  const std::vector<H5Z_filter_t> rest(filters.begin() + (info->shuffled ? 1 : 0), filters.end());
  info->plain_deflate = rest == std::vector<H5Z_filter_t>{H5Z_FILTER_DEFLATE};
}

std::string AttributeName(const std::string& name) { return "attribute '" + name + "'"; }

// Strings of a variable-length attribute; what the library allocated is freed here.
std::vector<std::string> ReadVariableTexts(
    const Caller& caller, hid_t attribute, hid_t space, size_t count, const std::string& what) {
  const Handle type = TextType(caller);
  // The character set must equal the stored one: HDF5 converts no text.
  const Handle stored = caller.Make(H5Aget_type(attribute), &H5Tclose, what);
  caller.Check(H5Tset_cset(type.get(), H5Tget_cset(stored.get())), what);
  std::vector<char*> pointers(count, nullptr);
  caller.Check(H5Aread(attribute, type.get(), pointers.data()), what);
  std::vector<std::string> texts;
  for (const char* pointer : pointers) texts.emplace_back(pointer == nullptr ? "" : pointer);
  H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, pointers.data());
  return texts;
}

std::vector<std::string> ReadFixedTexts(
    const Caller& caller, hid_t attribute, hid_t type, size_t count, const std::string& what) {
  const size_t width = H5Tget_size(type);
  std::vector<char> bytes(count * width);
  caller.Check(H5Aread(attribute, type, bytes.data()), what);
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) {
    const char* text = bytes.data() + i * width;
    texts.emplace_back(text, strnlen(text, width));
  }
  return texts;
}

std::vector<std::string> ReadIntegers(const Caller& caller,
                                      hid_t attribute,
                                      size_t count,
                                      const std::string& what) {
  std::vector<int64_t> numbers(count);
  caller.Check(H5Aread(attribute, H5T_NATIVE_INT64, numbers.data()), what);
  std::vector<std::string> texts;
  for (const int64_t number : numbers) texts.push_back(std::to_string(number));
  return texts;
}

void WriteAttribute(const Caller& caller,
                    const Handle& object,
                    const std::string& name,
                    hid_t stored_type,
                    hid_t memory_type,
                    const std::vector<hsize_t>& shape,
                    const void* data) {
  const std::string what = AttributeName(name) + " cannot be written";
  const Handle space = Space(caller, shape);
  const Handle attribute = caller.Make(
      H5Acreate2(object.get(), name.c_str(), stored_type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      &H5Aclose,
      what);
  if (H5Sget_simple_extent_npoints(space.get()) > 0) {
    caller.Check(H5Awrite(attribute.get(), memory_type, data), what);
  }
}

// Checked calls until one fails; 0 = none does.
std::atomic<int64_t> calls_until_failure{0};

}  // namespace

bool PlantedFailure() {
  return calls_until_failure.load(std::memory_order_relaxed) > 0 && --calls_until_failure == 0;
}

Session::Session() : lock_(LibraryMutex()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string ErrorStack() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, &AppendError, &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    Close();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    closer_ = other.closer_;
  }
  return *this;
}

void Handle::Close() {
  if (id_ < 0) return;
  const Session session;
  closer_(std::exchange(id_, H5I_INVALID_HID));
}

Handle Caller::Make(hid_t id, Handle::Closer closer, const std::string& what) const {
  Handle handle(id, closer);
  if (!handle.ok() || PlantedFailure()) Fail(what);
  return handle;
}

void Caller::Fail(const std::string& what) const {
  const std::string stack = ErrorStack();
  const std::string message =
      file_.string() + ": " + what + (stack.empty() ? "" : " (HDF5: " + stack + ")");
  if (kind_ == kWriting) throw EnvironmentError(message);
  throw DataError(message);
}

Handle CreateFileInMemory(const Caller& caller) {
  const Handle creation = Properties(caller, H5P_FILE_CREATE);
  caller.Check(H5Pset_obj_track_times(creation.get(), false), "cannot switch off time stamps");
  const Handle access = FileAccess(caller);
  caller.Check(H5Pset_fapl_core(access.get(), kMemoryStepBytes, false), "cannot use memory");
  return caller.Make(H5Fcreate(caller.file().c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                     &H5Fclose,
                     "cannot be created");
}

Handle OpenFileToRead(const Caller& caller) {
  const Handle access = FileAccess(caller);
  return caller.Make(H5Fopen(caller.file().c_str(), H5F_ACC_RDONLY, access.get()),
                     &H5Fclose,
                     "is no readable HDF5 file: truncated, damaged or of another format");
}

std::vector<uint8_t> FileImage(const Caller& caller, const Handle& file) {
  const std::string what = "cannot be completed in memory";
  caller.Check(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), what);
  const ssize_t size = caller.Check(H5Fget_file_image(file.get(), nullptr, 0), what);
  std::vector<uint8_t> image(static_cast<size_t>(size));
  caller.Check(H5Fget_file_image(file.get(), image.data(), image.size()), what);
  return image;
}

Handle CreateChunkedDataset(const Caller& caller,
                            const Handle& file,
                            const std::string& name,
                            DType type,
                            const std::vector<hsize_t>& shape,
                            const std::vector<hsize_t>& chunk,
                            int deflate_level) {
  const std::string what = ColumnName(name) + " cannot be created";
  const Handle creation = Properties(caller, H5P_DATASET_CREATE);
  caller.Check(H5Pset_obj_track_times(creation.get(), false), what);
  caller.Check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), what);
  caller.Check(H5Pset_shuffle(creation.get()), what);
  caller.Check(H5Pset_deflate(creation.get(), static_cast<unsigned>(deflate_level)), what);
  caller.Check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), what);
  const Handle space = Space(caller, shape);
  return caller.Make(H5Dcreate2(file.get(),
                                name.c_str(),
                                StoredType(type),
                                space.get(),
                                H5P_DEFAULT,
                                creation.get(),
                                H5P_DEFAULT),
                     &H5Dclose,
                     what);
}

void WriteChunk(const Caller& caller,
                const Handle& dataset,
                uint64_t row,
                size_t rank,
                const std::vector<uint8_t>& bytes) {
  caller.Check(
      H5Dwrite_chunk(
          dataset.get(), H5P_DEFAULT, 0, ChunkOffset(row, rank).data(), bytes.size(), bytes.data()),
      "row " + std::to_string(row) + " cannot be written");
}

std::vector<std::string> DatasetNames(const Caller& caller, const Handle& file) {
  std::vector<std::string> links;
  caller.Check(
      H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, &CollectHardLinks, &links),
      "cannot list the root group");
  std::vector<std::string> names;
  for (const std::string& name : links) {
    const Handle object = caller.Make(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT),
                                      &H5Oclose,
                                      ColumnName(name) + " cannot be opened");
    if (H5Iget_type(object.get()) == H5I_DATASET) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Handle OpenDataset(const Caller& caller, const Handle& file, const std::string& name) {
  return caller.Make(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT),
                     &H5Dclose,
                     ColumnName(name) + " cannot be opened");
}

DatasetInfo Describe(const Caller& caller, const Handle& dataset, const std::string& name) {
  const std::string what = ColumnName(name) + " cannot be read";
  DatasetInfo info;
  info.name = name;
  const Handle type = caller.Make(H5Dget_type(dataset.get()), &H5Tclose, what);
  info.type = DTypeOf(type.get());
  const Handle space = caller.Make(H5Dget_space(dataset.get()), &H5Sclose, what);
  const int rank = caller.Check(H5Sget_simple_extent_ndims(space.get()), what);
  info.shape.resize(static_cast<size_t>(rank));
  caller.Check(H5Sget_simple_extent_dims(space.get(), info.shape.data(), nullptr), what);
  DescribeStorage(caller, dataset.get(), &info);
  // Chunks are taken as they lie.
  info.plain_deflate &= H5Tget_size(type.get()) == 1 || H5Tget_order(type.get()) == H5T_ORDER_LE;
  return info;
}

std::optional<std::vector<uint8_t>> ReadChunk(
    const Caller& caller, const Handle& dataset, uint64_t row, size_t rank, size_t max_bytes) {
  const std::vector<hsize_t> offset = ChunkOffset(row, rank);
  hsize_t stored_bytes = 0;
  if (H5Dget_chunk_storage_size(dataset.get(), offset.data(), &stored_bytes) < 0) {
    H5Eclear2(H5E_DEFAULT);
    return std::nullopt;
  }
  if (stored_bytes == 0 || stored_bytes > max_bytes) return std::nullopt;
  std::vector<uint8_t> bytes(stored_bytes);
  uint32_t skipped_filters = 0;
  caller.Check(
      H5Dread_chunk(dataset.get(), H5P_DEFAULT, offset.data(), &skipped_filters, bytes.data()),
      "row " + std::to_string(row) + " cannot be read");
  if (skipped_filters != 0) return std::nullopt;
  return bytes;
}

uint64_t UserBlockBytes(const Caller& caller, const Handle& file) {
  const std::string what = "the file's creation properties cannot be read";
  const Handle creation = caller.Make(H5Fget_create_plist(file.get()), &H5Pclose, what);
  hsize_t bytes = 0;
  caller.Check(H5Pget_userblock(creation.get(), &bytes), what);
  return bytes;
}

std::optional<ChunkPlace> FindChunk(
    const Caller& caller, const Handle& dataset, uint64_t row, size_t rank, size_t max_bytes) {
  const std::vector<hsize_t> offset = ChunkOffset(row, rank);
  unsigned skipped_filters = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
  caller.Check(
      H5Dget_chunk_info_by_coord(dataset.get(), offset.data(), &skipped_filters, &address, &bytes),
      "row " + std::to_string(row) + " cannot be found");
  if (address == HADDR_UNDEF || skipped_filters != 0 || bytes == 0 || bytes > max_bytes) {
    return std::nullopt;
  }
  return ChunkPlace{address, static_cast<uint32_t>(bytes)};
}

void ReadRows(const Caller& caller,
              const Handle& dataset,
              const DatasetInfo& info,
              uint64_t first,
              uint64_t count,
              void* out) {
  const std::string what = ColumnName(info.name) + " cannot be read";
  std::vector<hsize_t> extent = info.shape;
  extent[0] = count;
  const Handle file_space = caller.Make(H5Dget_space(dataset.get()), &H5Sclose, what);
  caller.Check(H5Sselect_hyperslab(file_space.get(),
                                   H5S_SELECT_SET,
                                   ChunkOffset(first, extent.size()).data(),
                                   nullptr,
                                   extent.data(),
                                   nullptr),
               what);
  const Handle memory_space = Space(caller, extent);
  caller.Check(H5Dread(dataset.get(),
                       NativeType(*info.type),
                       memory_space.get(),
                       file_space.get(),
                       H5P_DEFAULT,
                       out),
               what);
}

void WriteText(const Caller& caller,
               const Handle& object,
               const std::string& name,
               const std::string& text) {
  const Handle type = TextType(caller);
  const char* pointer = text.c_str();
  WriteAttribute(caller, object, name, type.get(), type.get(), {}, &pointer);
}

void WriteList(const Caller& caller,
               const Handle& object,
               const std::string& name,
               const std::vector<std::string>& list) {
  const Handle type = TextType(caller);
  std::vector<const char*> pointers;
  for (const std::string& text : list) pointers.push_back(text.c_str());
  WriteAttribute(caller, object, name, type.get(), type.get(), {pointers.size()}, pointers.data());
}

void WriteNumber(const Caller& caller,
                 const Handle& object,
                 const std::string& name,
                 double number) {
  WriteAttribute(caller, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {}, &number);
}

void WriteIntegers(const Caller& caller,
                   const Handle& object,
                   const std::string& name,
                   const std::vector<hsize_t>& shape,
                   const std::vector<int32_t>& numbers) {
  WriteAttribute(caller, object, name, H5T_STD_I32LE, H5T_NATIVE_INT32, shape, numbers.data());
}

bool HasAttribute(const Caller& caller, const Handle& object, const std::string& name) {
  return caller.Check(H5Aexists(object.get(), name.c_str()),
                      AttributeName(name) + " cannot be read") > 0;
}

std::map<std::string, bool> TextAttributes(const Caller& caller, const Handle& object) {
  const std::string what = "the attributes cannot be listed";
  std::vector<std::string> names;
  caller.Check(
      H5Aiterate2(
          object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, &CollectAttributeNames, &names),
      what);
  std::map<std::string, bool> is_list;
  for (const std::string& name : names) {
    const Handle attribute =
        caller.Make(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), &H5Aclose, what);
    const Handle type = caller.Make(H5Aget_type(attribute.get()), &H5Tclose, what);
    if (H5Tget_class(type.get()) != H5T_STRING) continue;
    const Handle space = caller.Make(H5Aget_space(attribute.get()), &H5Sclose, what);
    is_list[name] = H5Sget_simple_extent_type(space.get()) != H5S_SCALAR;
  }
  return is_list;
}

double ReadNumber(const Caller& caller, const Handle& object, const std::string& name) {
  const std::string what = AttributeName(name) + " cannot be read as a number";
  const Handle attribute =
      caller.Make(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), &H5Aclose, what);
  const Handle space = caller.Make(H5Aget_space(attribute.get()), &H5Sclose, what);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) caller.Fail(what);
  double number = 0;
  caller.Check(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &number), what);
  return number;
}

std::vector<std::string> ReadTexts(const Caller& caller,
                                   const Handle& object,
                                   const std::string& name) {
  const std::string what = AttributeName(name) + " cannot be read";
  const Handle attribute =
      caller.Make(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), &H5Aclose, what);
  const Handle type = caller.Make(H5Aget_type(attribute.get()), &H5Tclose, what);
  const Handle space = caller.Make(H5Aget_space(attribute.get()), &H5Sclose, what);
  const auto count =
      static_cast<size_t>(caller.Check(H5Sget_simple_extent_npoints(space.get()), what));
  if (count == 0) return {};
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_INTEGER) return ReadIntegers(caller, attribute.get(), count, what);
  if (kind != H5T_STRING) caller.Fail(AttributeName(name) + " is neither text nor whole number");
  if (H5Tis_variable_str(type.get()) > 0) {
    return ReadVariableTexts(caller, attribute.get(), space.get(), count, what);
  }
  return ReadFixedTexts(caller, attribute.get(), type.get(), count, what);
}

}  // namespace handforge::h5

namespace handforge {

void FailHdf5CallAfter(int64_t calls) { h5::calls_until_failure = calls; }
bool Hdf5CallFailed() { return h5::calls_until_failure == 0; }

}  // namespace handforge
