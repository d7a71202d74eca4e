#include "render/ray_caster.h"

#include "io/core/error.h"
#include "render/embree_compat.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>

namespace handforge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kPacket = 8;

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

struct PixelBox {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // half-open
};

}  // namespace

struct RayCaster::Impl {
  RTCDevice device = nullptr;
  RTCScene scene = nullptr;
  RTCGeometry geometry = nullptr;
  size_t num_vertices = 0;
  float* vertices = nullptr;
  std::string error;

  ~Impl() {
    if (geometry != nullptr) rtcReleaseGeometry(geometry);
    if (scene != nullptr) rtcReleaseScene(scene);
    if (device != nullptr) rtcReleaseDevice(device);
  }

  void Check(const char* doing) {
    if (error.empty()) return;
    const std::string message = std::string("ray caster, ") + doing + ": " + error;
    error.clear();
    throw EnvironmentError(message);
  }

  // Pixels that the vertices can cover; the whole picture where one is behind the near plane.
  PixelBox ProjectedBox(const PinholeCamera& camera) const {
    double x0 = kInfinity, y0 = kInfinity, x1 = -kInfinity, y1 = -kInfinity;
    for (size_t v = 0; v < num_vertices; ++v) {
      const float* p = vertices + 3 * v;
      if (p[2] <= kNearMm) return {0, 0, camera.width_px, camera.height_px};
      const double x = camera.fx * p[0] / p[2] + camera.cx, y = camera.fy * p[1] / p[2] + camera.cy;
      x0 = std::min(x0, x);
      x1 = std::max(x1, x);
      y0 = std::min(y0, y);
      y1 = std::max(y1, y);
    }
    const auto clamp = [](double value, int size) {
      return static_cast<int>(std::clamp(value, 0.0, static_cast<double>(size)));
    };
    return {clamp(std::floor(x0), camera.width_px),
            clamp(std::floor(y0), camera.height_px),
            clamp(std::ceil(x1) + 1, camera.width_px),
            clamp(std::ceil(y1) + 1, camera.height_px)};
  }
};

RayCaster::RayCaster(size_t num_vertices, const std::vector<std::array<int, 3>>& triangles)
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
  rtcSetSceneBuildQuality(m.scene, RTC_BUILD_QUALITY_MEDIUM);
  m.geometry = rtcNewGeometry(m.device, RTC_GEOMETRY_TYPE_TRIANGLE);
  m.num_vertices = num_vertices;
  m.vertices = static_cast<float*>(rtcSetNewGeometryBuffer(
      m.geometry, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3, 3 * sizeof(float), num_vertices));
  auto* indices = static_cast<uint32_t*>(rtcSetNewGeometryBuffer(m.geometry,
                                                                 RTC_BUFFER_TYPE_INDEX,
                                                                 0,
                                                                 RTC_FORMAT_UINT3,
                                                                 3 * sizeof(uint32_t),
                                                                 triangles.size()));
  m.Check("allocating the mesh");
  for (size_t t = 0; t < triangles.size(); ++t) {
    for (int c = 0; c < 3; ++c) indices[3 * t + c] = static_cast<uint32_t>(triangles[t][c]);
  }
  rtcAttachGeometry(m.scene, m.geometry);
  m.Check("attaching the mesh");
}

RayCaster::~RayCaster() = default;

void RayCaster::SetVertices(const std::vector<Eigen::Vector3f>& vertices_mm) {
  Impl& m = *impl_;
  if (vertices_mm.size() != m.num_vertices) {
    throw DataError("ray caster: " + std::to_string(vertices_mm.size()) + " vertices given, " +
                    std::to_string(m.num_vertices) + " expected");
  }
  for (size_t v = 0; v < vertices_mm.size(); ++v) {
    if (!vertices_mm[v].allFinite()) {
      throw DataError("ray caster: vertex " + std::to_string(v) + " is not finite");
    }
    for (int c = 0; c < 3; ++c) m.vertices[3 * v + c] = vertices_mm[v][c];
  }
  rtcUpdateGeometryBuffer(m.geometry, RTC_BUFFER_TYPE_VERTEX, 0);
  rtcCommitGeometry(m.geometry);
  rtcCommitScene(m.scene);
  m.Check("building the hierarchy");
}

void RayCaster::Trace(const PinholeCamera& camera, PrimaryHits* hits) const {
  const Impl& m = *impl_;
  const size_t size = static_cast<size_t>(camera.width_px) * camera.height_px;
  hits->width = camera.width_px;
  hits->height = camera.height_px;
  hits->triangle.assign(size, PrimaryHits::kMiss);
  hits->depth_mm.assign(size, 0);
  hits->u.assign(size, 0);
  hits->v.assign(size, 0);

  RayQuery query(/*coherent=*/true);
  const PixelBox box = m.ProjectedBox(camera);
  alignas(32) RTCRayHit8 packet;
  alignas(32) int valid[kPacket];
  // Packets of 4 x 2 pixels: nearer to square, so more coherent than a row of 8.
  for (int y = box.y0; y < box.y1; y += 2) {
    for (int x = box.x0; x < box.x1; x += 4) {
      for (int i = 0; i < kPacket; ++i) {
        const int px = x + (i & 3), py = y + (i >> 2);
        valid[i] = px < box.x1 && py < box.y1 ? -1 : 0;
        packet.ray.org_x[i] = packet.ray.org_y[i] = packet.ray.org_z[i] = 0;
        packet.ray.dir_x[i] = static_cast<float>((px - camera.cx) / camera.fx);
        packet.ray.dir_y[i] = static_cast<float>((py - camera.cy) / camera.fy);
        packet.ray.dir_z[i] = 1;  // so the ray's parameter is z
        packet.ray.tnear[i] = kNearMm;
        packet.ray.tfar[i] = kInfinity;
        packet.ray.time[i] = 0;
        packet.ray.mask[i] = ~0u;
        packet.ray.id[i] = 0;
        packet.ray.flags[i] = 0;
        packet.hit.geomID[i] = RTC_INVALID_GEOMETRY_ID;
        packet.hit.instID[0][i] = RTC_INVALID_GEOMETRY_ID;
      }
      query.Intersect8(valid, m.scene, &packet);
      for (int i = 0; i < kPacket; ++i) {
        if (valid[i] == 0 || packet.hit.geomID[i] == RTC_INVALID_GEOMETRY_ID) continue;
        const size_t at = static_cast<size_t>(y + (i >> 2)) * camera.width_px + x + (i & 3);
        hits->triangle[at] = static_cast<int32_t>(packet.hit.primID[i]);
        hits->depth_mm[at] = packet.ray.tfar[i];
        hits->u[at] = packet.hit.u[i];
        hits->v[at] = packet.hit.v[i];
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
  return {static_cast<int32_t>(ray.hit.primID), ray.ray.tfar};
}

void RayCaster::Occluded(const Eigen::Vector3f& origin_mm,
                         const std::vector<Eigen::Vector3f>& directions,
                         std::vector<uint8_t>* occluded) const {
  RayQuery query(/*coherent=*/false);
  alignas(32) RTCRay8 packet;
  alignas(32) int valid[kPacket];
  occluded->resize(directions.size());
  for (size_t first = 0; first < directions.size(); first += kPacket) {
    for (int i = 0; i < kPacket; ++i) {
      const bool used = first + i < directions.size();
      valid[i] = used ? -1 : 0;
      const Eigen::Vector3f d = used ? directions[first + i] : Eigen::Vector3f::UnitZ();
      packet.org_x[i] = origin_mm.x();
      packet.org_y[i] = origin_mm.y();
      packet.org_z[i] = origin_mm.z();
      packet.dir_x[i] = d.x();
      packet.dir_y[i] = d.y();
      packet.dir_z[i] = d.z();
      packet.tnear[i] = 0;
      packet.tfar[i] = kInfinity;
      packet.time[i] = 0;
      packet.mask[i] = ~0u;
      packet.id[i] = 0;
      packet.flags[i] = 0;
    }
    query.Occluded8(valid, impl_->scene, &packet);
    for (int i = 0; i < kPacket && first + i < directions.size(); ++i) {
      (*occluded)[first + i] = packet.tfar[i] < 0 ? 1 : 0;
    }
  }
}

}  // namespace handforge
