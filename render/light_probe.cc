#include "render/light_probe.h"

#include "render/srgb.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

using Eigen::Vector2f;
using Eigen::Vector3f;

constexpr int kSide = LightProbe::kSide;
// Share of the samples that every cell gets, lit or not: bounds the weight of reflected directions.
constexpr float kEvenShare = 0.05f;

// d(solid angle) = 4 r^-3 d(area of the unit square), r the length of the point on the octahedron.
float SquarePerSteradian(const Vector3f& direction) {
  const float r = 1 / direction.lpNorm<1>();
  return 0.25f * r * r * r;
}

Vector3f Bilinear(const ImageF32& image, const Vector3f& d) {
  double phi = std::atan2(d.z(), d.x());
  if (phi < 0) phi += 2 * M_PI;
  const double x = phi / (2 * M_PI) * image.width - 0.5;
  const double y = std::acos(std::clamp(d.y(), -1.0f, 1.0f)) / M_PI * image.height - 0.5;
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  const auto fx = static_cast<float>(x - x0), fy = static_cast<float>(y - y0);
  const auto pixel = [&](int px, int py) {
    const int wx = (px + image.width) % image.width, wy = std::clamp(py, 0, image.height - 1);
    return Vector3f(image.at(wx, wy, 0), image.at(wx, wy, 1), image.at(wx, wy, 2));
  };
  return (1 - fy) * ((1 - fx) * pixel(x0, y0) + fx * pixel(x0 + 1, y0)) +
         fy * ((1 - fx) * pixel(x0, y0 + 1) + fx * pixel(x0 + 1, y0 + 1));
}

int CellOf(const Vector2f& point) {
  const int x = std::min(static_cast<int>(point.x() * kSide), kSide - 1);
  const int y = std::min(static_cast<int>(point.y() * kSide), kSide - 1);
  return y * kSide + x;
}

// Position of `u` in a cumulative table of kSide + 1 entries that ends at 1: cell plus fraction.
float Invert(const float* cumulative, float u) {
  const float* above = std::upper_bound(cumulative + 1, cumulative + kSide, u);
  const float low = *(above - 1), high = *above;
  const float fraction = high > low ? std::min((u - low) / (high - low), 0.99999f) : 0.5f;
  return static_cast<float>(above - 1 - cumulative) + fraction;
}

}  // namespace

Vector2f OctahedralPoint(const Vector3f& direction) {
  const Vector3f p = direction / direction.lpNorm<1>();
  Vector2f q(p.x(), p.z());
  if (p.y() < 0) {
    q = {std::copysign(1 - std::abs(p.z()), p.x()), std::copysign(1 - std::abs(p.x()), p.z())};
  }
  return 0.5f * (q + Vector2f::Ones());
}

Vector3f OctahedralDirection(const Vector2f& point) {
  const Vector2f q = 2 * point - Vector2f::Ones();
  const float y = 1 - std::abs(q.x()) - std::abs(q.y());
  if (y >= 0) return Vector3f(q.x(), y, q.y()).normalized();
  return Vector3f(std::copysign(1 - std::abs(q.y()), q.x()),
                  y,
                  std::copysign(1 - std::abs(q.x()), q.y()))
      .normalized();
}

LightProbe LightProbe::FromEquirectangular(const ImageF32& equirectangular) {
  constexpr int kTaps = 2;  // per cell and axis
  LightProbe out;
  out.radiance_.assign(kSide * kSide, Vector3f::Zero());
  out.density_.assign(kSide * kSide, 0);
  float total = 0;
  for (int cell = 0; cell < kSide * kSide; ++cell) {
    float solid_angle = 0;
    for (int tap = 0; tap < kTaps * kTaps; ++tap) {
      const Vector2f in_cell(static_cast<float>(tap % kTaps) + 0.5f,
                             static_cast<float>(tap / kTaps) + 0.5f);
      const Vector2f corner(static_cast<float>(cell % kSide), static_cast<float>(cell / kSide));
      const Vector3f d = OctahedralDirection((corner + in_cell / kTaps) / kSide);
      const float weight = 1 / SquarePerSteradian(d);
      out.radiance_[cell] += weight * Bilinear(equirectangular, d);
      solid_angle += weight;
    }
    out.radiance_[cell] /= solid_angle;
    out.density_[cell] = Luminance(out.radiance_[cell]) * solid_angle;
    total += out.density_[cell];
  }
  for (float& density : out.density_) {
    density = total > 0 ? (1 - kEvenShare) * density * kSide * kSide / total + kEvenShare : 1;
  }

  out.rows_.assign(kSide + 1, 0);
  out.columns_.assign(kSide * (kSide + 1), 0);
  for (int y = 0; y < kSide; ++y) {
    float* row = &out.columns_[y * (kSide + 1)];
    for (int x = 0; x < kSide; ++x) row[x + 1] = row[x] + out.density_[y * kSide + x];
    out.rows_[y + 1] = out.rows_[y] + row[kSide];
    for (int x = 1; x < kSide; ++x) row[x] /= row[kSide];
    row[kSide] = 1;
  }
  for (int y = 1; y < kSide; ++y) out.rows_[y] /= out.rows_[kSide];
  out.rows_[kSide] = 1;
  return out;
}

Vector3f LightProbe::Radiance(const Vector3f& direction) const {
  return radiance_[CellOf(OctahedralPoint(direction))];
}

float LightProbe::Density(const Vector3f& direction) const {
  return density_[CellOf(OctahedralPoint(direction))] * SquarePerSteradian(direction);
}

LightProbe::Sample LightProbe::Draw(const Vector2f& u) const {
  const float y = Invert(rows_.data(), u.y());
  const int row = static_cast<int>(y);
  const float x = Invert(&columns_[row * (kSide + 1)], u.x());
  const int cell = row * kSide + static_cast<int>(x);
  const Vector3f direction = OctahedralDirection(Vector2f(x, y) / kSide);
  return {direction, radiance_[cell], density_[cell] * SquarePerSteradian(direction)};
}

}  // namespace handforge
