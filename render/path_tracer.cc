#include "render/path_tracer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Geometry>

namespace handforge {
namespace {

using Eigen::Vector2f;
using Eigen::Vector3f;

constexpr float kPi = 3.14159265f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kOffsetMm = 0.3f;    // keeps rays off the facet they start from
constexpr float kProbeShare = 0.5f;  // of the light samples where there are lamps too

// Pairs of dimensions of the sample sequence.
constexpr uint32_t kLightDimension = 0, kScatterDimension = 1, kLobeDimension = 2;
constexpr uint32_t LightDimension(int bounce) { return 3 + 2 * bounce; }
constexpr uint32_t ScatterDimension(int bounce) { return 4 + 2 * bounce; }

// Duff et al., Building an orthonormal basis, revisited, JCGT 2017.
void Basis(const Vector3f& n, Vector3f* s, Vector3f* t) {
  const float sign = std::copysign(1.0f, n.z());
  const float a = -1 / (sign + n.z()), b = n.x() * n.y() * a;
  *s = {1 + sign * n.x() * n.x() * a, sign * b, -sign * n.x()};
  *t = {b, sign + n.y() * n.y() * a, -n.y()};
}

Vector3f ToWorld(const Vector3f& n, const Vector3f& local) {
  Vector3f s, t;
  Basis(n, &s, &t);
  return local.x() * s + local.y() * t + local.z() * n;
}

Vector3f CosineDirection(const Vector2f& u) {
  const float r = std::sqrt(u.x()), phi = 2 * kPi * u.y();
  return {r * std::cos(phi), r * std::sin(phi), std::sqrt(1 - u.x())};
}

float Pow5(float x) { return x * x * x * x * x; }

float Schlick(float reflectance, float cosine) {
  return reflectance + (1 - reflectance) * Pow5(1 - std::clamp(cosine, 0.0f, 1.0f));
}

float Alpha2(const SurfacePoint& p) {
  const float alpha = p.roughness * p.roughness;
  return alpha * alpha;
}

// Share of the light that passes the layer into the ground. A rough layer sends less back at
// grazing angles than Fresnel's law says of a smooth one.
float GroundShare(const SurfacePoint& p) {
  if (p.reflectance <= 0) return 1;
  const float grazing = Pow5(1 - std::clamp(p.normal.dot(p.view), 0.0f, 1.0f));
  return 1 - p.reflectance - (1 - p.reflectance) * grazing * (1 - p.roughness);
}

// Share of the scattered directions drawn for the layer: more where it reflects more.
float LayerSampleShare(const SurfacePoint& p) {
  if (p.reflectance <= 0) return 0;
  const float reflected = Schlick(p.reflectance, p.normal.dot(p.view));
  return std::clamp(reflected / (reflected + 0.3f), 0.15f, 0.75f);
}

// Smith's masking of GGX in one direction of cosine `n_dot` to the normal.
float Masking(float alpha2, float n_dot) {
  return 2 * n_dot / (n_dot + std::sqrt(alpha2 + (1 - alpha2) * n_dot * n_dot));
}

struct Scattering {
  float diffuse = 0;   // ground share / pi, times cosine
  float specular = 0;  // BRDF of the layer, times cosine
  float density = 0;   // of ScatterFirst, per steradian
};

// GGX with height-correlated Smith masking (Walter et al., EGSR 2007; Heitz, JCGT 2014).
Scattering Evaluate(const SurfacePoint& p, const Vector3f& direction, float cosine) {
  Scattering out;
  out.diffuse = GroundShare(p) * cosine / kPi;
  const float layer = LayerSampleShare(p);
  out.density = (1 - layer) * cosine / kPi;
  const float nv = p.normal.dot(p.view);
  if (layer <= 0 || nv <= 1e-3f) return out;
  const Vector3f half = (direction + p.view).normalized();
  const float nh = p.normal.dot(half), vh = std::max(p.view.dot(half), 1e-4f);
  const float a2 = Alpha2(p);
  const float slope = nh * nh * (a2 - 1) + 1;
  const float distribution = a2 / (kPi * slope * slope);
  const float masking = 0.5f / (cosine * std::sqrt(nv * nv * (1 - a2) + a2) +
                                nv * std::sqrt(cosine * cosine * (1 - a2) + a2));
  out.specular = distribution * masking * Schlick(p.reflectance, vh) * cosine;
  out.density += layer * Masking(a2, nv) * distribution / (4 * nv);
  return out;
}

// A microfacet's normal among those that the camera sees (Heitz, Sampling the GGX distribution of
// visible normals, JCGT 2018).
Vector3f VisibleHalfVector(const SurfacePoint& p, const Vector2f& u) {
  Vector3f s, t;
  Basis(p.normal, &s, &t);
  const float alpha = p.roughness * p.roughness;
  const Vector3f stretched =
      Vector3f(alpha * s.dot(p.view), alpha * t.dot(p.view), p.normal.dot(p.view)).normalized();
  const float flat = std::hypot(stretched.x(), stretched.y());
  const Vector3f across =
      flat > 1e-6f ? Vector3f(-stretched.y() / flat, stretched.x() / flat, 0) : Vector3f(1, 0, 0);
  const float r = std::sqrt(u.x()), phi = 2 * kPi * u.y();
  const float a = r * std::cos(phi), rim = std::sqrt(std::max(0.0f, 1 - a * a));
  const float b = rim + 0.5f * (1 + stretched.z()) * (r * std::sin(phi) - rim);
  const Vector3f half = a * across + b * stretched.cross(across) +
                        std::sqrt(std::max(0.0f, rim * rim - b * b)) * stretched;
  const Vector3f local =
      Vector3f(alpha * half.x(), alpha * half.y(), std::max(half.z(), 1e-6f)).normalized();
  return local.x() * s + local.y() * t + local.z() * p.normal;
}

Vector3f ScatterDirection(const SurfacePoint& p, const Vector2f& u, float lobe) {
  if (lobe >= LayerSampleShare(p)) return ToWorld(p.normal, CosineDirection(u));
  const Vector3f half = VisibleHalfVector(p, u);
  return 2 * p.view.dot(half) * half - p.view;
}

}  // namespace

float LayerAlbedo(const SurfacePoint& p) {
  if (p.reflectance <= 0) return 0;
  const float smooth = 1 - p.roughness;
  const float grazing = std::exp2(-9.28f * std::clamp(p.normal.dot(p.view), 0.0f, 1.0f));
  const float a = std::min(smooth * smooth, grazing) * smooth + 0.0425f - 0.0275f * p.roughness;
  const float slope = 1.04f - 0.572f * p.roughness - 1.04f * a;
  const float offset = 1.04f * a + 0.022f * p.roughness - 0.04f;
  return std::max(slope * p.reflectance + offset, 1e-4f);
}

struct PathTracer::Run {
  const RayCaster& rays;
  const DiffuseMesh& mesh;
  const SceneLights& lights;
  const std::vector<SurfacePoint>& points;
  const PathOptions& options;
  SampleSequence sequence;
  float probe_share;
};

// A point on a lamp or a direction of the probe, the same for all points of a group.
struct PathTracer::LightSample {
  const AreaLight* lamp = nullptr;
  Vector3f place;        // direction of the probe, or point on the lamp
  Vector3f lamp_normal;  // times the lamp's area
  Vector3f radiance;     // over the density of the sample
  float density = 0;     // of a probe sample, per steradian

  struct Towards {
    Vector3f direction;
    float length;
    float weight;
  };
  Towards From(const Vector3f& origin_mm) const {
    if (lamp == nullptr) return {place, kInfinity, 1};
    const Vector3f way = place - origin_mm;
    const float length = std::max(way.norm(), 1e-3f);
    const Vector3f direction = way / length;
    return {direction, length, std::abs(direction.dot(lamp_normal)) / (length * length)};
  }
};

PathTracer::LightSample PathTracer::DrawLight(const Run& run,
                                              uint32_t dimension,
                                              uint32_t pixel,
                                              uint32_t sample) const {
  Vector2f u = run.sequence.Point(dimension, pixel, sample);
  const auto& lamps = run.lights.lamps;
  LightSample out;
  if (u.x() < run.probe_share || lamps.empty()) {
    u.x() = std::min(u.x() / run.probe_share, 0.999999f);
    const LightProbe::Sample drawn = run.lights.probe->Draw(u);
    out.place = run.lights.probe_from_cam.transpose() * drawn.direction;
    out.density = drawn.density * run.probe_share;
    out.radiance = drawn.radiance / out.density;
    return out;
  }
  const auto count = static_cast<float>(lamps.size());
  const float place = (u.x() - run.probe_share) / (1 - run.probe_share) * count;
  const size_t i = std::min(static_cast<size_t>(place), lamps.size() - 1);
  out.lamp = &lamps[i];
  const float across = 2 * (place - static_cast<float>(i)) - 1;
  out.place = out.lamp->centre_mm + across * out.lamp->half_width_mm +
              (2 * u.y() - 1) * out.lamp->half_height_mm;
  out.lamp_normal = 4 * out.lamp->half_width_mm.cross(out.lamp->half_height_mm);
  out.radiance = out.lamp->radiance * count / (1 - run.probe_share);
  return out;
}

void PathTracer::LightFirst(const Run& run,
                            const std::vector<uint32_t>& group,
                            const LightSample& light) {
  rays_.clear();
  pending_.clear();
  for (uint32_t index : group) {
    const SurfacePoint& p = run.points[index];
    const auto [direction, length, weight] = light.From(p.origin_mm);
    const float cosine = p.normal.dot(direction);
    if (cosine <= 0 || p.facet.dot(direction) <= 0) continue;
    const Scattering s = Evaluate(p, direction, cosine);
    const float balance =
        light.lamp == nullptr ? light.density / (light.density + s.density) : weight;
    rays_.push_back({p.origin_mm, direction, length});
    pending_.push_back(
        {index, s.diffuse * balance * light.radiance, s.specular * balance * light.radiance, 0});
  }
  AddUnoccluded(run);
}

void PathTracer::AddUnoccluded(const Run& run) {
  run.rays.Occluded(rays_, &occluded_);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (occluded_[i]) continue;
    sums_[pending_[i].point].diffuse += pending_[i].diffuse;
    sums_[pending_[i].point].specular += pending_[i].specular;
  }
}

void PathTracer::ScatterFirst(const Run& run,
                              const std::vector<uint32_t>& group,
                              const Vector2f& u,
                              float lobe) {
  rays_.clear();
  pending_.clear();
  for (uint32_t index : group) {
    const SurfacePoint& p = run.points[index];
    const Vector3f direction = ScatterDirection(p, u, lobe);
    const float cosine = p.normal.dot(direction);
    if (cosine <= 0 || p.facet.dot(direction) <= 0) continue;
    const Scattering s = Evaluate(p, direction, cosine);
    if (s.density <= 0) continue;
    rays_.push_back({p.origin_mm, direction, kInfinity});
    pending_.push_back({index,
                        Vector3f::Constant(s.diffuse / s.density),
                        Vector3f::Constant(s.specular / s.density),
                        s.density});
  }
  FindVertices(run);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (hits_[i].triangle != PrimaryHits::kMiss) continue;
    const Vector3f direction = run.lights.probe_from_cam * rays_[i].direction;
    const float light_density = run.probe_share * run.lights.probe->Density(direction);
    const float balance = pending_[i].density / (pending_[i].density + light_density);
    const Vector3f radiance = balance * run.lights.probe->Radiance(direction);
    Outgoing& sum = sums_[pending_[i].point];
    sum.diffuse += pending_[i].diffuse.cwiseProduct(radiance);
    sum.specular += pending_[i].specular.cwiseProduct(radiance);
  }
}

// Traces `rays_` and makes vertices of what they hit.
void PathTracer::FindVertices(const Run& run) {
  run.rays.Intersect(rays_, &hits_);
  vertices_.clear();
  for (size_t i = 0; i < hits_.size(); ++i) {
    const RayCaster::RayHit& hit = hits_[i];
    if (hit.triangle == PrimaryHits::kMiss) continue;
    const auto& [a, b, c] = run.mesh.triangles[hit.triangle];
    const auto blend = [&, w = 1 - hit.u - hit.v](const std::vector<Vector3f>& values) -> Vector3f {
      return w * values[a] + hit.u * values[b] + hit.v * values[c];
    };
    Vector3f normal = blend(run.mesh.normals).normalized();
    if (normal.dot(rays_[i].direction) > 0) normal = -normal;
    vertices_.push_back(
        {pending_[i].point,
         rays_[i].origin_mm + hit.distance_mm * rays_[i].direction + kOffsetMm * normal,
         normal,
         blend(run.mesh.albedo),
         pending_[i].diffuse,
         pending_[i].specular});
  }
}

void PathTracer::LightVertices(const Run& run, const LightSample& light) {
  rays_.clear();
  pending_.clear();
  for (const Vertex& v : vertices_) {
    const auto [direction, length, weight] = light.From(v.position_mm);
    const float cosine = v.normal.dot(direction);
    if (cosine <= 0) continue;
    const Vector3f sent = v.albedo.cwiseProduct(light.radiance) * (cosine * weight / kPi);
    rays_.push_back({v.position_mm, direction, length});
    pending_.push_back({v.point, v.diffuse.cwiseProduct(sent), v.specular.cwiseProduct(sent), 0});
  }
  AddUnoccluded(run);
}

// The probe is left to LightVertices: rays that leave the scene bring nothing.
void PathTracer::ScatterVertices(const Run& run, const Vector2f& u) {
  rays_.clear();
  pending_.clear();
  const Vector3f local = CosineDirection(u);
  for (const Vertex& v : vertices_) {
    rays_.push_back({v.position_mm, ToWorld(v.normal, local), kInfinity});
    pending_.push_back(
        {v.point, v.diffuse.cwiseProduct(v.albedo), v.specular.cwiseProduct(v.albedo), 0});
  }
  FindVertices(run);
}

void PathTracer::TakeSample(const Run& run,
                            const std::vector<uint32_t>& group,
                            uint32_t pixel,
                            uint32_t sample) {
  LightFirst(run, group, DrawLight(run, kLightDimension, pixel, sample));
  ScatterFirst(run,
               group,
               run.sequence.Point(kScatterDimension, pixel, sample),
               run.sequence.Point(kLobeDimension, pixel, sample).x());
  for (int bounce = 0; bounce < run.options.bounces && !vertices_.empty(); ++bounce) {
    LightVertices(run, DrawLight(run, LightDimension(bounce), pixel, sample));
    if (bounce + 1 < run.options.bounces) {
      ScatterVertices(run, run.sequence.Point(ScatterDimension(bounce), pixel, sample));
    }
  }
}

const std::vector<Outgoing>& PathTracer::Trace(const RayCaster& rays,
                                               const DiffuseMesh& mesh,
                                               const SceneLights& lights,
                                               const std::vector<SurfacePoint>& points,
                                               const PathOptions& options,
                                               uint64_t key) {
  const Run run{rays,
                mesh,
                lights,
                points,
                options,
                SampleSequence(options.sequence, key, static_cast<uint32_t>(options.samples)),
                lights.lamps.empty() ? 1 : kProbeShare};
  sums_.assign(points.size(), Outgoing());

  // Points that share random numbers.
  const bool interleaved = options.sequence == SampleSequence::Kind::kInterleaved;
  std::vector<std::vector<uint32_t>> groups(interleaved ? options.tile * options.tile
                                                        : points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    const int place = points[i].y % options.tile * options.tile + points[i].x % options.tile;
    groups[interleaved ? place : i].push_back(static_cast<uint32_t>(i));
  }
  for (size_t pixel = 0; pixel < groups.size(); ++pixel) {
    for (int sample = 0; sample < options.samples && !groups[pixel].empty(); ++sample) {
      TakeSample(run, groups[pixel], static_cast<uint32_t>(pixel), static_cast<uint32_t>(sample));
    }
  }
  const float scale = 1 / static_cast<float>(options.samples);
  for (Outgoing& sum : sums_) {
    sum.diffuse *= scale;
    sum.specular *= scale;
  }
  return sums_;
}

}  // namespace handforge
