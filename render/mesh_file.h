#pragma once

#include "render/triangle_mesh.h"

#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// All triangles of a 3D file of any kind that Assimp reads, in the file's units and axes, its
// nodes' transforms applied, vertices at one position merged.
// The file is read in a child process (io/isolated.h).
// Throws DataError naming the file where it cannot be read, has no triangles, more than two million
// vertices or a vertex that is not finite, or is not manifold (an edge of more than two triangles);
// EnvironmentError where it is missing. Open surfaces are fine.
TriangleMesh LoadMeshFile(const std::filesystem::path& file);

// Of the file; where it is a .gltf whose numbers lie in files beside it, of the hashes of all.
std::string MeshFileSha256(const std::filesystem::path& file);

struct NamedMesh {
  std::string name;
  TriangleMesh mesh;  // camera frame: x right, y down, z forward, mm
};
// Writes meshes as one scene: .glb, .gltf, .obj, .ply or .stl by the file's extension. Lengths are
// metres and axes those of glTF, x right, y up, z towards the viewer, so the tuple's camera sits at
// the origin and looks along -z. A file appears whole or not at all, in a folder that is made where
// it is missing; .gltf has its numbers beside it, NAME.bin. Throws UsageError for another
// extension, EnvironmentError where the file cannot be written.
void WriteMeshFile(const std::vector<NamedMesh>& meshes, const std::filesystem::path& file);

}  // namespace handforge
