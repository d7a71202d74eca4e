#include "render/ray_caster.h"

#include "io/core/error.h"
#include "tests/render/render_testing.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

struct TriangleMesh {
  std::vector<Vector3f> vertices;
  std::vector<std::array<int, 3>> triangles;
};

// A finely divided sphere.
TriangleMesh Sphere(const Vector3f& centre, float radius, int rings, int sectors) {
  TriangleMesh m;
  for (int r = 0; r <= rings; ++r) {
    for (int s = 0; s < sectors; ++s) {
      const double theta = M_PI * r / rings, phi = 2 * M_PI * s / sectors;
      m.vertices.push_back(centre + radius * Vector3f(std::sin(theta) * std::cos(phi),
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
    m.vertices.emplace_back(x, y, (d - n.x() * x - n.y() * y) / n.z());
  }
  m.triangles = {{0, 1, 2}, {0, 2, 3}};
  return m;
}

TEST(RayCaster, DepthOfAPlaneIsClosedForm) {
  const PinholeCamera camera{160, 121, 300, 280, 70.25, 66.5};  // not square, not centred
  const Vector3f n(0.2f, -0.3f, 1);
  const TriangleMesh plane = Plane(n, 600);
  RayCaster caster(plane.vertices.size(), plane.triangles);
  caster.SetVertices(plane.vertices);
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
  RayCaster caster(sphere.vertices.size(), sphere.triangles);
  caster.SetVertices(sphere.vertices);
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
  RayCaster caster(sphere.vertices.size(), sphere.triangles);
  caster.SetVertices(sphere.vertices);
  PrimaryHits hits;
  caster.Trace(camera, &hits);
  for (size_t at = 0; at < hits.triangle.size(); ++at) {
    if (hits.triangle[at] == PrimaryHits::kMiss) continue;
    const auto& t = sphere.triangles[hits.triangle[at]];
    const Vector3f x = (1 - hits.u[at] - hits.v[at]) * sphere.vertices[t[0]] +
                       hits.u[at] * sphere.vertices[t[1]] + hits.v[at] * sphere.vertices[t[2]];
    const Eigen::Vector2d pixel = camera.Project(Eigen::Vector3d(x.cast<double>()));
    EXPECT_NEAR(pixel.x(), static_cast<double>(at % 64), 0.01);
    EXPECT_NEAR(pixel.y(), static_cast<double>(at / 64), 0.01);
    EXPECT_NEAR(x.z(), hits.depth_mm[at], 0.01);
  }
}

TEST(RayCaster, OccludedAgreesWithTheSphereSeenFromInsideAndOutside) {
  const TriangleMesh sphere = Sphere({0, 0, 300}, 50, 40, 80);
  RayCaster caster(sphere.vertices.size(), sphere.triangles);
  caster.SetVertices(sphere.vertices);
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
  RayCaster caster(sphere.vertices.size(), sphere.triangles);
  caster.SetVertices(sphere.vertices);
  EXPECT_NEAR(caster.TraceRay({0, 0, 0}, {0, 0, 1}).distance, 250, 1);
  for (auto& v : sphere.vertices) v.z() += 100;
  caster.SetVertices(sphere.vertices);
  EXPECT_NEAR(caster.TraceRay({0, 0, 0}, {0, 0, 1}).distance, 350, 1);
  EXPECT_EQ(caster.TraceRay({0, 0, 0}, {1, 0, 0}).triangle, PrimaryHits::kMiss);
}

TEST(RayCaster, RefusesVerticesThatAreNotFinite) {
  TriangleMesh sphere = Sphere({0, 0, 300}, 50, 4, 8);
  RayCaster caster(sphere.vertices.size(), sphere.triangles);
  sphere.vertices[7].y() = NAN;
  EXPECT_THROW(caster.SetVertices(sphere.vertices), DataError);
  sphere.vertices.pop_back();
  EXPECT_THROW(caster.SetVertices(sphere.vertices), DataError);
}

}  // namespace
}  // namespace handforge
