#include "render/ray_caster.h"

#include "io/core/error.h"
#include "render/embree_compat.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

namespace handforge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kStreamPacket = 8;

// Embree calls this from inside its C code, which must not be thrown through: the message is kept
// and raised after the call.
void RecordError(void* user, RTCError code, const char* message) {
  auto* text = static_cast<std::string*>(user);
  *text = "Embree error " + std::to_string(code) + ": " + (message == nullptr ? "" : message);
}

// A device whose hierarchies are built by the calling thread alone: the pipeline owns the only
// thread pool, and a build that other threads join is neither isolated nor the same on every run.
// "threads=1" does that, but Embree also limits TBB in the whole process to the threads of its
// largest device, so one device with default settings is kept beside, made anew after each because
// a device takes the largest number there is.
RTCDevice NewSingleThreadedDevice() {
  static std::mutex mutex;
  static RTCDevice largest = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  if (largest != nullptr) rtcReleaseDevice(largest);
  RTCDevice device = rtcNewDevice("threads=1,set_affinity=0");
  largest = rtcNewDevice("set_affinity=0");
  return device;
}

// Squares of kTile x kTile pixels, one packet of rays each.
constexpr int kTile = 4;
constexpr int kTilePixels = kTile * kTile;
class Tiles {
 public:
  explicit Tiles(const PinholeCamera& camera)
      : columns_((camera.width_px + kTile - 1) / kTile),
        rows_((camera.height_px + kTile - 1) / kTile),
        touched_(static_cast<size_t>(columns_) * rows_, 0) {}

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  bool Touched(int column, int row) const { return touched_[Offset(column, row)] != 0; }
  void TouchAll() { std::fill(touched_.begin(), touched_.end(), 1); }
  // All tiles that hold a pixel centre of the box.
  void Touch(float x0_px, float y0_px, float x1_px, float y1_px) {
    constexpr float kRoundingPx = 0.01f;
    const auto tile = [](float px, int count) {
      const float t = std::floor(px * (1.0f / kTile));
      return static_cast<int>(std::clamp(t, -1.0f, static_cast<float>(count)));
    };
    const int c1 = std::min(tile(x1_px + kRoundingPx, columns_), columns_ - 1);
    const int r1 = std::min(tile(y1_px + kRoundingPx, rows_), rows_ - 1);
    const int c0 = std::max(tile(x0_px - kRoundingPx, columns_), 0);
    for (int r = std::max(tile(y0_px - kRoundingPx, rows_), 0); r <= r1; ++r) {
      for (int c = c0; c <= c1; ++c) touched_[Offset(c, r)] = 1;
    }
  }

 private:
  size_t Offset(int column, int row) const { return static_cast<size_t>(row) * columns_ + column; }
  int columns_, rows_;
  std::vector<uint8_t> touched_;
};

// A packet of any rays.
struct StreamPacket {
  alignas(32) RTCRayHit8 rays;
  alignas(32) int valid[kStreamPacket];

  // Takes the next rays of a stream; lanes beyond its end repeat the last ray and are not valid.
  // Returns how many are.
  int Load(const std::vector<RayCaster::Ray>& stream, size_t first) {
    RTCRay8& to = rays.ray;
    for (int i = 0; i < kStreamPacket; ++i) {
      const size_t at = std::min(first + i, stream.size() - 1);
      const RayCaster::Ray& ray = stream[at];
      valid[i] = at == first + i ? -1 : 0;
      to.org_x[i] = ray.origin_mm.x();
      to.org_y[i] = ray.origin_mm.y();
      to.org_z[i] = ray.origin_mm.z();
      to.dir_x[i] = ray.direction.x();
      to.dir_y[i] = ray.direction.y();
      to.dir_z[i] = ray.direction.z();
      to.tnear[i] = 0;
      to.tfar[i] = ray.length_mm;
      to.time[i] = 0;
      to.mask[i] = ~0u;
      to.id[i] = 0;
      to.flags[i] = 0;
      rays.hit.geomID[i] = RTC_INVALID_GEOMETRY_ID;
      rays.hit.instID[0][i] = RTC_INVALID_GEOMETRY_ID;
    }
    return static_cast<int>(std::min<size_t>(kStreamPacket, stream.size() - first));
  }
};

// An Embree geometry and the buffers it owns.
class MeshGeometry {
 public:
  MeshGeometry(RTCDevice device,
               RTCBuildQuality quality,
               size_t num_vertices,
               const std::vector<std::array<int, 3>>& triangles)
      : geometry_(rtcNewGeometry(device, RTC_GEOMETRY_TYPE_TRIANGLE)),
        num_vertices_(num_vertices),
        num_triangles_(triangles.size()) {
    rtcSetGeometryBuildQuality(geometry_, quality);
    vertices_ = static_cast<float*>(rtcSetNewGeometryBuffer(
        geometry_, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3, 3 * sizeof(float), num_vertices));
    indices_ = static_cast<uint32_t*>(rtcSetNewGeometryBuffer(geometry_,
                                                              RTC_BUFFER_TYPE_INDEX,
                                                              0,
                                                              RTC_FORMAT_UINT3,
                                                              3 * sizeof(uint32_t),
                                                              triangles.size()));
    if (vertices_ == nullptr || indices_ == nullptr) return;  // the device recorded the error
    for (size_t t = 0; t < triangles.size(); ++t) {
      for (int c = 0; c < 3; ++c) indices_[3 * t + c] = static_cast<uint32_t>(triangles[t][c]);
    }
  }
  ~MeshGeometry() { rtcReleaseGeometry(geometry_); }
  MeshGeometry(const MeshGeometry&) = delete;
  MeshGeometry& operator=(const MeshGeometry&) = delete;

  RTCGeometry get() const { return geometry_; }
  size_t num_triangles() const { return num_triangles_; }

  void SetVertices(const std::vector<Eigen::Vector3f>& vertices_mm) {
    if (vertices_mm.size() != num_vertices_) {
      throw DataError("ray caster: " + std::to_string(vertices_mm.size()) + " vertices given, " +
                      std::to_string(num_vertices_) + " expected");
    }
    for (size_t v = 0; v < vertices_mm.size(); ++v) {
      if (!vertices_mm[v].allFinite()) {
        throw DataError("ray caster: vertex " + std::to_string(v) + " is not finite");
      }
    }
    static_assert(sizeof(Eigen::Vector3f) == 3 * sizeof(float), "packed");
    std::copy_n(vertices_mm.data()->data(), 3 * vertices_mm.size(), vertices_);
    rtcUpdateGeometryBuffer(geometry_, RTC_BUFFER_TYPE_VERTEX, 0);
    rtcCommitGeometry(geometry_);
  }

  // Tiles that the triangles can cover; all of them where a vertex is behind the near plane.
  void Touch(const PinholeCamera& camera, Tiles* tiles) const {
    const auto fx = static_cast<float>(camera.fx), fy = static_cast<float>(camera.fy);
    const auto cx = static_cast<float>(camera.cx), cy = static_cast<float>(camera.cy);
    std::vector<Eigen::Array2f> at_px(num_vertices_);
    for (size_t v = 0; v < num_vertices_; ++v) {
      const float* p = vertices_ + 3 * v;
      if (p[2] <= RayCaster::kNearMm) return tiles->TouchAll();
      const float inverse_z = 1 / p[2];
      at_px[v] = {fx * p[0] * inverse_z + cx, fy * p[1] * inverse_z + cy};
    }
    for (size_t t = 0; t < num_triangles_; ++t) {
      const Eigen::Array2f &a = at_px[indices_[3 * t]], &b = at_px[indices_[3 * t + 1]],
                           &c = at_px[indices_[3 * t + 2]];
      const Eigen::Array2f low = a.min(b).min(c), high = a.max(b).max(c);
      tiles->Touch(low.x(), low.y(), high.x(), high.y());
    }
  }

 private:
  RTCGeometry geometry_;
  size_t num_vertices_, num_triangles_;
  float* vertices_ = nullptr;
  uint32_t* indices_ = nullptr;
};

// A packet whose rays leave the camera's centre; only directions and results change per tile.
struct PrimaryPacket {
  alignas(64) RTCRayHit16 rays;
  alignas(64) int valid[kTilePixels];

  PrimaryPacket() {
    for (int i = 0; i < kTilePixels; ++i) {
      rays.ray.org_x[i] = rays.ray.org_y[i] = rays.ray.org_z[i] = 0;
      rays.ray.dir_z[i] = 1;  // so the ray's parameter is z
      rays.ray.tnear[i] = RayCaster::kNearMm;
      rays.ray.time[i] = 0;
      rays.ray.mask[i] = ~0u;
      rays.ray.id[i] = 0;
      rays.ray.flags[i] = 0;
      rays.hit.instID[0][i] = RTC_INVALID_GEOMETRY_ID;
    }
  }

  void Aim(const float* slope_x, const float* slope_y, int columns, int rows) {
    for (int i = 0; i < kTilePixels; ++i) {
      const int dx = i % kTile, dy = i / kTile;
      valid[i] = dx < columns && dy < rows ? -1 : 0;
      rays.ray.dir_x[i] = slope_x[dx];
      rays.ray.dir_y[i] = slope_y[dy];
      rays.ray.tfar[i] = kInfinity;
      rays.hit.geomID[i] = RTC_INVALID_GEOMETRY_ID;
    }
  }
};

// Slope of the rays through the pixel centres along one axis, padded to whole tiles.
std::vector<float> Slopes(int size_px, double focal_px, double centre_px) {
  std::vector<float> slopes((size_px + kTile - 1) / kTile * kTile);
  for (size_t i = 0; i < slopes.size(); ++i) {
    slopes[i] = static_cast<float>((static_cast<double>(i) - centre_px) / focal_px);
  }
  return slopes;
}

}  // namespace

struct RayCaster::Impl {
  RTCDevice device = nullptr;
  RTCScene scene = nullptr;
  std::vector<std::unique_ptr<MeshGeometry>> meshes;  // by geometry id; 0 is the moving one
  std::vector<int32_t> first_triangle;                // of each mesh, in the common numbering
  std::string error;

  ~Impl() {
    meshes.clear();
    if (scene != nullptr) rtcReleaseScene(scene);
    if (device != nullptr) rtcReleaseDevice(device);
  }

  void Check(const char* doing) {
    if (error.empty()) return;
    const std::string message = std::string("ray caster, ") + doing + ": " + error;
    error.clear();
    throw EnvironmentError(message);
  }

  void Add(RTCBuildQuality quality,
           const std::vector<Eigen::Vector3f>& vertices_mm,
           const std::vector<std::array<int, 3>>& triangles) {
    auto mesh = std::make_unique<MeshGeometry>(device, quality, vertices_mm.size(), triangles);
    Check("allocating a mesh");
    mesh->SetVertices(vertices_mm);
    first_triangle.push_back(meshes.empty()
                                 ? 0
                                 : first_triangle.back() +
                                       static_cast<int32_t>(meshes.back()->num_triangles()));
    rtcAttachGeometryByID(scene, mesh->get(), static_cast<unsigned>(meshes.size()));
    meshes.push_back(std::move(mesh));
    Check("attaching a mesh");
  }

  void Commit() {
    rtcCommitScene(scene);
    Check("building the hierarchy");
  }

  int32_t Triangle(unsigned geometry, unsigned primitive) const {
    return first_triangle[geometry] + static_cast<int32_t>(primitive);
  }
};

RayCaster::RayCaster(const std::vector<Eigen::Vector3f>& rest_mm,
                     const std::vector<std::array<int, 3>>& triangles)
    : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  m.device = NewSingleThreadedDevice();
  if (m.device == nullptr) {
    throw EnvironmentError("Embree cannot start (error " +
                           std::to_string(rtcGetDeviceError(nullptr)) +
                           "); run `handforge doctor`");
  }
  rtcSetDeviceErrorFunction(m.device, RecordError, &m.error);
  m.scene = rtcNewScene(m.device);
  rtcSetSceneFlags(m.scene, RTC_SCENE_FLAG_DYNAMIC | RTC_SCENE_FLAG_ROBUST);
  // Only a scene of low quality has a hierarchy for each mesh; any other ignores the meshes' own
  // quality and is built anew at each commit.
  rtcSetSceneBuildQuality(m.scene, RTC_BUILD_QUALITY_LOW);
  m.Add(RTC_BUILD_QUALITY_REFIT, rest_mm, triangles);
  m.Commit();
}

RayCaster::~RayCaster() = default;

void RayCaster::SetVertices(const std::vector<Eigen::Vector3f>& vertices_mm) {
  impl_->meshes[0]->SetVertices(vertices_mm);
  impl_->Commit();
}

void RayCaster::SetObjects(const std::vector<TriangleMesh>& objects) {
  Impl& m = *impl_;
  if (objects.empty() && m.meshes.size() == 1) return;
  while (m.meshes.size() > 1) {
    rtcDetachGeometry(m.scene, static_cast<unsigned>(m.meshes.size() - 1));
    m.meshes.pop_back();
    m.first_triangle.pop_back();
  }
  for (const TriangleMesh& object : objects) {
    m.Add(RTC_BUILD_QUALITY_LOW, object.vertices_mm, object.triangles);
  }
  m.Commit();
}

void RayCaster::Trace(const PinholeCamera& camera, PrimaryHits* hits) const {
  const Impl& m = *impl_;
  const int width = camera.width_px, height = camera.height_px;
  const size_t size = static_cast<size_t>(width) * height;
  hits->width = width;
  hits->height = height;
  hits->triangle.assign(size, PrimaryHits::kMiss);
  hits->depth_mm.assign(size, 0);
  hits->u.resize(size);
  hits->v.resize(size);

  Tiles tiles(camera);
  for (const auto& mesh : m.meshes) mesh->Touch(camera, &tiles);
  const std::vector<float> slope_x = Slopes(width, camera.fx, camera.cx);
  const std::vector<float> slope_y = Slopes(height, camera.fy, camera.cy);
  RayQuery query(/*coherent=*/true);
  PrimaryPacket packet;
  for (int row = 0; row < tiles.rows(); ++row) {
    for (int column = 0; column < tiles.columns(); ++column) {
      if (!tiles.Touched(column, row)) continue;
      const int x = kTile * column, y = kTile * row;
      packet.Aim(&slope_x[x], &slope_y[y], width - x, height - y);
      query.Intersect16(packet.valid, m.scene, &packet.rays);
      for (int i = 0; i < kTilePixels; ++i) {
        const RTCHit16& hit = packet.rays.hit;
        if (packet.valid[i] == 0 || hit.geomID[i] == RTC_INVALID_GEOMETRY_ID) continue;
        const size_t at = static_cast<size_t>(y + i / kTile) * width + x + i % kTile;
        hits->triangle[at] = m.Triangle(hit.geomID[i], hit.primID[i]);
        hits->depth_mm[at] = packet.rays.ray.tfar[i];
        hits->u[at] = hit.u[i];
        hits->v[at] = hit.v[i];
      }
    }
  }
}

RayCaster::Hit RayCaster::TraceRay(const Eigen::Vector3f& origin_mm,
                                   const Eigen::Vector3f& direction) const {
  RayQuery query(/*coherent=*/false);
  alignas(16) RTCRayHit ray{};
  ray.ray.org_x = origin_mm.x();
  ray.ray.org_y = origin_mm.y();
  ray.ray.org_z = origin_mm.z();
  ray.ray.dir_x = direction.x();
  ray.ray.dir_y = direction.y();
  ray.ray.dir_z = direction.z();
  ray.ray.tfar = kInfinity;
  ray.ray.mask = ~0u;
  ray.hit.geomID = RTC_INVALID_GEOMETRY_ID;
  ray.hit.instID[0] = RTC_INVALID_GEOMETRY_ID;
  query.Intersect1(impl_->scene, &ray);
  if (ray.hit.geomID == RTC_INVALID_GEOMETRY_ID) return {};
  return {impl_->Triangle(ray.hit.geomID, ray.hit.primID), ray.ray.tfar};
}

void RayCaster::Occluded(const Eigen::Vector3f& origin_mm,
                         const std::vector<Eigen::Vector3f>& directions,
                         std::vector<uint8_t>* occluded) const {
  std::vector<Ray> rays;
  rays.reserve(directions.size());
  for (const Eigen::Vector3f& d : directions) rays.push_back({origin_mm, d, kInfinity});
  Occluded(rays, occluded);
}

void RayCaster::Intersect(const std::vector<Ray>& rays, std::vector<RayHit>* hits) const {
  RayQuery query(/*coherent=*/false);
  StreamPacket packet;
  hits->assign(rays.size(), RayHit());
  for (size_t first = 0; first < rays.size(); first += kStreamPacket) {
    const int lanes = packet.Load(rays, first);
    query.Intersect8(packet.valid, impl_->scene, &packet.rays);
    for (int i = 0; i < lanes; ++i) {
      const RTCHit8& hit = packet.rays.hit;
      if (hit.geomID[i] == RTC_INVALID_GEOMETRY_ID) continue;
      (*hits)[first + i] = {impl_->Triangle(hit.geomID[i], hit.primID[i]),
                            packet.rays.ray.tfar[i],
                            hit.u[i],
                            hit.v[i]};
    }
  }
}

void RayCaster::Occluded(const std::vector<Ray>& rays, std::vector<uint8_t>* occluded) const {
  RayQuery query(/*coherent=*/false);
  StreamPacket packet;
  occluded->resize(rays.size());
  for (size_t first = 0; first < rays.size(); first += kStreamPacket) {
    const int lanes = packet.Load(rays, first);
    query.Occluded8(packet.valid, impl_->scene, &packet.rays.ray);
    for (int i = 0; i < lanes; ++i) (*occluded)[first + i] = packet.rays.ray.tfar[i] < 0 ? 1 : 0;
  }
}

}  // namespace handforge
