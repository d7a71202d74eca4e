#include "render/ray_caster.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

// A finely divided sphere.
TriangleMesh Sphere(const Vector3f& centre, float radius, int rings, int sectors) {
  TriangleMesh m;
  for (int r = 0; r <= rings; ++r) {
    for (int s = 0; s < sectors; ++s) {
      const double theta = M_PI * r / rings, phi = 2 * M_PI * s / sectors;
      m.vertices_mm.push_back(centre + radius * Vector3f(std::sin(theta) * std::cos(phi),
                                                         std::cos(theta),
                                                         std::sin(theta) * std::sin(phi)));
    }
  }
  for (int r = 0; r < rings; ++r) {
    for (int s = 0; s < sectors; ++s) {
      const int a = r * sectors + s, b = r * sectors + (s + 1) % sectors;
      m.triangles.push_back({a, b, a + sectors});
      m.triangles.push_back({b, b + sectors, a + sectors});
    }
  }
  return m;
}

// Two triangles in the plane n . x = d that cover the whole view.
TriangleMesh Plane(const Vector3f& n, float d) {
  TriangleMesh m;
  for (const auto& [x, y] : {std::pair{-4000, -4000}, {4000, -4000}, {4000, 4000}, {-4000, 4000}}) {
    m.vertices_mm.emplace_back(x, y, (d - n.x() * x - n.y() * y) / n.z());
  }
  m.triangles = {{0, 1, 2}, {0, 2, 3}};
  return m;
}

TEST(RayCaster, DepthOfAPlaneIsClosedForm) {
  const PinholeCamera camera{160, 121, 300, 280, 70.25, 66.5};  // not square, not centred
  const Vector3f n(0.2f, -0.3f, 1);
  const TriangleMesh plane = Plane(n, 600);
  RayCaster caster(plane.vertices_mm, plane.triangles);
  PrimaryHits hits;
  caster.Trace(camera, &hits);
  for (int y = 0; y < camera.height_px; ++y) {
    for (int x = 0; x < camera.width_px; ++x) {
      const Eigen::Vector3d ray = camera.Ray({static_cast<double>(x), static_cast<double>(y)});
      const double expected = 600 / n.cast<double>().dot(ray);
      const size_t at = static_cast<size_t>(y) * camera.width_px + x;
      ASSERT_NE(hits.triangle[at], PrimaryHits::kMiss);
      ASSERT_NEAR(hits.depth_mm[at], expected, 0.01) << x << ", " << y;
    }
  }
}

TEST(RayCaster, DepthOfASphereIsClosedForm) {
  const PinholeCamera camera = PinholeCamera::Centred(128, 250);
  const Vector3f centre(20, -15, 500);
  const TriangleMesh sphere = Sphere(centre, 80, 200, 400);
  RayCaster caster(sphere.vertices_mm, sphere.triangles);
  PrimaryHits hits;
  caster.Trace(camera, &hits);
  int inside = 0;
  for (int y = 0; y < 128; ++y) {
    for (int x = 0; x < 128; ++x) {
      const Eigen::Vector3d d = camera.Ray({static_cast<double>(x), static_cast<double>(y)});
      const Eigen::Vector3d c = centre.cast<double>();
      const double b = d.dot(c) / d.squaredNorm();
      const double discriminant = b * b - (c.squaredNorm() - 80.0 * 80.0) / d.squaredNorm();
      const size_t at = static_cast<size_t>(y) * 128 + x;
      if (discriminant < 0) {
        ASSERT_EQ(hits.triangle[at], PrimaryHits::kMiss)
            << "the inscribed mesh lies inside the sphere";
      } else if (std::sqrt(discriminant) > 10) {  // away from the rim, where depth is steep
        ASSERT_NEAR(hits.depth_mm[at], b - std::sqrt(discriminant), 0.25);
        ++inside;
      }
    }
  }
  EXPECT_GT(inside, 3000);
}

TEST(RayCaster, BarycentricCoordinatesGiveTheHitPoint) {
  const PinholeCamera camera = PinholeCamera::Centred(64, 120);
  const TriangleMesh sphere = Sphere({0, 0, 400}, 90, 20, 40);
  RayCaster caster(sphere.vertices_mm, sphere.triangles);
  PrimaryHits hits;
  caster.Trace(camera, &hits);
  for (size_t at = 0; at < hits.triangle.size(); ++at) {
    if (hits.triangle[at] == PrimaryHits::kMiss) continue;
    const auto& t = sphere.triangles[hits.triangle[at]];
    const Vector3f x = (1 - hits.u[at] - hits.v[at]) * sphere.vertices_mm[t[0]] +
                       hits.u[at] * sphere.vertices_mm[t[1]] +
                       hits.v[at] * sphere.vertices_mm[t[2]];
    const Eigen::Vector2d pixel = camera.Project(Eigen::Vector3d(x.cast<double>()));
    EXPECT_NEAR(pixel.x(), static_cast<double>(at % 64), 0.01);
    EXPECT_NEAR(pixel.y(), static_cast<double>(at / 64), 0.01);
    EXPECT_NEAR(x.z(), hits.depth_mm[at], 0.01);
  }
}

TEST(RayCaster, OccludedAgreesWithTheSphereSeenFromInsideAndOutside) {
  const TriangleMesh sphere = Sphere({0, 0, 300}, 50, 40, 80);
  RayCaster caster(sphere.vertices_mm, sphere.triangles);
  Random random(5, 0, 0, Purpose::kTest);
  std::vector<Vector3f> directions;
  for (int i = 0; i < 1003; ++i) {  // no multiple of the packet size
    directions.push_back(Vector3f(random.Normal(), random.Normal(), random.Normal()).normalized());
  }
  std::vector<uint8_t> occluded;
  caster.Occluded({0, 0, 300}, directions, &occluded);
  for (uint8_t o : occluded) ASSERT_EQ(o, 1);
  caster.Occluded({0, 0, 0}, directions, &occluded);
  for (size_t i = 0; i < directions.size(); ++i) {
    const double sine = directions[i].head<2>().norm();
    const bool hits = directions[i].z() > 0 && sine < 50.0 / 300 - 0.002;
    const bool misses = directions[i].z() <= 0 || sine > 50.0 / 300 + 0.002;
    if (hits || misses) {
      EXPECT_EQ(occluded[i], hits ? 1 : 0);
    }
  }
}

TEST(RayCaster, MovingVerticesMovesTheScene) {
  TriangleMesh sphere = Sphere({0, 0, 300}, 50, 20, 40);
  RayCaster caster(sphere.vertices_mm, sphere.triangles);
  EXPECT_NEAR(caster.TraceRay({0, 0, 0}, {0, 0, 1}).distance, 250, 1);
  for (auto& v : sphere.vertices_mm) v.z() += 100;
  caster.SetVertices(sphere.vertices_mm);
  EXPECT_NEAR(caster.TraceRay({0, 0, 0}, {0, 0, 1}).distance, 350, 1);
  EXPECT_EQ(caster.TraceRay({0, 0, 0}, {1, 0, 0}).triangle, PrimaryHits::kMiss);
}

TEST(RayCaster, HitsDoNotDependOnWhatWasTracedBefore) {
  const PinholeCamera camera = PinholeCamera::Centred(96, 180);
  const TriangleMesh rest = Sphere({0, 0, 400}, 90, 30, 60);
  TriangleMesh bent = rest, other = rest;
  for (Vector3f& v : bent.vertices_mm) v.x() += 0.004f * v.y() * v.y();
  for (Vector3f& v : other.vertices_mm) v = {v.y(), -v.x(), v.z() + 100};
  RayCaster fresh(rest.vertices_mm, rest.triangles), used(rest.vertices_mm, rest.triangles);
  PrimaryHits a, b;
  used.SetVertices(other.vertices_mm);
  used.SetObjects({Sphere({0, 0, 300}, 20, 6, 12)});
  used.Trace(camera, &b);
  used.SetObjects({});
  fresh.SetVertices(bent.vertices_mm);
  used.SetVertices(bent.vertices_mm);
  fresh.Trace(camera, &a);
  used.Trace(camera, &b);
  EXPECT_EQ(a.triangle, b.triangle);
  EXPECT_EQ(a.depth_mm, b.depth_mm);
}

TEST(RayCaster, ObjectsAreNumberedAfterTheMovingMesh) {
  const TriangleMesh behind = Sphere({0, 0, 500}, 60, 10, 20);
  const TriangleMesh left = Sphere({-40, 0, 300}, 15, 8, 16),
                     right = Sphere({40, 0, 300}, 15, 9, 9);
  RayCaster caster(behind.vertices_mm, behind.triangles);
  caster.SetObjects({left, right});
  const auto ends = [&](size_t n) { return static_cast<int>(n); };
  const int first = ends(behind.triangles.size()), second = first + ends(left.triangles.size());
  const int past = second + ends(right.triangles.size());
  const auto triangle = [&](float x) { return caster.TraceRay({0, 0, 0}, {x, 0, 1}).triangle; };
  EXPECT_LT(triangle(0), first);
  EXPECT_GE(triangle(0), 0);
  EXPECT_GE(triangle(-40.0f / 300), first);
  EXPECT_LT(triangle(-40.0f / 300), second);
  EXPECT_GE(triangle(40.0f / 300), second);
  EXPECT_LT(triangle(40.0f / 300), past);
  caster.SetObjects({right});
  EXPECT_EQ(triangle(-40.0f / 300), PrimaryHits::kMiss);
  EXPECT_GE(triangle(40.0f / 300), first);
}

TEST(RayCaster, RefusesVerticesThatAreNotFinite) {
  TriangleMesh sphere = Sphere({0, 0, 300}, 50, 4, 8);
  RayCaster caster(sphere.vertices_mm, sphere.triangles);
  sphere.vertices_mm[7].y() = NAN;
  EXPECT_THROW(caster.SetVertices(sphere.vertices_mm), DataError);
  sphere.vertices_mm.pop_back();
  EXPECT_THROW(caster.SetVertices(sphere.vertices_mm), DataError);
}

}  // namespace
}  // namespace handforge
