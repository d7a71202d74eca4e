#include "render/mesh_file.h"

#include "io/byte_stream.h"
#include "io/core/error.h"
#include "io/files.h"
#include "io/isolated.h"

#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include <assimp/Exporter.hpp>
#include <assimp/Importer.hpp>
#include <assimp/postprocess.h>
#include <assimp/scene.h>
#include <nlohmann/json.hpp>

namespace handforge {
namespace {

constexpr size_t kMaxVertices = 2'000'000;

struct Format {
  const char* extension;
  const char* assimp_id;
};
constexpr std::array<Format, 5> kFormats = {{{".glb", "glb2"},
                                             {".gltf", "gltf2"},
                                             {".obj", "objnomtl"},
                                             {".ply", "plyb"},
                                             {".stl", "stlb"}}};

void CheckManifold(const TriangleMesh& mesh, const std::filesystem::path& file) {
  std::map<std::pair<int, int>, int> triangles_at;
  for (const auto& t : mesh.triangles) {
    for (int e = 0; e < 3; ++e) ++triangles_at[std::minmax(t[e], t[(e + 1) % 3])];
  }
  size_t bad = 0;
  for (const auto& [edge, count] : triangles_at) bad += count > 2;
  if (bad > 0) {
    throw DataError(file.string() + ": mesh is not manifold: " + std::to_string(bad) +
                    " edges have more than two triangles");
  }
}

aiMesh* ToAssimp(const NamedMesh& named) {
  constexpr float kMetres = 0.001f;
  auto* mesh = new aiMesh;  // owned by the scene
  const auto& x = named.mesh.vertices_mm;
  mesh->mName = named.name;
  mesh->mPrimitiveTypes = aiPrimitiveType_TRIANGLE;
  mesh->mNumVertices = static_cast<unsigned>(x.size());
  mesh->mVertices = new aiVector3D[x.size()];
  mesh->mNormals = new aiVector3D[x.size()];
  std::vector<Eigen::Vector3f> normals(x.size(), Eigen::Vector3f::Zero());
  for (const auto& t : named.mesh.triangles) {
    const Eigen::Vector3f n = (x[t[1]] - x[t[0]]).cross(x[t[2]] - x[t[0]]);
    for (int v : t) normals[v] += n;
  }
  for (size_t v = 0; v < x.size(); ++v) {
    const Eigen::Vector3f n = normals[v].normalized();
    mesh->mVertices[v] = {kMetres * x[v].x(), -kMetres * x[v].y(), -kMetres * x[v].z()};
    mesh->mNormals[v] = {n.x(), -n.y(), -n.z()};
  }
  mesh->mNumFaces = static_cast<unsigned>(named.mesh.triangles.size());
  mesh->mFaces = new aiFace[mesh->mNumFaces];
  for (unsigned f = 0; f < mesh->mNumFaces; ++f) {
    mesh->mFaces[f].mNumIndices = 3;
    mesh->mFaces[f].mIndices = new unsigned[3];
    for (int c = 0; c < 3; ++c) {
      mesh->mFaces[f].mIndices[c] = static_cast<unsigned>(named.mesh.triangles[f][c]);
    }
  }
  return mesh;
}

std::unique_ptr<aiScene> ToAssimp(const std::vector<NamedMesh>& meshes) {
  auto scene = std::make_unique<aiScene>();
  const auto count = static_cast<unsigned>(meshes.size());
  scene->mNumMaterials = 1;
  scene->mMaterials = new aiMaterial* [1] { new aiMaterial };
  scene->mNumMeshes = count;
  scene->mMeshes = new aiMesh*[count];
  scene->mRootNode = new aiNode("handforge");
  scene->mRootNode->mNumChildren = count;
  scene->mRootNode->mChildren = new aiNode*[count];
  for (unsigned i = 0; i < count; ++i) {
    scene->mMeshes[i] = ToAssimp(meshes[i]);
    auto* node = new aiNode(meshes[i].name);
    node->mParent = scene->mRootNode;
    node->mNumMeshes = 1;
    node->mMeshes = new unsigned[1]{i};
    scene->mRootNode->mChildren[i] = node;
  }
  return scene;
}

// What a file says is not believed: it may name vertices that it does not have.
TriangleMesh ReadMesh(const std::filesystem::path& file) {
  const auto fail = [&file](const std::string& what) {
    throw DataError(file.string() + ": " + what);
  };
  Assimp::Importer importer;
  const aiScene* scene =
      importer.ReadFile(file.string(), aiProcess_Triangulate | aiProcess_PreTransformVertices);
  if (scene == nullptr) {
    fail(std::string("cannot be read as a 3D file: ") + importer.GetErrorString());
  }
  TriangleMesh out;
  std::map<std::tuple<float, float, float>, int> seen;
  size_t read = 0;
  for (unsigned m = 0; m < scene->mNumMeshes; ++m) {
    const aiMesh& mesh = *scene->mMeshes[m];
    read += mesh.mNumVertices;
    if (read > kMaxVertices) {
      fail("has more than " + std::to_string(kMaxVertices) + " vertices");
    }
    std::vector<int> merged(mesh.mNumVertices);
    for (unsigned v = 0; v < mesh.mNumVertices; ++v) {
      const aiVector3D& p = mesh.mVertices[v];
      const Eigen::Vector3f x(p.x, p.y, p.z);
      if (!x.allFinite()) fail("vertex " + std::to_string(v) + " is not finite");
      const auto [it, fresh] =
          seen.emplace(std::make_tuple(p.x, p.y, p.z), static_cast<int>(out.vertices_mm.size()));
      if (fresh) out.vertices_mm.push_back(x);
      merged[v] = it->second;
    }
    for (unsigned f = 0; f < mesh.mNumFaces; ++f) {
      if (mesh.mFaces[f].mNumIndices != 3) continue;
      std::array<int, 3> t;
      for (int c = 0; c < 3; ++c) {
        const unsigned v = mesh.mFaces[f].mIndices[c];
        if (v >= merged.size()) fail("a triangle names a vertex that is not there");
        t[c] = merged[v];
      }
      if (t[0] != t[1] && t[1] != t[2] && t[2] != t[0]) out.triangles.push_back(t);
    }
  }
  if (out.triangles.empty()) fail("has no triangles");
  CheckManifold(out, file);
  return out;
}

std::vector<uint8_t> ToBytes(const TriangleMesh& mesh) {
  std::vector<float> numbers;
  for (const Eigen::Vector3f& v : mesh.vertices_mm) {
    numbers.insert(numbers.end(), v.data(), v.data() + 3);
  }
  ByteWriter writer;
  writer.PutVector(numbers);
  writer.PutVector(mesh.triangles);
  return writer.Take();
}

TriangleMesh FromBytes(const std::vector<uint8_t>& bytes, const std::string& file) {
  ByteReader reader(bytes, file);
  const auto numbers = reader.GetVector<float>();
  TriangleMesh mesh;
  for (size_t i = 0; i + 3 <= numbers.size(); i += 3) {
    mesh.vertices_mm.emplace_back(numbers[i], numbers[i + 1], numbers[i + 2]);
  }
  mesh.triangles = reader.GetVector<std::array<int, 3>>();
  const auto count = static_cast<int>(mesh.vertices_mm.size());
  for (const auto& triangle : mesh.triangles) {
    for (const int v : triangle) {
      if (v < 0 || v >= count)
        throw DataError(file + ": was read to a mesh that does not fit together");
    }
  }
  return mesh;
}

// Files that hold the numbers of a .gltf, by its buffers.
std::vector<std::filesystem::path> BuffersOf(const std::filesystem::path& file) {
  std::vector<std::filesystem::path> buffers;
  if (file.extension() != ".gltf") return buffers;
  const auto json = nlohmann::json::parse(ReadText(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("buffers") || !json["buffers"].is_array()) return buffers;
  for (const auto& buffer : json["buffers"]) {
    if (!buffer.is_object() || !buffer.contains("uri") || !buffer["uri"].is_string()) continue;
    const auto uri = buffer["uri"].get<std::string>();
    if (uri.rfind("data:", 0) != 0) buffers.push_back(file.parent_path() / uri);
  }
  return buffers;
}

}  // namespace

TriangleMesh LoadMeshFile(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw EnvironmentError("3D file " + file.string() + " does not exist");
  }
  const std::vector<uint8_t> bytes =
      RunIsolated(file.string(), IsolationLimits(), [&] { return ToBytes(ReadMesh(file)); });
  return FromBytes(bytes, file.string());
}

std::string MeshFileSha256(const std::filesystem::path& file) {
  std::string hashes = Sha256OfFile(file);
  const std::vector<std::filesystem::path> buffers = BuffersOf(file);
  if (buffers.empty()) return hashes;
  for (const std::filesystem::path& buffer : buffers) hashes += Sha256OfFile(buffer);
  return Sha256(hashes.data(), hashes.size());
}

void WriteMeshFile(const std::vector<NamedMesh>& meshes, const std::filesystem::path& file) {
  const Format* format = nullptr;
  for (const Format& f : kFormats) {
    if (file.extension() == f.extension) format = &f;
  }
  if (format == nullptr) {
    throw UsageError(file.string() + ": meshes are written as .glb, .gltf, .obj, .ply or .stl");
  }
  if (file.has_parent_path()) EnsureWritableFolder(file.parent_path());
  const auto scene = ToAssimp(meshes);
  // In memory first: Assimp's own files do not notice a full disk.
  Assimp::Exporter exporter;
  Assimp::ExportProperties properties;
  properties.SetPropertyString(AI_CONFIG_EXPORT_BLOB_NAME, file.stem().string());
  const aiExportDataBlob* blob =
      exporter.ExportToBlob(scene.get(), format->assimp_id, 0, &properties);
  if (blob == nullptr) {
    throw EnvironmentError(file.string() + ": cannot be made: " + exporter.GetErrorString());
  }
  for (const aiExportDataBlob* beside = blob->next; beside != nullptr; beside = beside->next) {
    const std::filesystem::path name = std::filesystem::path(beside->name.C_Str()).filename();
    PublishBytes(file.parent_path() / name, beside->data, beside->size);
  }
  PublishBytes(file, blob->data, blob->size);
}

}  // namespace handforge
