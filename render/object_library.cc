#include "render/object_library.h"

#include "io/core/error.h"
#include "render/mesh_file.h"
#include "render/solids.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Geometry>

namespace handforge {
namespace {

Eigen::Matrix3f RotationOf(const SceneObject& object) {
  const auto& q = object.rotation_xyzw;
  return Eigen::Quaternionf(q[3], q[0], q[1], q[2]).normalized().toRotationMatrix();
}

Eigen::Vector3f OriginOf(const SceneObject& object) {
  const auto& o = object.origin_in_cam_mm;
  return {o[0], o[1], o[2]};
}

}  // namespace

ObjectLibrary::ObjectLibrary()
    : names_(kSolidNames.begin(), kSolidNames.end()),
      sha256_(kNumSolids),
      proportions_(kNumSolids, Eigen::Vector3d::Ones()) {}

void ObjectLibrary::AddFile(const std::string& file) {
  TriangleMesh mesh = LoadMeshFile(file);
  Eigen::AlignedBox3f box;
  for (const Eigen::Vector3f& v : mesh.vertices_mm) box.extend(v);
  const Eigen::Vector3f sides = box.sizes();
  if (!(sides.minCoeff() > 0) || !sides.allFinite()) {
    throw DataError(file + ": the mesh is flat or without bounds");
  }
  for (Eigen::Vector3f& v : mesh.vertices_mm) v = (v - box.center()).cwiseQuotient(sides);
  names_.push_back(file);
  sha256_.push_back(MeshFileSha256(file));
  proportions_.emplace_back((sides / sides.maxCoeff()).cast<double>());
  file_meshes_.push_back(std::move(mesh));
}

std::vector<std::string> ObjectLibrary::AddFiles(const std::vector<std::string>& files) {
  std::vector<std::string> skipped;
  for (const std::string& file : files) {
    try {
      AddFile(file);
    } catch (const Error& e) {
      skipped.emplace_back(e.what());
    }
  }
  return skipped;
}

ObjectLibrary ObjectLibrary::Restore(const std::vector<std::string>& names,
                                     const std::vector<std::string>& sha256) {
  ObjectLibrary library;
  for (size_t i = library.names_.size(); i < names.size(); ++i) {
    if (i >= sha256.size() || sha256[i] != MeshFileSha256(names[i])) {
      throw DataError(names[i] + " is another file than the dataset was made with");
    }
    library.AddFile(names[i]);
  }
  return library;
}

int ObjectLibrary::Find(const std::string& name) const {
  const auto it = std::find(names_.begin(), names_.end(), name);
  return it == names_.end() ? -1 : static_cast<int>(it - names_.begin());
}

TriangleMesh ObjectLibrary::Place(const SceneObject& object) const {
  if (object.shape < 0 || object.shape >= static_cast<int>(names_.size())) {
    throw DataError("object shape " + std::to_string(object.shape) + " is unknown; there are " +
                    std::to_string(names_.size()));
  }
  const bool mirrored = object.size_mm[0] < 0;
  const Eigen::Vector3f size(std::abs(object.size_mm[0]), object.size_mm[1], object.size_mm[2]);
  if (!(size.minCoeff() > 0)) throw DataError("object with a side that is not above 0 mm");
  TriangleMesh mesh;
  if (object.shape < kNumSolids) {
    mesh = MakeSolid(static_cast<Solid>(object.shape), size.cast<double>());
  } else {
    mesh = file_meshes_[object.shape - kNumSolids];
    for (Eigen::Vector3f& v : mesh.vertices_mm) v = v.cwiseProduct(size);
  }
  if (mirrored) {
    for (Eigen::Vector3f& v : mesh.vertices_mm) v.x() = -v.x();
    for (auto& t : mesh.triangles) std::swap(t[1], t[2]);
  }
  const Eigen::Matrix3f rotation = RotationOf(object);
  const Eigen::Vector3f origin = OriginOf(object);
  for (Eigen::Vector3f& v : mesh.vertices_mm) v = rotation * v + origin;
  return mesh;
}

Eigen::Vector3f ObjectLibrary::InObject(const SceneObject& object,
                                        const Eigen::Vector3f& x_in_cam_mm) {
  Eigen::Vector3f x = RotationOf(object).transpose() * (x_in_cam_mm - OriginOf(object));
  if (object.size_mm[0] < 0) x.x() = -x.x();
  return x;
}

}  // namespace handforge
