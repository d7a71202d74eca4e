#pragma once

#include "io/core/tuple.h"
#include "render/triangle_mesh.h"

#include <string>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// The shapes that objects in a scene can have: the built-in solids (render/solids.h), then the
// meshes of files. `SceneObject::shape` is a position in `names()`.
class ObjectLibrary {
 public:
  // The solids alone.
  ObjectLibrary();
  // Adds a 3D file. Throws what LoadMeshFile throws, DataError too where the mesh is flat.
  void AddFile(const std::string& file);
  // Adds files by name; "spoon.obj: has no triangles" for each that could not be used.
  std::vector<std::string> AddFiles(const std::vector<std::string>& files);
  // The library whose `names()` and `sha256()` a dataset holds. Throws what AddFile throws,
  // DataError too for a file that is another one than it was.
  static ObjectLibrary Restore(const std::vector<std::string>& names,
                               const std::vector<std::string>& sha256);

  const std::vector<std::string>& names() const { return names_; }
  // Of the files in the same order as `names()`, "" for solids.
  const std::vector<std::string>& sha256() const { return sha256_; }
  // Position of a name, -1 where there is none.
  int Find(const std::string& name) const;

  // Sides of the shape's box, the longest of them 1; solids have no proportions of their own: ones.
  const Eigen::Vector3d& Proportions(int shape) const { return proportions_[shape]; }

  // The object's mesh in the camera frame. Throws DataError where the shape is unknown or a size
  // is not positive.
  TriangleMesh Place(const SceneObject& object) const;
  // A point of the camera frame in the object's own, in mm; mirrored objects' x is mirrored back.
  static Eigen::Vector3f InObject(const SceneObject& object, const Eigen::Vector3f& x_in_cam_mm);

 private:
  std::vector<std::string> names_, sha256_;
  std::vector<Eigen::Vector3d> proportions_;
  std::vector<TriangleMesh> file_meshes_;  // each fills the box [-0.5, 0.5]^3
};

}  // namespace handforge
