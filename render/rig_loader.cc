#include "render/rig_loader.h"

#include "io/byte_stream.h"
#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "io/isolated.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>

#include <Eigen/LU>
#include <assimp/Importer.hpp>
#include <assimp/postprocess.h>
#include <assimp/scene.h>

namespace handforge {
namespace {

constexpr double kMergeDistanceMm = 1e-3;
constexpr size_t kMaxVertices = 2'000'000;
constexpr double kLeastApartMm = 0.1, kMostApartMm = 500;  // joints of one hand

Eigen::Matrix4d ToEigen(const aiMatrix4x4& m) {
  Eigen::Matrix4d out;
  for (int r = 0; r < 4; ++r) {
    for (int c = 0; c < 4; ++c) out(r, c) = m[r][c];
  }
  return out;
}

Eigen::Matrix4d GlobalTransform(const aiNode* node) {
  Eigen::Matrix4d transform = ToEigen(node->mTransformation);
  for (const aiNode* p = node->mParent; p != nullptr; p = p->mParent) {
    transform = ToEigen(p->mTransformation) * transform;
  }
  return transform;
}

const aiNode* NodeOfMesh(const aiNode* node, unsigned mesh_index) {
  for (unsigned i = 0; i < node->mNumMeshes; ++i) {
    if (node->mMeshes[i] == mesh_index) return node;
  }
  for (unsigned i = 0; i < node->mNumChildren; ++i) {
    if (const aiNode* found = NodeOfMesh(node->mChildren[i], mesh_index)) return found;
  }
  return nullptr;
}

class Loader {
 public:
  Loader(const std::filesystem::path& file, const RigSpec& spec) : file_(file), spec_(spec) {}

  RiggedMesh Load() {
    ReadScene();
    FindSkinnedMesh();
    ReadJoints();
    MergeVertices();
    ReadTriangles();
    ReadWeights();
    if (spec_.side == "left") Mirror();
    CheckMesh();
    return std::move(out_);
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw DataError(file_.string() + ": " + what);
  }

  void ReadScene() {
    // Keeps vertices as in the file apart from triangulation: no joining, no reordering.
    scene_ = importer_.ReadFile(file_.string(), aiProcess_Triangulate);
    if (scene_ == nullptr)
      Fail(std::string("cannot be read as a 3D file: ") + importer_.GetErrorString());
  }

  void FindSkinnedMesh() {
    for (unsigned i = 0; i < scene_->mNumMeshes; ++i) {
      const aiMesh* mesh = scene_->mMeshes[i];
      if (mesh->mNumBones == 0) continue;
      if (mesh_ != nullptr && mesh->mNumVertices <= mesh_->mNumVertices) continue;
      mesh_ = mesh;
      node_ = NodeOfMesh(scene_->mRootNode, i);
    }
    if (mesh_ == nullptr || node_ == nullptr) Fail("has no skinned mesh (a mesh with bones)");
    if (mesh_->mNumVertices > kMaxVertices) {
      Fail("mesh has " + std::to_string(mesh_->mNumVertices) + " vertices, at most " +
           std::to_string(kMaxVertices) + " are supported");
    }
  }

  // Rest transform of a joint in the mesh's space: from the bind pose where the joint carries skin,
  // else from the node (tips carry none and may not be bones).
  bool RestTransform(const std::string& name, Eigen::Matrix4d* mesh_from_joint) const {
    for (unsigned b = 0; b < mesh_->mNumBones; ++b) {
      if (name != mesh_->mBones[b]->mName.C_Str()) continue;
      *mesh_from_joint = ToEigen(mesh_->mBones[b]->mOffsetMatrix).inverse();
      return true;
    }
    const aiNode* node = scene_->mRootNode->FindNode(name.c_str());
    if (node == nullptr) return false;
    *mesh_from_joint = GlobalTransform(node_).inverse() * GlobalTransform(node);
    return true;
  }

  void ReadJoints() {
    const Eigen::Vector3d hinge(spec_.hinge_axis[0], spec_.hinge_axis[1], spec_.hinge_axis[2]);
    if (hinge.norm() < 1e-6) throw UsageError("rig: hinge_axis is zero; give a direction");
    std::string missing;
    for (int j = 0; j < kNumXrJoints; ++j) {
      Eigen::Matrix4d mesh_from_joint;
      if (!RestTransform(spec_.joints[j], &mesh_from_joint)) {
        missing += (missing.empty() ? "" : ", ") + spec_.joints[j];
        continue;
      }
      out_.joint_mm[j] = mesh_from_joint.block<3, 1>(0, 3) * spec_.millimetres_per_unit;
      out_.hinge_axis[j] = (mesh_from_joint.block<3, 3>(0, 0) * hinge).normalized();
      if (!out_.joint_mm[j].allFinite() || !out_.hinge_axis[j].allFinite()) {
        Fail("the bind pose of joint " + spec_.joints[j] + " is not finite");
      }
    }
    if (!missing.empty()) {
      Fail("lacks the joints " + missing +
           " (name the file's own joints in the rig's `joints:` map)");
    }
  }

  void MergeVertices() {
    std::map<std::tuple<long, long, long>, int> seen;
    merged_.resize(mesh_->mNumVertices);
    for (unsigned v = 0; v < mesh_->mNumVertices; ++v) {
      const aiVector3D& p = mesh_->mVertices[v];
      const Eigen::Vector3d x = Eigen::Vector3d(p.x, p.y, p.z) * spec_.millimetres_per_unit;
      if (!x.allFinite()) Fail("vertex " + std::to_string(v) + " is not finite");
      const Eigen::Vector3d q = x / kMergeDistanceMm;
      if (q.cwiseAbs().maxCoeff() > 1e15)
        Fail("vertex " + std::to_string(v) + " is absurdly far away");
      const auto key = std::make_tuple(std::lround(q.x()), std::lround(q.y()), std::lround(q.z()));
      const auto [it, fresh] = seen.emplace(key, static_cast<int>(out_.positions_mm.size()));
      if (fresh) {
        out_.positions_mm.push_back(x);
        first_of_merged_.push_back(static_cast<int>(v));
      }
      merged_[v] = it->second;
    }
  }

  void ReadTriangles() {
    for (unsigned f = 0; f < mesh_->mNumFaces; ++f) {
      const aiFace& face = mesh_->mFaces[f];
      if (face.mNumIndices != 3) continue;
      const std::array<int, 3> t = {
          merged_[face.mIndices[0]], merged_[face.mIndices[1]], merged_[face.mIndices[2]]};
      if (t[0] != t[1] && t[1] != t[2] && t[2] != t[0]) out_.triangles.push_back(t);
    }
  }

  void ReadWeights() {
    std::map<std::string, int> joint_of_name;
    for (int j = 0; j < kNumXrJoints; ++j) joint_of_name[spec_.joints[j]] = j;
    std::vector<std::vector<std::pair<int, double>>> by_vertex(mesh_->mNumVertices);
    for (unsigned b = 0; b < mesh_->mNumBones; ++b) {
      const aiBone* bone = mesh_->mBones[b];
      const auto joint = joint_of_name.find(bone->mName.C_Str());
      for (unsigned w = 0; w < bone->mNumWeights; ++w) {
        const aiVertexWeight& weight = bone->mWeights[w];
        if (weight.mWeight <= 0) continue;
        if (joint == joint_of_name.end()) {
          Fail("bone " + std::string(bone->mName.C_Str()) +
               " moves the skin but is no known joint");
        }
        by_vertex[weight.mVertexId].emplace_back(joint->second, weight.mWeight);
      }
    }
    for (size_t v = 0; v < out_.positions_mm.size(); ++v) {
      auto weights = by_vertex[first_of_merged_[v]];
      double sum = 0;
      for (const auto& [joint, weight] : weights) sum += weight;
      if (!(sum > 1e-3))
        Fail("vertex " + std::to_string(first_of_merged_[v]) + " has no bone weight");
      for (auto& [joint, weight] : weights) weight /= sum;
      out_.weights.push_back(std::move(weights));
    }
  }

  // Reflection in x: points are reflected, rotation axes (pseudo-vectors) change the other signs.
  void Mirror() {
    for (auto& x : out_.positions_mm) x.x() = -x.x();
    for (auto& x : out_.joint_mm) x.x() = -x.x();
    for (auto& axis : out_.hinge_axis) axis = Eigen::Vector3d(axis.x(), -axis.y(), -axis.z());
    for (auto& t : out_.triangles) std::swap(t[1], t[2]);
  }

  void CheckMesh() const {
    if (out_.triangles.empty()) Fail("mesh has no triangles");
    std::map<std::pair<int, int>, int> directed;
    for (const auto& t : out_.triangles) {
      for (int e = 0; e < 3; ++e) ++directed[{t[e], t[(e + 1) % 3]}];
    }
    size_t bad = 0;
    for (const auto& [edge, count] : directed) {
      const auto twin = directed.find({edge.second, edge.first});
      if (count != 1 || twin == directed.end()) ++bad;
    }
    if (bad > 0) {
      Fail("mesh is not closed and manifold: " + std::to_string(bad) +
           " edges without exactly one neighbour");
    }
    const double length_mm =
        (out_.joint_mm[XrFingerJoint(kMiddle, 4)] - out_.joint_mm[kXrWrist]).norm();
    if (!(length_mm > 50 && length_mm < 500)) {
      Fail("hand is " + std::to_string(length_mm) +
           " mm from wrist to middle fingertip; set millimetres_per_unit so that it is 50 to 500");
    }
    CheckBones();
  }

  // Four metacarpals that start from one carpus are no mistake.
  static bool MayMeet(int joint, int other) {
    const auto starts_finger = [](int j) {
      return j >= kXrFirstFinger && (j - kXrFirstFinger) % 5 == 0;
    };
    return starts_finger(joint) && starts_finger(other);
  }

  // Joints of one place, or of another world, are those of a wrong name in the rig's map.
  void CheckBones() const {
    for (int j = 0; j < kNumXrJoints; ++j) {
      for (int other = 0; other < j; ++other) {
        const double apart_mm = (out_.joint_mm[j] - out_.joint_mm[other]).norm();
        const bool far_enough = apart_mm > kLeastApartMm || MayMeet(j, other);
        if (far_enough && apart_mm < kMostApartMm) continue;
        Fail("joints " + spec_.joints[other] + " and " + spec_.joints[j] + " lie " +
             std::to_string(apart_mm) +
             " mm apart; name the file's own joints, each once, in the "
             "rig's `joints:` map");
      }
    }
  }

  const std::filesystem::path file_;
  const RigSpec& spec_;
  Assimp::Importer importer_;
  const aiScene* scene_ = nullptr;
  const aiMesh* mesh_ = nullptr;
  const aiNode* node_ = nullptr;
  std::vector<int> merged_;
  std::vector<int> first_of_merged_;
  RiggedMesh out_;
};

// ---- From the child process that reads the file -------------------------------------------------

using Points = std::vector<Eigen::Vector3d>;

void PutPoints(const Points& points, ByteWriter* writer) {
  std::vector<double> numbers;
  for (const Eigen::Vector3d& p : points) numbers.insert(numbers.end(), p.data(), p.data() + 3);
  writer->PutVector(numbers);
}

Points GetPoints(ByteReader* reader) {
  const std::vector<double> numbers = reader->GetVector<double>();
  Points points;
  for (size_t i = 0; i + 3 <= numbers.size(); i += 3) points.emplace_back(numbers.data() + i);
  return points;
}

std::vector<uint8_t> ToBytes(const RiggedMesh& mesh) {
  ByteWriter writer;
  PutPoints(mesh.positions_mm, &writer);
  PutPoints({mesh.joint_mm.begin(), mesh.joint_mm.end()}, &writer);
  PutPoints({mesh.hinge_axis.begin(), mesh.hinge_axis.end()}, &writer);
  writer.PutVector(mesh.triangles);
  for (const auto& of_vertex : mesh.weights) {
    std::vector<int32_t> joints;
    std::vector<double> weights;
    for (const auto& [joint, weight] : of_vertex) {
      joints.push_back(joint);
      weights.push_back(weight);
    }
    writer.PutVector(joints);
    writer.PutVector(weights);
  }
  return writer.Take();
}

// The child may have been taken over by the file: nothing it says is believed.
RiggedMesh FromBytes(const std::vector<uint8_t>& bytes, const std::string& file) {
  ByteReader reader(bytes, file);
  const auto check = [&file](bool fits) {
    if (!fits) throw DataError(file + ": was read to a mesh that does not fit together");
  };
  RiggedMesh mesh;
  mesh.positions_mm = GetPoints(&reader);
  const Points joints_mm = GetPoints(&reader), axes = GetPoints(&reader);
  check(joints_mm.size() == kNumXrJoints && axes.size() == kNumXrJoints);
  std::copy(joints_mm.begin(), joints_mm.end(), mesh.joint_mm.begin());
  std::copy(axes.begin(), axes.end(), mesh.hinge_axis.begin());
  mesh.triangles = reader.GetVector<std::array<int, 3>>();
  const auto num_vertices = static_cast<int>(mesh.positions_mm.size());
  for (const auto& triangle : mesh.triangles) {
    for (const int v : triangle) check(v >= 0 && v < num_vertices);
  }
  for (int v = 0; v < num_vertices; ++v) {
    const auto joints = reader.GetVector<int32_t>();
    const auto weights = reader.GetVector<double>();
    check(joints.size() == weights.size());
    auto& of_vertex = mesh.weights.emplace_back();
    for (size_t i = 0; i < joints.size(); ++i) {
      check(joints[i] >= 0 && joints[i] < kNumXrJoints);
      of_vertex.emplace_back(joints[i], weights[i]);
    }
  }
  return mesh;
}

}  // namespace

RiggedMesh LoadRiggedMesh(const std::filesystem::path& file, const RigSpec& spec) {
  if (!std::filesystem::exists(file)) {
    throw EnvironmentError("rig file " + file.string() + " does not exist");
  }
  const std::vector<uint8_t> bytes = RunIsolated(
      file.string(), IsolationLimits(), [&] { return ToBytes(Loader(file, spec).Load()); });
  return FromBytes(bytes, file.string());
}

}  // namespace handforge
