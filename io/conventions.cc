#include "io/conventions.h"

#include "io/config.h"
#include "io/core/error.h"
#include "io/core/skeleton.h"

#include <limits>
#include <numeric>
#include <utility>

namespace handforge {
namespace {

using Names = std::vector<std::string>;
using Map = std::vector<int>;

constexpr int kNone = -1;

// ---- Names of joints as the sources order them --------------------------------------------------

Names CanonicalNames() { return {kJointNames.begin(), kJointNames.end()}; }

// The four joints of each finger in the given order of fingers, palm to tip or tip to palm.
Names FingerNames(const std::vector<int>& fingers, bool tip_first) {
  Names names;
  for (const int finger : fingers) {
    for (int i = 0; i < 4; ++i) {
      names.emplace_back(kJointNames[FingerJoint(finger, tip_first ? 3 - i : i)]);
    }
  }
  return names;
}

Names operator+(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Names WithPrefix(const std::string& prefix, Names names) {
  for (std::string& name : names) name = prefix + name;
  return names;
}

const std::vector<int> kThumbToLittle = {kThumb, kIndex, kMiddle, kRing, kLittle};

Names RhdNames() { return Names{"wrist"} + FingerNames(kThumbToLittle, true); }

Names InterhandNames() { return FingerNames(kThumbToLittle, true) + Names{"wrist"}; }

Names BothHands(const Names& one_hand, const std::string& first, const std::string& second) {
  return WithPrefix(first, one_hand) + WithPrefix(second, one_hand);
}

Names WebxrNames() {
  Names names = {
      "wrist", "thumb-metacarpal", "thumb-phalanx-proximal", "thumb-phalanx-distal", "thumb-tip"};
  for (const char* finger : {"index", "middle", "ring", "pinky"}) {
    for (const char* bone :
         {"metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip"}) {
      names.push_back(std::string(finger) + "-finger-" + bone);
    }
  }
  return names;
}

Names IcvlNames() {
  Names names = {"palm_centre"};
  for (const std::string_view finger : kFingerNames) {
    for (const char* part : {"_root", "_mid", "_tip"}) names.push_back(std::string(finger) + part);
  }
  return names;
}

Names NyuNames() {
  Names names;
  for (const char* finger : {"little", "ring", "middle", "index"}) {
    for (const char* point : {"tip", "dip", "middle_phalanx", "pip", "proximal_phalanx", "mcp"}) {
      names.push_back(std::string(finger) + "_" + point);
    }
  }
  return names + Names{"thumb_tip",
                       "thumb_ip",
                       "thumb_proximal_phalanx",
                       "thumb_mcp",
                       "thumb_metacarpal",
                       "thumb_cmc",
                       "palm_ulnar_wrist",
                       "palm_radial_wrist",
                       "palm_top",
                       "palm_mid_1",
                       "palm_mid_2",
                       "wrist"};
}

// The 14 points of NYU on which results are compared, in file order.
Names NyuEvaluationNames() {
  const Names all = NyuNames();
  Names names;
  for (const int point : {0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32}) {
    names.push_back(all[static_cast<size_t>(point)]);
  }
  return names;
}

Names ManoNames() {
  Names names = {"wrist"};
  for (const int finger : {kIndex, kMiddle, kLittle, kRing, kThumb}) {
    for (int level = 0; level < 3; ++level) {
      names.emplace_back(kJointNames[FingerJoint(finger, level)]);
    }
  }
  for (const int finger : kThumbToLittle) names.emplace_back(kJointNames[FingerJoint(finger, 3)]);
  return names;
}

// ---- The registry -------------------------------------------------------------------------------

Map Identity() {
  Map map(kNumJoints);
  std::iota(map.begin(), map.end(), 0);
  return map;
}

Map Shifted(Map map, int offset) {
  for (int& source : map) source += offset;
  return map;
}

Convention Make(const std::string& name, const Names& names, Map map, const char* reference) {
  return {name, static_cast<int>(names.size()), std::move(map), names, reference};
}

Convention MakeIdentity(const std::string& name, const char* reference) {
  return Make(name, CanonicalNames(), Identity(), reference);
}

// Orders that equal the canonical one.
void AddIdentities(std::vector<Convention>* all) {
  all->push_back(MakeIdentity("canonical21", "io/core/skeleton.h"));
  all->push_back(MakeIdentity("freihand", "lmb-freiburg/freihand: utils/fh_utils.py"));
  all->push_back(MakeIdentity("hand-graph-cnn",
                              "3d-hand-shape/hand-graph-cnn: "
                              "hand_shape_pose/data/dataset/real_world_testset.py"));
  all->push_back(MakeIdentity(
      "mediapipe", "google-ai-edge/mediapipe: mediapipe/tasks/python/vision/hand_landmarker.py"));
  all->push_back(MakeIdentity("coco-wholebody", "jin-s13/COCO-WholeBody: data_format.md"));
  all->push_back(MakeIdentity("dexycb", "NVlabs/dex-ycb-toolkit: dex_ycb_toolkit/dex_ycb.py"));
}

// Joints of XR run-times; "proximal" names the bone beyond the joint, so it is the MCP.
void AddXr(std::vector<Convention>* all) {
  const Map webxr = {0, 1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24};
  all->push_back(
      Make("webxr25", WebxrNames(), webxr, "W3C WebXR Hand Input Module, table of joints"));
  all->push_back(Make("openxr26",
                      Names{"palm"} + WebxrNames(),
                      Shifted(webxr, 1),
                      "OpenXR, XR_EXT_hand_tracking, XrHandJointEXT"));
}

void AddColourDatasets(std::vector<Convention>* all) {
  const Map rhd = {0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17};
  const Names rhd_names = BothHands(RhdNames(), "left_", "right_");
  const char* rhd_reference = "lmb-freiburg/hand3d: data/BinaryDbReader.py";
  all->push_back(Make("rhd_left", rhd_names, rhd, rhd_reference));
  all->push_back(Make("rhd_right", rhd_names, Shifted(rhd, 21), rhd_reference));
  all->push_back(Make(
      "stb",
      Names{"palm_centre"} + FingerNames({kLittle, kRing, kMiddle, kIndex, kThumb}, false),
      {0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4},
      "zhjwustc/icip17_stereo_hand_pose_dataset: README; its joint 0 is the palm's centre, which "
      "takes the wrist's place"));
  all->push_back(Make("ho3d_mano21",
                      ManoNames(),
                      {0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20},
                      "shreyashampali/ho3d: vis_HO3D.py; MANO's 16 joints, then five tips"));
  const Map interhand = {20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16};
  const Names interhand_names = BothHands(InterhandNames(), "right_", "left_");
  const char* interhand_reference = "facebookresearch/InterHand2.6M: annotations/skeleton.txt";
  all->push_back(Make("interhand_right", interhand_names, interhand, interhand_reference));
  all->push_back(
      Make("interhand_left", interhand_names, Shifted(interhand, 21), interhand_reference));
}

void AddDepthDatasets(std::vector<Convention>* all) {
  all->push_back(Make(
      "icvl16",
      IcvlNames(),
      {kNone, kNone, 1, 2, 3, 4, 5, kNone, 6, 7, 8, kNone, 9, 10, 11, kNone, 12, 13, 14, kNone, 15},
      "moberweger/deep-prior-pp: src/data/importers.py; approximate: its points "
      "are centres of finger parts, not joints"));
  all->push_back(Make("nyu36",
                      NyuNames(),
                      {35, 29, 27, 25, 24, 23, 21, 19, 18, 17, 15, 13, 12, 11, 9, 7, 6, 5, 3, 1, 0},
                      "jonathantompson/ModelFit: hand_model_coeff.h"));
  all->push_back(Make("nyu14",
                      NyuEvaluationNames(),
                      {kNone, kNone, 10,    9, 8,     kNone, 7,     kNone, 6,     kNone, 5,
                       kNone, 4,     kNone, 3, kNone, 2,     kNone, 1,     kNone, 0},
                      "xinghaochen/awesome-hand-pose-estimation: evaluation/src/util.py"));
  all->push_back(
      Make("msra21",
           Names{"wrist"} + FingerNames({kIndex, kMiddle, kRing, kLittle, kThumb}, false),
           {0, 17, 18, 19, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
           "the dataset's readme (MSRA15, cvpr15_MSRAHandGestureDB)"));
}

std::vector<Convention> BuildRegistry() {
  std::vector<Convention> all;
  AddIdentities(&all);
  AddXr(&all);
  AddColourDatasets(&all);
  AddDepthDatasets(&all);
  return all;
}

void CheckSize(const std::string& what, const Eigen::MatrixXd& joints, int expected) {
  if (joints.rows() == expected && (joints.cols() == 2 || joints.cols() == 3)) return;
  throw DataError(what + ": got " + std::to_string(joints.rows()) + " joints with " +
                  std::to_string(joints.cols()) + " coordinates, expected " +
                  std::to_string(expected) + " with 2 or 3");
}

Eigen::MatrixXd Unknown(int rows, Eigen::Index columns) {
  return Eigen::MatrixXd::Constant(rows, columns, std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

const std::vector<Convention>& Conventions() {
  static const std::vector<Convention> registry = BuildRegistry();
  return registry;
}

const Convention& FindConvention(const std::string& name) {
  Names known;
  for (const Convention& convention : Conventions()) {
    if (convention.name == name) return convention;
    known.push_back(convention.name);
  }
  const std::string near = NearestName(name, known);
  std::string list;
  for (const std::string& other : known) list += (list.empty() ? "" : ", ") + other;
  throw UsageError("unknown joint convention '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") + "; known: " + list);
}

Eigen::MatrixXd ToCanonical(const Convention& convention, const Eigen::MatrixXd& joints) {
  CheckSize("convention " + convention.name, joints, convention.num_joints);
  Eigen::MatrixXd canonical = Unknown(kNumJoints, joints.cols());
  for (int j = 0; j < kNumJoints; ++j) {
    const int source = convention.canonical_from_source[static_cast<size_t>(j)];
    if (source != kNone) canonical.row(j) = joints.row(source);
  }
  return canonical;
}

Eigen::MatrixXd FromCanonical(const Convention& convention, const Eigen::MatrixXd& joints) {
  CheckSize("canonical joints for convention " + convention.name, joints, kNumJoints);
  Eigen::MatrixXd source = Unknown(convention.num_joints, joints.cols());
  for (int j = 0; j < kNumJoints; ++j) {
    const int target = convention.canonical_from_source[static_cast<size_t>(j)];
    if (target != kNone) source.row(target) = joints.row(j);
  }
  return source;
}

}  // namespace handforge
