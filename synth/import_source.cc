#include "synth/import_source.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "io/files.h"
#include "io/hand_box.h"
#include "io/import/crop_camera.h"
#include "synth/provenance.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Geometry>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTuplesPerBlock = 8;
// On average no hands' bones are like that.
constexpr double kShortestBoneMm = 10;
constexpr double kLongestBoneMm = 200;

int JointsInPicture(const PublishedHand& hand) {
  int inside = 0;
  for (int j = 0; j < kNumJoints; ++j) {
    inside += hand.camera.Contains(hand.camera.Project(Eigen::Vector3d(hand.joints_in_cam.row(j))));
  }
  return inside;
}

// ---- Which hands --------------------------------------------------------------------------------

bool IsHeldOut(const ImportOptions& options, const PublishedHand& hand) {
  const auto& held_out = options.test_subjects;
  return std::find(held_out.begin(), held_out.end(), std::to_string(hand.subject)) !=
         held_out.end();
}

Split SplitOf(const ImportOptions& options, const PublishedHand& hand) {
  return IsHeldOut(options, hand) ? Split::kTest : hand.split;
}

// Why a hand is left out, null where it is not.
const char* FaultOf(const ImportOptions& options, const PublishedHand& hand) {
  if (JointsInPicture(hand) < options.least_in_picture * kNumJoints) return "out_of_the_picture";
  try {
    const CropCamera crop = CropAround(hand.joints_in_cam, 1, options.fill);
    // What the crop spans at the distance of 1, in pixels of the picture.
    if (hand.camera.fx / crop.camera.fx < static_cast<double>(options.smallest_px)) {
      return "too_small";
    }
  } catch (const DataError&) {
    return "no_crop";
  }
  return nullptr;
}

void ChooseHands(ImportWorld* world) {
  const ImportOptions& options = world->options;
  const std::vector<PublishedHand>& hands = world->dataset->hands();
  for (size_t i = 0; i < hands.size(); ++i) {
    const bool is_test = SplitOf(options, hands[i]) == Split::kTest;
    if (options.split != "all" && is_test != (options.split == "test")) continue;
    if (const char* fault = FaultOf(options, hands[i])) {
      ++world->left_out[fault];
    } else {
      world->rows.push_back(i);
    }
  }
  if (options.count <= 0 || static_cast<uint64_t>(options.count) >= world->rows.size()) return;
  const auto count = static_cast<size_t>(options.count);
  std::vector<size_t> some;
  for (size_t i = 0; i < count; ++i) some.push_back(world->rows[i * world->rows.size() / count]);
  world->rows = std::move(some);
}

// ---- Validation ---------------------------------------------------------------------------------

// Pictures that may not be parted: of one person, else of one sequence, else one picture.
using Group = std::pair<int, int64_t>;
Group GroupOf(const PublishedHand& hand) {
  if (hand.subject >= 0) return {0, hand.subject};
  if (hand.sequence_id >= 0) return {1, hand.sequence_id};
  return {2, hand.image_id};
}

std::set<Group> ValidationGroups(const ImportWorld& world) {
  std::set<Group> groups;
  for (size_t i = 0; i < world.rows.size(); ++i) {
    if (world.splits[i] == Split::kTrain) {
      groups.insert(GroupOf(world.dataset->hands()[world.rows[i]]));
    }
  }
  const double share = world.options.validation_share;
  if (share <= 0 || groups.size() < 2) return {};
  std::vector<std::pair<uint64_t, Group>> order;
  for (const Group& group : groups) {
    Random random(world.options.seed, static_cast<uint64_t>(group.second), 0, Purpose::kSplit);
    order.emplace_back(random.NextU64(), group);
  }
  std::sort(order.begin(), order.end());
  const auto wanted = static_cast<size_t>(std::lround(share * static_cast<double>(groups.size())));
  std::set<Group> chosen;
  for (size_t i = 0; i < std::clamp<size_t>(wanted, 1, groups.size() - 1); ++i) {
    chosen.insert(order[i].second);
  }
  return chosen;
}

void ChooseSplits(ImportWorld* world) {
  const std::vector<PublishedHand>& hands = world->dataset->hands();
  for (const size_t row : world->rows) world->splits.push_back(SplitOf(world->options, hands[row]));
  const bool has_validation =
      std::count(world->splits.begin(), world->splits.end(), Split::kValidation) > 0;
  if (has_validation) return;
  const std::set<Group> validation = ValidationGroups(*world);
  for (size_t i = 0; i < world->rows.size(); ++i) {
    if (world->splits[i] == Split::kTrain && validation.count(GroupOf(hands[world->rows[i]])) > 0) {
      world->splits[i] = Split::kValidation;
    }
  }
}

// What others publish stays as it is.
void RequireOutside(const ImportOptions& options) {
  const fs::path inside =
      fs::weakly_canonical(options.out).lexically_relative(fs::weakly_canonical(options.folder));
  if (inside.empty() || *inside.begin() == "..") return;
  throw UsageError("import.out " + options.out + " lies in the dataset itself, " + options.folder +
                   "; choose another --out");
}

void RequireSubjects(const ImportWorld& world) {
  for (const std::string& subject : world.options.test_subjects) {
    const auto& hands = world.dataset->hands();
    if (std::any_of(hands.begin(), hands.end(), [&subject](const PublishedHand& hand) {
          return hand.subject >= 0 && std::to_string(hand.subject) == subject;
        })) {
      continue;
    }
    throw UsageError("import.test_subjects: no hand in " + world.options.folder +
                     " is of a person numbered '" + subject + "'");
  }
}

// ---- Whether labels are what they are taken for -------------------------------------------------

// Of a hand whose fingers are at all curled; a right one's thumb side lies so that this is
// positive.
bool CurlsLike(Handedness side, const Joints3& joints) {
  const auto from_wrist = [&joints](int joint) {
    return Eigen::Vector3d(joints.row(joint) - joints.row(kWrist));
  };
  Eigen::Vector3d fingers = Eigen::Vector3d::Zero();
  for (int finger = kIndex; finger <= kLittle; ++finger) {
    fingers += from_wrist(FingerJoint(finger, 3)) - from_wrist(FingerJoint(finger, 0));
  }
  const double right = from_wrist(kIndexMcp).cross(from_wrist(kLittleMcp)).dot(fingers);
  return (right > 0) == (side == Handedness::kRight);
}

int64_t SubjectsInSeveralSplits(const ImportWorld& world) {
  std::map<int64_t, std::set<Split>> splits;
  for (size_t i = 0; i < world.rows.size(); ++i) {
    const int64_t subject = world.dataset->hands()[world.rows[i]].subject;
    if (subject >= 0) splits[subject].insert(world.splits[i]);
  }
  return std::count_if(
      splits.begin(), splits.end(), [](const auto& of_one) { return of_one.second.size() > 1; });
}

ImportChecks Check(const ImportWorld& world) {
  ImportChecks checks;
  checks.subjects_in_several_splits = SubjectsInSeveralSplits(world);
  for (const size_t row : world.rows) {
    const PublishedHand& hand = world.dataset->hands()[row];
    checks.sides_agree += CurlsLike(hand.handedness, hand.joints_in_cam);
    checks.middle_bone_mm += ReferenceBoneLength(hand.joints_in_cam);
  }
  const auto count = static_cast<double>(world.rows.size());
  checks.sides_agree /= count;
  checks.middle_bone_mm /= count;
  if (checks.middle_bone_mm < kShortestBoneMm || checks.middle_bone_mm > kLongestBoneMm) {
    throw DataError(world.options.folder + ": the middle finger's proximal bone is " +
                    std::to_string(checks.middle_bone_mm) + " mm long on average, expected " +
                    std::to_string(kShortestBoneMm) + " to " + std::to_string(kLongestBoneMm) +
                    ": labels of another unit or release");
  }
  return checks;
}

// ---- Tuples -------------------------------------------------------------------------------------

template <typename Matrix>
std::array<float, 9> RowMajor(const Matrix& matrix) {
  std::array<float, 9> values{};
  for (int i = 0; i < 9; ++i) values[i] = static_cast<float>(matrix(i / 3, i % 3));
  return values;
}

std::array<float, 4> BoxOfJoints(const Joints2& joints_px) {
  const Eigen::RowVector2d low = joints_px.colwise().minCoeff();
  const Eigen::RowVector2d size = joints_px.colwise().maxCoeff() - low;
  return {static_cast<float>(low.x()),
          static_cast<float>(low.y()),
          static_cast<float>(size.x()),
          static_cast<float>(size.y())};
}

class ImportSource : public TupleSource {
 public:
  explicit ImportSource(const ImportWorld& world) : world_(world) {}

  void Make(uint64_t first,
            uint64_t count,
            std::vector<Tuple>* tuples,
            Rejections* /*rejections*/) override {
    tuples->clear();
    for (uint64_t index = first; index < first + count; ++index) tuples->push_back(Read(index));
  }

 private:
  Tuple Read(uint64_t index) const {
    const PublishedHand& hand = world_.dataset->hands()[world_.rows[index]];
    const CropCamera crop = CropAround(
        hand.joints_in_cam, static_cast<int>(world_.options.image_px), world_.options.fill);
    Tuple t;
    t.seed = world_.options.seed;
    t.index = index;
    t.source = Source::kImported;
    t.split = world_.splits[index];
    t.labelled = world_.options.labelled;
    TakeLabels(hand, crop, &t);
    TakePictures(hand, crop, &t);
    return t;
  }

  static void TakeLabels(const PublishedHand& hand, const CropCamera& crop, Tuple* t) {
    t->image_id = hand.image_id;
    t->sequence_id = hand.sequence_id;
    t->frame = hand.frame;
    t->view_id = hand.view_id;
    t->subject = hand.subject;
    t->handedness = hand.handedness;
    t->camera = crop.camera;
    t->joints_in_cam = hand.joints_in_cam * crop.crop_from_cam.transpose();
    t->joints_px = crop.camera.Project(t->joints_in_cam);
    t->present = kHasJoints3 | kHasJoints2;
    t->bbox_px = BoxOfJoints(t->joints_px);
    t->crop_from_cam = RowMajor(crop.crop_from_cam);
    t->picture_K = RowMajor(hand.camera.K());
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::Vector3d x_in_cam = hand.joints_in_cam.row(j);
      const bool inside = hand.camera.Contains(hand.camera.Project(x_in_cam));
      t->visible[j] = inside ? hand.visible[j] : static_cast<uint8_t>(kOutOfFrame);
    }
  }

  void TakePictures(const PublishedHand& hand, const CropCamera& crop, Tuple* t) const {
    const PublishedPicture picture = world_.dataset->ReadPicture(hand);
    if (!picture.rgb.empty()) {
      const auto rgb_px = static_cast<int>(world_.options.rgb_px);
      t->rgb = CropColours(crop, hand.camera, picture.rgb, rgb_px);
      t->present |= kHasRgb;
    }
    if (!picture.depth.empty()) {
      t->depth = CropDepth(crop, hand.camera, picture.depth);
      t->present |= kHasDepth;
    }
    if (picture.mask.empty()) return;
    ImageU8 mask = CropMask(crop, hand.camera, picture.mask);
    // Wholly behind something: a mask says nothing of the hand.
    if (CountHandPixels(mask) == 0) return;
    t->mask = std::move(mask);
    t->present |= kHasMask;
    t->bbox_px = BoxOfHand(t->mask);
  }

  const ImportWorld& world_;
};

std::string HashOfNumbers(const PublishedHand& hand) {
  const Joints3& joints = hand.joints_in_cam;
  const PinholeCamera& camera = hand.camera;
  std::vector<double> numbers(joints.data(), joints.data() + joints.size());
  numbers.insert(numbers.end(), {camera.fx, camera.fy, camera.cx, camera.cy});
  return Sha256(numbers.data(), numbers.size() * sizeof(double));
}

// Which hands the rows are also hangs on pictures that are there and on masks. Labels in files of
// the pictures, hundreds of thousands, count by the numbers that were read from them.
std::string ListOfRows(const ImportWorld& world) {
  const bool has_files_of_pictures = !world.dataset->files_of_pictures().empty();
  std::string rows;
  for (size_t i = 0; i < world.rows.size(); ++i) {
    const PublishedHand& hand = world.dataset->hands()[world.rows[i]];
    rows += hand.picture + " " + std::to_string(static_cast<int>(hand.handedness)) + " " +
            std::to_string(static_cast<int>(world.splits[i])) +
            (has_files_of_pictures ? " " + HashOfNumbers(hand) : "") + "\n";
  }
  return rows;
}

std::string HashOfLabels(const PublishedDataset& dataset, const fs::path& folder) {
  std::string hashes;
  for (const std::string& file : dataset.label_files()) {
    hashes += file + " " + Sha256OfFile(folder / file) + "\n";
  }
  return hashes;
}

}  // namespace

ImportWorld ImportWorld::Load(const ImportOptions& options) {
  RequireOutside(options);
  ImportWorld world;
  world.options = options;
  PublishedChoice choice;
  choice.camera = options.camera;
  choice.protocol = options.protocol;
  choice.dominant_only = options.hands == "dominant";
  choice.threads = static_cast<int>(std::max<int64_t>(1, options.threads));
  world.dataset = OpenPublished(options.dataset, options.folder, choice);
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    if (options.split != "all" && (split == Split::kTest) != (options.split == "test")) continue;
    AddCounts(world.dataset->left_out(split), &world.left_out);
  }
  RequireSubjects(world);
  ChooseHands(&world);
  if (world.rows.empty()) {
    std::string reasons;
    for (const auto& [reason, count] : world.left_out) {
      reasons += ", " + std::to_string(count) + " " + reason;
    }
    throw DataError(options.folder + ": no hand of the split '" + options.split + "' is left of " +
                    std::to_string(world.dataset->hands().size()) + " in it" + reasons);
  }
  ChooseSplits(&world);
  world.checks = Check(world);
  return world;
}

std::unique_ptr<TupleSource> MakeImportSource(const ImportWorld& world) {
  return std::make_unique<ImportSource>(world);
}

DatasetJob ImportJob(const ImportWorld& world) {
  ImportOptions options = world.options;
  DatasetJob job = BeginJob("import", options, kTuplesPerBlock);
  Manifest& m = job.manifest;
  m.count = world.rows.size();
  m.layout.image_px = static_cast<int>(options.image_px);
  m.layout.rgb_px = static_cast<int>(options.rgb_px);
  m.layout.columns = {"crop"};
  m.config = ConfigText([&options](Fields& fields) { options.Visit(fields); },
                        {"out", "folder", "threads", "seed"});
  const std::string inputs =
      m.config + HashOfLabels(*world.dataset, options.folder) + ListOfRows(world);
  m.config_sha256 = Sha256(inputs.data(), inputs.size());
  m.licences = {"pictures and labels: as the authors of " +
                FindPublishedKind(options.dataset).title + " say"};
  AddProvenance(m, "", &job.metadata);
  const PublishedKind& kind = FindPublishedKind(options.dataset);
  job.metadata.text["source_dataset"] = kind.name;
  if (!kind.derived_joints.empty()) job.metadata.text["derived_joints"] = kind.derived_joints;
  return job;
}

}  // namespace handforge
