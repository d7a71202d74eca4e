#include "io/export/coco.h"

#include "io/core/error.h"
#include "io/export/grid_labels.h"
#include "io/export/new_folder.h"
#include "io/files.h"
#include "io/hand_box.h"
#include "io/image_file.h"
#include "io/json_text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace handforge {
namespace {

namespace fs = std::filesystem;

// Of a box, where there is no mask: what mmpose takes for the area.
constexpr double kHandOfBox = 0.53;
constexpr int kCategory = 1;
constexpr int kNumSplits = 3;

// Values of v in COCO's keypoints.
enum Flag : int { kUnlabelled = 0, kLabelledHidden = 1, kLabelledVisible = 2 };

// ---- What is the same in every file -------------------------------------------------------------

// As mmpose names them.
LabelJson KeypointNames() {
  LabelJson names = {"wrist"};
  for (const char* finger :
       {"thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger"}) {
    for (int joint = 1; joint <= 4; ++joint) names.push_back(finger + std::to_string(joint));
  }
  return names;
}

// Pairs counted from 1.
LabelJson Skeleton() {
  LabelJson pairs = LabelJson::array();
  for (const auto& [parent, child] : Edges()) {
    pairs.push_back(LabelJson::array({parent + 1, child + 1}));
  }
  return pairs;
}

LabelJson Categories() {
  LabelJson category;
  category["id"] = kCategory;
  category["name"] = "hand";
  category["supercategory"] = "hand";
  category["keypoints"] = KeypointNames();
  category["skeleton"] = Skeleton();
  return LabelJson::array({category});
}

LabelJson Licences(const Manifest& manifest) {
  LabelJson licences = LabelJson::array();
  for (const std::string& name : manifest.licences) {
    LabelJson licence;
    licence["id"] = licences.size() + 1;
    licence["name"] = name;
    licence["url"] = "";
    licences.push_back(std::move(licence));
  }
  return licences;
}

LabelJson Info(const Dataset& dataset) {
  LabelJson info;
  info["description"] = "hands, exported by handforge";
  info["version"] = dataset.manifest().generator;
  info["dataset_sha256"] = Sha256OfFile(ManifestPath(dataset.folder()));
  info["units"] = "joints_3d_mm: mm, camera frame x right, y down, z forward";
  return info;
}

// ---- One row ------------------------------------------------------------------------------------

// Rows of one picture; anything that would make them different pictures is in the hash.
using ImageKey = std::tuple<size_t, Split, int64_t, std::string>;

struct CocoRow {
  uint64_t id = 0;  // of the annotation, and of the image where this row is its first; from 1
  Split split = Split::kTrain;
  bool has_colours = false;
  std::optional<ImageKey> key;            // none: no other row shares the picture
  std::string name;                       // "00000000.png"
  std::vector<uint8_t> rgb, depth, mask;  // PNG; empty where there is none
  LabelJson image;                        // but for its files
  std::optional<LabelJson> annotation;    // but for image_id
};

std::string FileName(uint64_t row) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.png", static_cast<unsigned long long>(row));
  return name;
}

bool Has(const Tuple& t, uint32_t bit) { return (t.present & bit) != 0; }

int FlagOf(const Tuple& t, int joint, const GridLabels& labels) {
  const bool outside =
      t.visible[joint] == kOutOfFrame || !labels.camera.Contains(labels.joints_px.row(joint));
  if (outside) return kUnlabelled;
  return t.visible[joint] == kVisible ? kLabelledVisible : kLabelledHidden;
}

// At the corners of pixels, as pycocotools has it (a mask whose first column is 10 has x = 10), and
// within the picture.
std::array<double, 4> CocoBox(const GridLabels& labels) {
  const auto inside = [&labels](double edge) {
    return std::clamp(edge + 0.5, 0.0, static_cast<double>(labels.size_px));
  };
  const auto& [x, y, width, height] = labels.bbox_px;
  return {inside(x), inside(y), inside(x + width) - inside(x), inside(y + height) - inside(y)};
}

double AreaOf(const Tuple& t, const GridLabels& labels, const std::array<double, 4>& box) {
  if (!Has(t, kHasMask)) return kHandOfBox * box[2] * box[3];
  const double scale = static_cast<double>(labels.size_px) / t.mask.width;
  return CountHandPixels(t.mask) * scale * scale;
}

LabelJson Annotation(const Tuple& t, const GridLabels& labels, uint64_t id) {
  const std::array<double, 4> box = CocoBox(labels);
  LabelJson keypoints = LabelJson::array();
  int labelled = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    const int flag = FlagOf(t, j, labels);
    for (int c = 0; c < 2; ++c) {
      keypoints.push_back(flag == kUnlabelled ? 0 : static_cast<float>(labels.joints_px(j, c)));
    }
    keypoints.push_back(flag);
    labelled += flag != kUnlabelled;
  }
  LabelJson annotation;
  annotation["id"] = id;
  annotation["category_id"] = kCategory;
  annotation["iscrowd"] = 0;
  annotation["bbox"] = JsonOf(box);
  annotation["area"] = static_cast<float>(AreaOf(t, labels, box));
  annotation["num_keypoints"] = labelled;
  annotation["keypoints"] = std::move(keypoints);
  annotation["handedness"] = NameOf(t.handedness);
  annotation["K"] = JsonOf(labels.camera);
  if (Has(t, kHasJoints3)) annotation["joints_3d_mm"] = JsonOf(t.joints_in_cam);
  if (IsCrop(t)) {
    annotation["crop_rotation"] = JsonOf(t.crop_from_cam);
    annotation["picture_K"] = JsonOf(t.picture_K);
  }
  return annotation;
}

std::optional<ImageKey> KeyOf(size_t run, const Tuple& t) {
  if (t.image_id < 0) return std::nullopt;
  const PinholeCamera& c = t.camera;
  std::string shown(t.rgb.pixels.begin(), t.rgb.pixels.end());
  shown.append(reinterpret_cast<const char*>(t.depth.pixels.data()),
               t.depth.pixels.size() * sizeof(uint16_t));
  for (const double number : {c.fx, c.fy, c.cx, c.cy}) shown += std::to_string(number) + " ";
  return ImageKey{run, t.split, t.image_id, Sha256(shown.data(), shown.size())};
}

CocoRow MakeRow(size_t run, uint64_t row, const Tuple& t) {
  CocoRow made;
  made.id = row + 1;
  made.split = t.split;
  made.has_colours = Has(t, kHasRgb);
  if (!made.has_colours) return made;
  made.name = FileName(row);
  made.key = KeyOf(run, t);
  made.rgb = EncodePng(t.rgb);
  if (Has(t, kHasDepth)) made.depth = EncodePng(t.depth);
  made.image["id"] = made.id;
  made.image["width"] = t.rgb.width;
  made.image["height"] = t.rgb.height;
  if (!t.labelled || !Has(t, kHasJoints2)) return made;
  if (Has(t, kHasMask)) made.mask = EncodePng(t.mask);
  made.annotation = Annotation(t, LabelsOnGrid(t, t.rgb.width), made.id);
  return made;
}

// ---- One file -----------------------------------------------------------------------------------

// Annotations go to the file as they come, images, which are short, at the end.
class CocoFile {
 public:
  CocoFile(fs::path path, const Dataset& dataset) : path_(std::move(path)), file_(path_) {
    file_ << "{\"info\": " << JsonText(Info(dataset), -1)
          << ",\n\"licenses\": " << JsonText(Licences(dataset.manifest()), -1)
          << ",\n\"categories\": " << JsonText(Categories(), -1) << ",\n\"annotations\": [";
    RequireWritten();
  }

  void AddAnnotation(const LabelJson& annotation) {
    file_ << (annotations_++ == 0 ? "\n" : ",\n") << JsonText(annotation, -1);
    RequireWritten();
  }
  void AddImage(const LabelJson& image) {
    images_ += (images_.empty() ? "\n" : ",\n") + JsonText(image, -1);
  }
  void Close() {
    file_ << "],\n\"images\": [" << images_ << "]}\n";
    file_.close();
    RequireWritten();
  }

 private:
  void RequireWritten() const {
    if (file_) return;
    throw EnvironmentError(path_.string() + ": cannot be written: " + std::strerror(errno));
  }

  fs::path path_;
  std::ofstream file_;
  std::string images_;
  uint64_t annotations_ = 0;
};

class CocoFolder {
 public:
  CocoFolder(const Dataset& dataset, const fs::path& out) : dataset_(dataset), folder_(out) {
    folder_.MakeFolder("annotations");
  }

  void Add(CocoRow row) {
    if (!row.has_colours) {
      ++counts_.without_colours;
      return;
    }
    const auto split = static_cast<size_t>(row.split);
    if (files_[split] == nullptr) Begin(row.split);
    const uint64_t image_id = ImageOf(&row);
    if (!row.annotation) return;
    (*row.annotation)["image_id"] = image_id;
    if (!row.mask.empty()) {
      (*row.annotation)["mask_file_name"] = WriteTo(row, "_mask/", row.mask);
    }
    files_[split]->AddAnnotation(*row.annotation);
    ++counts_.annotations[split];
  }

  CocoCounts Finish() {
    for (const auto& file : files_) {
      if (file != nullptr) file->Close();
    }
    if (counts_.images == std::array<uint64_t, kNumSplits>{}) {
      throw DataError(dataset_.folder().string() + ": none of its " +
                      std::to_string(dataset_.size()) +
                      " tuples has a colour picture, which a COCO image is; export --webdataset "
                      "takes depth alone");
    }
    folder_.Publish();
    return counts_;
  }

 private:
  void Begin(Split split) {
    const std::string name = NameOf(split);
    for (const char* kind : {"", "_depth", "_mask"}) folder_.MakeFolder(name + kind);
    files_[static_cast<size_t>(split)] =
        std::make_unique<CocoFile>(folder_.path() / "annotations" / (name + ".json"), dataset_);
  }

  // The image that the row is of; written where it is the first of its rows.
  uint64_t ImageOf(CocoRow* row) {
    if (row->key) {
      const auto [known, is_new] = images_.insert({*row->key, row->id});
      if (!is_new) return known->second;
    }
    row->image["file_name"] = WriteTo(*row, "/", row->rgb);
    if (!row->depth.empty()) {
      row->image["depth_file_name"] = WriteTo(*row, "_depth/", row->depth);
      row->image["depth_scale_mm"] = static_cast<float>(kDepthUnitMm);
    }
    files_[static_cast<size_t>(row->split)]->AddImage(row->image);
    ++counts_.images[static_cast<size_t>(row->split)];
    return row->id;
  }

  std::string WriteTo(const CocoRow& row, const char* kind, const std::vector<uint8_t>& bytes) {
    std::string name = NameOf(row.split) + kind + row.name;
    folder_.Write(name, bytes);
    return name;
  }

  const Dataset& dataset_;
  NewFolder folder_;
  std::array<std::unique_ptr<CocoFile>, kNumSplits> files_;
  std::map<ImageKey, uint64_t> images_;
  CocoCounts counts_;
};

}  // namespace

CocoCounts ExportCoco(const Dataset& dataset, const fs::path& out, const ExportOptions& options) {
  CocoFolder folder(dataset, out);
  ForEachTuple<CocoRow>(
      dataset, options, MakeRow, [&folder](CocoRow row) { folder.Add(std::move(row)); });
  return folder.Finish();
}

}  // namespace handforge
