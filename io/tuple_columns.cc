#include "io/tuple_columns.h"

#include "io/chunk_codec.h"
#include "io/core/error.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace handforge {
namespace {

template <typename T>
constexpr DType DTypeFor();
template <>
constexpr DType DTypeFor<uint8_t>() {
  return DType::kU8;
}
template <>
constexpr DType DTypeFor<uint16_t>() {
  return DType::kU16;
}
template <>
constexpr DType DTypeFor<uint32_t>() {
  return DType::kU32;
}
template <>
constexpr DType DTypeFor<uint64_t>() {
  return DType::kU64;
}
template <>
constexpr DType DTypeFor<int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType DTypeFor<int64_t>() {
  return DType::kI64;
}
template <>
constexpr DType DTypeFor<float>() {
  return DType::kF32;
}

// One number per row, kept in the file as `Stored`.
template <typename Stored, typename Member>
TupleColumn Scalar(const char* name, Member Tuple::*member, const char* help) {
  return {{name, DTypeFor<Stored>(), {}, false, help},
          [member](const Tuple& tuple, uint8_t* row) {
            const auto value = static_cast<Stored>(tuple.*member);
            std::memcpy(row, &value, sizeof value);
          },
          [member](const uint8_t* row, Tuple* tuple) {
            Stored value;
            std::memcpy(&value, row, sizeof value);
            tuple->*member = static_cast<Member>(value);
          }};
}

// A plain array of `Element`; `access` returns a reference to it from a Tuple.
template <typename Element, typename Access>
TupleColumn Array(const char* name,
                  std::vector<uint64_t> row_shape,
                  Access access,
                  const char* help) {
  return {{name, DTypeFor<Element>(), std::move(row_shape), false, help},
          [access](const Tuple& tuple, uint8_t* row) {
            const auto& array = access(tuple);
            std::memcpy(row, &array, sizeof array);
          },
          [access](const uint8_t* row, Tuple* tuple) {
            auto& array = access(*tuple);
            std::memcpy(&array, row, sizeof array);
          }};
}

// A fixed-size Eigen matrix of doubles, kept in single precision.
template <typename Matrix>
TupleColumn Joints(const char* name, Matrix Tuple::*member, const char* help) {
  constexpr auto kColumns = static_cast<uint64_t>(Matrix::ColsAtCompileTime);
  using Single =
      Eigen::Matrix<float, Matrix::RowsAtCompileTime, Matrix::ColsAtCompileTime, Eigen::RowMajor>;
  return {{name, DType::kF32, {kNumJoints, kColumns}, false, help},
          [member](const Tuple& tuple, uint8_t* row) {
            const Single single = (tuple.*member).template cast<float>();
            std::memcpy(row, single.data(), sizeof(float) * Single::SizeAtCompileTime);
          },
          [member](const uint8_t* row, Tuple* tuple) {
            Single single;
            std::memcpy(single.data(), row, sizeof(float) * Single::SizeAtCompileTime);
            tuple->*member = single.template cast<double>();
          }};
}

[[noreturn]] void Misfit(const Tuple& tuple,
                         const std::string& column,
                         const std::string& got,
                         const std::string& expected) {
  throw DataError("tuple " + std::to_string(tuple.index) + ": '" + column + "' is " + got +
                  ", the dataset's layout wants " + expected);
}

std::string SizeText(int width, int height, int channels) {
  return std::to_string(width) + "x" + std::to_string(height) + "x" + std::to_string(channels);
}

// {size_px, size_px} or {size_px, size_px, channels}.
template <typename T>
TupleColumn Picture(
    const char* name, Image<T> Tuple::*member, int size_px, int channels, const char* help) {
  std::vector<uint64_t> shape(2, static_cast<uint64_t>(size_px));
  if (channels > 1) shape.push_back(static_cast<uint64_t>(channels));
  const size_t count = static_cast<size_t>(size_px) * size_px * channels;
  const std::string column = name;
  return {{name, DTypeFor<T>(), shape, true, help},
          [=](const Tuple& tuple, uint8_t* row) {
            const Image<T>& image = tuple.*member;
            if (image.empty()) {
              std::memset(row, 0, count * sizeof(T));
              return;
            }
            const bool fits = image.width == size_px && image.height == size_px &&
                              image.channels == channels && image.pixels.size() == count;
            if (!fits) {
              Misfit(tuple,
                     column,
                     SizeText(image.width, image.height, image.channels),
                     SizeText(size_px, size_px, channels));
            }
            std::memcpy(row, image.pixels.data(), count * sizeof(T));
          },
          [=](const uint8_t* row, Tuple* tuple) {
            Image<T> image(size_px, size_px, channels);
            std::memcpy(image.pixels.data(), row, count * sizeof(T));
            tuple->*member = std::move(image);
          }};
}

TupleColumn CameraMatrix(int size_px) {
  using SingleK = Eigen::Matrix<float, 3, 3, Eigen::RowMajor>;
  return {{"K",
           DType::kF32,
           {3, 3},
           false,
           "pinhole matrix of the grid of depth and mask, px; pixel centres at integers"},
          [](const Tuple& tuple, uint8_t* row) {
            const SingleK K = tuple.camera.K().cast<float>();
            std::memcpy(row, K.data(), sizeof(float) * 9);
          },
          [size_px](const uint8_t* row, Tuple* tuple) {
            SingleK K;
            std::memcpy(K.data(), row, sizeof(float) * 9);
            tuple->camera = PinholeCamera::FromK(K.cast<double>(), size_px, size_px);
          }};
}

TupleColumn LatentCode(int dimension) {
  const auto count = static_cast<size_t>(dimension);
  return {{"z", DType::kF32, {count}, false, "latent code the tuple was decoded from"},
          [count](const Tuple& tuple, uint8_t* row) {
            if (tuple.z.empty()) {
              std::memset(row, 0, count * sizeof(float));
              return;
            }
            if (tuple.z.size() != count) {
              Misfit(
                  tuple, "z", std::to_string(tuple.z.size()) + " numbers", std::to_string(count));
            }
            std::memcpy(row, tuple.z.data(), count * sizeof(float));
          },
          [count](const uint8_t* row, Tuple* tuple) {
            tuple->z.resize(count);
            std::memcpy(tuple->z.data(), row, count * sizeof(float));
          }};
}

void AddImages(const TupleLayout& layout, std::vector<TupleColumn>* table) {
  table->push_back(Picture("rgb",
                           &Tuple::rgb,
                           layout.rgb_px,
                           3,
                           "colour image of the same field of view, its own grid"));
  table->push_back(Picture("depth",
                           &Tuple::depth,
                           layout.image_px,
                           1,
                           "z along the optical axis in units of scale_mm; 0 = background"));
  table->push_back(Picture("mask",
                           &Tuple::mask,
                           layout.image_px,
                           1,
                           "part id: 0 background, 1 palm, 2-16 segments, 17 forearm, 18+ other"));
  if (layout.rgb_rendered) {
    table->push_back(Picture("rgb_rendered",
                             &Tuple::rgb_rendered,
                             layout.rgb_px,
                             3,
                             "the label rendered with skin of the tone of rgb, its grid"));
  }
  if (layout.small_px == 0) return;
  table->push_back(
      Picture("rgb_small", &Tuple::rgb_small, layout.small_px, 3, "rgb at a smaller size"));
  table->push_back(Picture("depth_small",
                           &Tuple::depth_small,
                           layout.small_px,
                           1,
                           "depth traced at a smaller size, units of scale_mm of depth"));
  table->push_back(Picture(
      "mask_small", &Tuple::mask_small, layout.small_px, 1, "mask traced at a smaller size"));
}

void AddLabels(const TupleLayout& layout, std::vector<TupleColumn>* table) {
  table->push_back(Joints("joints_3d",
                          &Tuple::joints_in_cam,
                          "joints in the camera frame, mm: x right, y down, z forward"));
  table->push_back(Joints("joints_2d", &Tuple::joints_px, "joints on the grid of depth, px: u, v"));
  table->push_back(Array<uint8_t>(
      "visible",
      {kNumJoints},
      [](auto& tuple) -> auto& { return tuple.visible; },
      "per joint, see attribute visibility_names; 255 = unknown"));
  table->push_back(CameraMatrix(layout.image_px));
  table->push_back(Scalar<uint8_t>("handedness", &Tuple::handedness, "0 left, 1 right"));
  table->push_back(Array<float>(
      "bbox",
      {4},
      [](auto& tuple) -> auto& { return tuple.bbox_px; },
      "box around the hand's mask on the grid of depth, px: x, y, w, h"));
}

void AddRig(std::vector<TupleColumn>* table) {
  table->push_back(Array<float>(
      "rig_origin",
      {kNumBones, 3},
      [](auto& tuple) -> auto& { return tuple.rig.origin_in_cam_mm; },
      "origin of each bone in the camera frame, mm"));
  table->push_back(Array<float>(
      "rig_rotation",
      {kNumBones, 4},
      [](auto& tuple) -> auto& { return tuple.rig.rotation_xyzw; },
      "orientation of each bone, unit quaternion x, y, z, w"));
  table->push_back(Array<float>(
      "rig_scale",
      {kNumBones, 3},
      [](auto& tuple) -> auto& { return tuple.rig.scale; },
      "scale of each bone: breadth, thickness, length; 1 = as modelled"));
}

void AddIdentity(std::vector<TupleColumn>* table) {
  table->push_back(Scalar<uint64_t>("index", &Tuple::index, "number of the tuple in the run"));
  table->push_back(Scalar<uint64_t>("seed", &Tuple::seed, "seed of the run"));
  table->push_back(Scalar<uint32_t>(
      "attempt", &Tuple::attempt, "which attempt was accepted: (seed, index, attempt) replays"));
  table->push_back(
      Scalar<int64_t>("image_id", &Tuple::image_id, "shared by hands of one image; -1 = unknown"));
  table->push_back(Scalar<int32_t>("view_id", &Tuple::view_id, "camera among those of one scene"));
  table->push_back(Scalar<int64_t>("sequence_id", &Tuple::sequence_id, "-1 = no sequence"));
  table->push_back(Scalar<int32_t>("frame", &Tuple::frame, "frame within the sequence"));
  table->push_back(Scalar<int32_t>(
      "gesture", &Tuple::gesture, "position in attribute gesture_names; -1 = unknown"));
  table->push_back(
      Scalar<int64_t>("subject", &Tuple::subject, "one hand shape and skin; -1 = unknown"));
  table->push_back(Scalar<uint32_t>(
      "present", &Tuple::present, "bit k: modality k of attribute present_bits is there"));
  table->push_back(Scalar<uint8_t>("labelled", &Tuple::labelled, "1 = use the labels to train"));
  table->push_back(Scalar<uint8_t>("split", &Tuple::split, "0 train, 1 validation, 2 test"));
  table->push_back(Scalar<uint8_t>(
      "source", &Tuple::source, "0 rendered, 1 decoded, 2 imported, 3 pseudo-labelled"));
}

void AddPhoto(std::vector<TupleColumn>* table) {
  static_assert(sizeof(PhotoSettings) == 7 * sizeof(float));
  table->push_back(Array<float>(
      "photo",
      {7},
      [](auto& tuple) -> auto& { return tuple.photo; },
      "camera of the picture: exposure, red gain, blue gain, blur px, shot noise, read noise, "
      "JPEG quality (0 = not compressed)"));
}

void AddDecoded(const TupleLayout& layout, std::vector<TupleColumn>* table) {
  table->push_back(Picture(
      "alpha", &Tuple::alpha, layout.rgb_px, 1, "decoded opacity on the grid of rgb; 255 = hand"));
  table->push_back(Joints("decoded_3d",
                          &Tuple::decoded_joints_in_cam,
                          "what the 3D decoder said, in the camera frame, mm, before fitting"));
  table->push_back(Joints("decoded_2d",
                          &Tuple::decoded_joints_px,
                          "what the 2D decoder said, on the grid of depth, px"));
  table->push_back(Scalar<float>("quality_residual_px",
                                 &Tuple::quality_residual_px,
                                 "RMS distance of decoded_2d to joints_2d, px"));
  table->push_back(Scalar<float>(
      "quality_fit_mm", &Tuple::quality_fit_mm, "RMS distance of decoded_3d to joints_3d, mm"));
  table->push_back(Scalar<float>("quality_silhouette_iou",
                                 &Tuple::quality_silhouette_iou,
                                 "decoded alpha against the ray-traced mask, 0 to 1"));
}

void AddLineage(std::vector<TupleColumn>* table) {
  table->push_back(Scalar<uint8_t>("latent_method",
                                   &Tuple::latent_method,
                                   "how z came about, see attribute latent_method_names"));
  table->push_back(Array<int64_t>(
      "parents",
      {2},
      [](auto& tuple) -> auto& { return tuple.parents; },
      "tuples or stored posteriors that z was derived from; -1 = none"));
  table->push_back(
      Scalar<float>("quality_cycle_rgb_mm",
                    &Tuple::quality_cycle_rgb_mm,
                    "rgb encoded, decoded to 3D: mean distance to decoded_3d, mm; -1"));
  table->push_back(Scalar<float>("quality_cycle_2d_mm",
                                 &Tuple::quality_cycle_2d_mm,
                                 "the same of decoded_2d, mm; -1 = not measured"));
}

// One member of `Tuple::augmentation`.
template <typename Stored>
TupleColumn Augmented(const char* name, Stored Augmentation::*member, const char* help) {
  return Array<Stored>(
      name, {}, [member](auto& t) -> auto& { return t.augmentation.*member; }, help);
}

void AddAugmentation(std::vector<TupleColumn>* table) {
  table->push_back(Augmented<uint32_t>(
      "augmented", &Augmentation::applied, "bit k: what attribute augmented_names says was done"));
  table->push_back(Augmented<uint64_t>("source_index",
                                       &Augmentation::source_index,
                                       "index of the tuple in the dataset it was made from"));
  table->push_back(Augmented<uint32_t>(
      "augment_attempt", &Augmentation::attempt, "which draw of the camera's move was accepted"));
  table->push_back(Array<float>(
      "augment_numbers",
      {kNumAugmentNumbers},
      [](auto& t) -> auto& { return t.augmentation.numbers; },
      "what was drawn, named by attribute augment_number_names"));
}

// Members of Tuple::objects, one array each.
template <typename Stored, typename Member>
TupleColumn OfObjects(const char* name,
                      std::vector<uint64_t> row_shape,
                      Member SceneObject::*member,
                      const char* help) {
  return {{name, DTypeFor<Stored>(), std::move(row_shape), false, help},
          [member](const Tuple& tuple, uint8_t* row) {
            for (const SceneObject& object : tuple.objects) {
              std::memcpy(row, &(object.*member), sizeof(Member));
              row += sizeof(Member);
            }
          },
          [member](const uint8_t* row, Tuple* tuple) {
            for (SceneObject& object : tuple->objects) {
              std::memcpy(&(object.*member), row, sizeof(Member));
              row += sizeof(Member);
            }
          }};
}

void AddObjects(std::vector<TupleColumn>* table) {
  table->push_back(
      OfObjects<int32_t>("object_shape",
                         {kMaxObjects},
                         &SceneObject::shape,
                         "position in attribute object_names of each object; -1 = none"));
  table->push_back(
      OfObjects<float>("object_size",
                       {kMaxObjects, 3},
                       &SceneObject::size_mm,
                       "sides of the box the shape fills, mm; x negative = mirrored shape"));
  table->push_back(OfObjects<float>("object_rotation",
                                    {kMaxObjects, 4},
                                    &SceneObject::rotation_xyzw,
                                    "orientation in the camera frame, quaternion x, y, z, w"));
  table->push_back(OfObjects<float>("object_origin",
                                    {kMaxObjects, 3},
                                    &SceneObject::origin_in_cam_mm,
                                    "centre of the box in the camera frame, mm"));
}

void AddOtherHand(std::vector<TupleColumn>* table) {
  table->push_back(Scalar<uint8_t>(
      "other_hand", &Tuple::other_hand, "beside it: 0 none, 1 a hand of its side, 2 of the other"));
  table->push_back(Array<float>(
      "other_origin",
      {kNumBones, 3},
      [](auto& tuple) -> auto& { return tuple.other_rig.origin_in_cam_mm; },
      "rig_origin of the other hand"));
  table->push_back(Array<float>(
      "other_rotation",
      {kNumBones, 4},
      [](auto& tuple) -> auto& { return tuple.other_rig.rotation_xyzw; },
      "rig_rotation of the other hand"));
  table->push_back(Array<float>(
      "other_scale",
      {kNumBones, 3},
      [](auto& tuple) -> auto& { return tuple.other_rig.scale; },
      "rig_scale of the other hand"));
}

void AddCrop(std::vector<TupleColumn>* table) {
  table->push_back(Array<float>(
      "crop_rotation",
      {3, 3},
      [](auto& tuple) -> auto& { return tuple.crop_from_cam; },
      "rotation of the crop's camera: x_in_crop = crop_rotation x_in_cam of the whole picture"));
  table->push_back(Array<float>(
      "picture_K",
      {3, 3},
      [](auto& tuple) -> auto& { return tuple.picture_K; },
      "pinhole matrix of the whole picture, px"));
}

void AddOptional(const TupleLayout& layout, std::vector<TupleColumn>* table) {
  const int px = layout.image_px;
  if (layout.Has("objects")) AddObjects(table);
  if (layout.Has("other_hand")) AddOtherHand(table);
  if (layout.Has("depth_sensor")) {
    table->push_back(Picture("depth_sensor",
                             &Tuple::depth_sensor,
                             px,
                             1,
                             "what a depth camera would report, units of scale_mm; 0 = nothing"));
  }
  if (layout.Has("instance")) {
    table->push_back(Picture("instance",
                             &Tuple::instance,
                             px,
                             1,
                             "0 background, 1 hand, 2 its arm, 3 other hand, 4+ objects"));
  }
  if (layout.Has("normals")) {
    table->push_back(Picture("normals",
                             &Tuple::normals,
                             px,
                             3,
                             "128 + 127 n, n the unit normal in the camera frame; 0 = background"));
  }
  if (layout.Has("correspondence")) {
    table->push_back(
        Picture("correspondence",
                &Tuple::correspondence,
                px,
                3,
                "triangle of the mesh + 1, weights of its 2nd and 3rd corner / 65535"));
  }
  if (layout.Has("previous_2d")) {
    table->push_back(Picture("previous_2d",
                             &Tuple::previous_px,
                             px,
                             2,
                             "where the surface point was one frame earlier, px; 0 = background"));
  }
  if (layout.Has("visible_fraction")) {
    table->push_back(Array<float>(
        "visible_fraction",
        {kNumSegments},
        [](auto& tuple) -> auto& { return tuple.visible_fraction; },
        "share of each finger segment's skin towards the camera that shows"));
  }
  if (layout.Has("crop")) AddCrop(table);
}

void CheckLayout(const TupleLayout& layout) {
  for (const std::string& column : layout.columns) {
    if (std::find(kOptionalColumns.begin(), kOptionalColumns.end(), column) ==
        kOptionalColumns.end()) {
      throw UsageError("tuple layout: optional column '" + column + "' is unknown");
    }
  }
  if (layout.image_px >= 1 && layout.rgb_px >= 1 && layout.latent_dim >= 0) return;
  throw UsageError("tuple layout: image_px " + std::to_string(layout.image_px) + ", rgb_px " +
                   std::to_string(layout.rgb_px) + ", latent_dim " +
                   std::to_string(layout.latent_dim) + "; expected sizes >= 1 and latent_dim >= 0");
}

}  // namespace

const std::vector<std::string> kOptionalColumns = {"objects",
                                                   "other_hand",
                                                   "depth_sensor",
                                                   "instance",
                                                   "normals",
                                                   "correspondence",
                                                   "previous_2d",
                                                   "visible_fraction",
                                                   "crop"};

bool TupleLayout::Has(const std::string& column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

std::vector<TupleColumn> TupleColumnTable(const TupleLayout& layout) {
  CheckLayout(layout);
  std::vector<TupleColumn> table;
  AddImages(layout, &table);
  AddLabels(layout, &table);
  AddRig(&table);
  AddIdentity(&table);
  if (layout.photo) AddPhoto(&table);
  AddOptional(layout, &table);
  if (layout.decoded) AddDecoded(layout, &table);
  if (layout.lineage) AddLineage(&table);
  if (layout.latent_dim > 0) table.push_back(LatentCode(layout.latent_dim));
  if (layout.augmented) AddAugmentation(&table);
  return table;
}

size_t SizeOf(DType type) {
  switch (type) {
    case DType::kU8:
      return 1;
    case DType::kU16:
      return 2;
    case DType::kU32:
    case DType::kI32:
    case DType::kF32:
      return 4;
    case DType::kU64:
    case DType::kI64:
      return 8;
  }
  return 0;
}

const char* DTypeName(DType type) {
  switch (type) {
    case DType::kU8:
      return "uint8";
    case DType::kU16:
      return "uint16";
    case DType::kU32:
      return "uint32";
    case DType::kU64:
      return "uint64";
    case DType::kI32:
      return "int32";
    case DType::kI64:
      return "int64";
    case DType::kF32:
      return "float32";
  }
  return "unknown";
}

size_t Column::RowBytes() const {
  size_t bytes = SizeOf(type);
  for (const uint64_t extent : row_shape) bytes *= extent;
  return bytes;
}

std::vector<Column> TupleColumns(const TupleLayout& layout) {
  std::vector<Column> columns;
  for (TupleColumn& entry : TupleColumnTable(layout)) columns.push_back(std::move(entry.column));
  return columns;
}

EncodedTuple EncodeTuple(const Tuple& tuple, const TupleLayout& layout, int deflate_level) {
  EncodedTuple encoded;
  encoded.index = tuple.index;
  for (const TupleColumn& entry : TupleColumnTable(layout)) {
    std::vector<uint8_t> row(entry.column.RowBytes());
    entry.store(tuple, row.data());
    if (entry.column.chunk_per_row) {
      row = EncodeChunk(row.data(), row.size(), SizeOf(entry.column.type), deflate_level);
    }
    encoded.columns.push_back(std::move(row));
  }
  return encoded;
}

}  // namespace handforge
