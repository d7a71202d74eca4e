#include "render/path_tracer.h"

#include "render/environment.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace handforge {
namespace {

using Eigen::Vector3f;

LightProbe UniformProbe(float radiance) {
  return LightProbe::FromEquirectangular(ImageF32(64, 32, 3, radiance));
}

// A sphere of triangles between circles of latitude, poles on y.
struct Ball {
  std::vector<Vector3f> vertices_mm;
  DiffuseMesh mesh;

  Ball(const Vector3f& centre, float radius_mm, float albedo, int rings = 64) {
    for (int i = 0; i <= rings; ++i) {
      for (int k = 0; k < 2 * rings; ++k) {
        const float theta = static_cast<float>(M_PI) * i / rings,
                    phi = static_cast<float>(M_PI) * k / rings;
        const Vector3f n(
            std::sin(theta) * std::cos(phi), std::cos(theta), std::sin(theta) * std::sin(phi));
        vertices_mm.push_back(centre + radius_mm * n);
        mesh.normals.push_back(n);
        mesh.albedo.push_back(Vector3f::Constant(albedo));
      }
    }
    const int n = 2 * rings;
    for (int i = 0; i < rings; ++i) {
      for (int k = 0; k < n; ++k) {
        const int a = i * n + k, b = i * n + (k + 1) % n, c = a + n, d = b + n;
        mesh.triangles.push_back({a, b, c});
        mesh.triangles.push_back({b, d, c});
      }
    }
  }
};

SurfacePoint PointOn(const Vector3f& at_mm, const Vector3f& normal) {
  SurfacePoint p;
  p.origin_mm = at_mm + 0.05f * normal;
  p.facet = p.normal = p.view = normal;
  return p;
}

double MeanDiffuse(const std::vector<Outgoing>& light) {
  double sum = 0;
  for (const Outgoing& l : light) sum += l.diffuse.y();
  return sum / static_cast<double>(light.size());
}

TEST(PathTracer, WhiteBallInAUniformProbeVanishes) {
  const Ball ball({0, 0, 400}, 60, 1);
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  const LightProbe probe = UniformProbe(0.7f);
  SceneLights lights;
  lights.probe = &probe;
  std::vector<SurfacePoint> points;
  for (size_t v = 0; v < ball.vertices_mm.size(); v += 37) {
    points.push_back(PointOn(ball.vertices_mm[v], ball.mesh.normals[v]));
  }
  PathOptions options;
  options.samples = 256;
  PathTracer tracer;
  const std::vector<Outgoing> light = tracer.Trace(rays, ball.mesh, lights, points, options, 1);
  EXPECT_NEAR(MeanDiffuse(light), 0.7, 0.002);
  for (const Outgoing& l : light) {
    EXPECT_NEAR(l.diffuse.x(), 0.7, 0.02);
    EXPECT_EQ(l.specular.x(), 0);
  }
}

TEST(PathTracer, WhiteCornerKeepsAllLightOverManyBounces) {
  // Two white balls that nearly touch: light goes to and fro between them and none is lost.
  Ball two({-60, 0, 400}, 60, 1);
  const Ball other({60.5f, 0, 400}, 60, 1);
  const int shift = static_cast<int>(two.vertices_mm.size());
  for (const auto& t : other.mesh.triangles)
    two.mesh.triangles.push_back({t[0] + shift, t[1] + shift, t[2] + shift});
  two.vertices_mm.insert(two.vertices_mm.end(), other.vertices_mm.begin(), other.vertices_mm.end());
  two.mesh.normals.insert(
      two.mesh.normals.end(), other.mesh.normals.begin(), other.mesh.normals.end());
  two.mesh.albedo.insert(two.mesh.albedo.end(), other.mesh.albedo.begin(), other.mesh.albedo.end());
  const RayCaster rays(two.vertices_mm, two.mesh.triangles);
  const LightProbe probe = UniformProbe(1);
  SceneLights lights;
  lights.probe = &probe;
  // 40 degrees from where they touch: a good part of what the point sees is the other ball.
  const Vector3f n = Vector3f(std::cos(0.7f), std::sin(0.7f), 0);
  const std::vector<SurfacePoint> points(64, PointOn(Vector3f(-60, 0, 400) + 60 * n, n));
  PathOptions options;
  options.samples = 256;
  options.bounces = 32;
  options.sequence = SampleSequence::Kind::kIndependent;
  PathTracer tracer;
  EXPECT_NEAR(MeanDiffuse(tracer.Trace(rays, two.mesh, lights, points, options, 2)), 1, 0.015);
  options.bounces = 1;
  EXPECT_LT(MeanDiffuse(tracer.Trace(rays, two.mesh, lights, points, options, 2)), 0.99);
}

// A plane under a ball, lit by a uniform probe: the ball hides a cap of the sky. The share of the
// cosine-weighted sky that a ball of radius r at height h straight above takes is (r / h)^2.
TEST(PathTracer, ShadowOfABallIsItsFormFactor) {
  constexpr float kRadius = 40, kHeight = 100;
  const Ball ball({0, -kHeight, 400}, kRadius, 0);  // black; camera y points down
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  const LightProbe probe = UniformProbe(1);
  SceneLights lights;
  lights.probe = &probe;
  const std::vector<SurfacePoint> points(64, PointOn({0, 0, 400}, {0, -1, 0}));
  PathOptions options;
  options.samples = 256;
  options.sequence = SampleSequence::Kind::kIndependent;
  PathTracer tracer;
  EXPECT_NEAR(MeanDiffuse(tracer.Trace(rays, ball.mesh, lights, points, options, 3)),
              1 - kRadius * kRadius / (kHeight * kHeight),
              0.006);
}

// Even light on the layer of a point, seen at many angles.
TEST(PathTracer, LayerAlbedoIsWhatTheLayerSendsBackOfEvenLight) {
  const Ball ball({0, 0, 400}, 60, 0);
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  const LightProbe probe = UniformProbe(1);
  SceneLights lights;
  lights.probe = &probe;
  std::vector<SurfacePoint> points;
  for (const float roughness : {0.3f, 0.45f, 0.6f}) {
    for (const float degrees : {0.0f, 40.0f, 60.0f, 70.0f, 78.0f}) {
      const float angle = degrees * static_cast<float>(M_PI) / 180;
      SurfacePoint p = PointOn({0, 0, 340}, {0, 0, -1});
      p.view = {std::sin(angle), 0, -std::cos(angle)};
      p.reflectance = 0.028f;
      p.roughness = roughness;
      points.push_back(p);
    }
  }
  PathOptions options;
  options.samples = 4096;
  PathTracer tracer;
  const std::vector<Outgoing> light = tracer.Trace(rays, ball.mesh, lights, points, options, 3);
  for (size_t i = 0; i < points.size(); ++i) {
    const float traced = light[i].specular.y();
    EXPECT_NEAR(LayerAlbedo(points[i]), traced, 0.25f * traced)
        << "roughness " << points[i].roughness << ", cosine "
        << points[i].normal.dot(points[i].view);
  }
  points[0].reflectance = 0;
  EXPECT_EQ(LayerAlbedo(points[0]), 0);
}

// The plane again, with a grey ball, which shines in the light of the probe.
TEST(PathTracer, LightComesBackFromABall) {
  const Ball ball({0, -100, 400}, 40, 0.5f);
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  const LightProbe probe = UniformProbe(1);
  SceneLights lights;
  lights.probe = &probe;
  const std::vector<SurfacePoint> points(64, PointOn({0, 0, 400}, {0, -1, 0}));
  PathOptions options;
  options.samples = 256;
  options.sequence = SampleSequence::Kind::kIndependent;
  PathTracer tracer;
  // Nothing but the ball is in the scene, so all of it is lit by the whole probe: radiance 0.5.
  EXPECT_NEAR(MeanDiffuse(tracer.Trace(rays, ball.mesh, lights, points, options, 4)),
              1 - 0.5 * 0.16,
              0.006);
}

TEST(PathTracer, LampFollowsTheInverseSquare) {
  const Ball far_away({0, 0, 5000}, 10, 0);
  const RayCaster rays(far_away.vertices_mm, far_away.mesh.triangles);
  const LightProbe dark = UniformProbe(0);
  SceneLights lights;
  lights.probe = &dark;
  lights.lamps = {{{0, -1000, 400}, {10, 0, 0}, {0, 0, 10}, Vector3f::Constant(5)}};
  const std::vector<SurfacePoint> points(64, PointOn({0, 0, 400}, {0, -1, 0}));
  PathOptions options;
  options.samples = 64;
  PathTracer tracer;
  const double near = MeanDiffuse(tracer.Trace(rays, far_away.mesh, lights, points, options, 5));
  // radiance * area / (pi distance^2)
  EXPECT_NEAR(near, 5 * 400 / (M_PI * 1e6), 0.02 * near);
  lights.lamps[0].centre_mm.y() = -2000;
  EXPECT_NEAR(MeanDiffuse(tracer.Trace(rays, far_away.mesh, lights, points, options, 5)),
              near / 4,
              0.01 * near);
}

TEST(PathTracer, ALayerSendsOutNoMoreThanArrives) {
  const Ball ball({0, 0, 400}, 60, 0);
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  const LightProbe probe = UniformProbe(1);
  SceneLights lights;
  lights.probe = &probe;
  PathOptions options;
  options.samples = 1024;
  PathTracer tracer;
  for (const float roughness : {0.3f, 0.5f, 0.8f}) {
    for (const float tilt : {0.0f, 0.7f, 1.2f}) {
      SurfacePoint p = PointOn({0, 0, 340}, {0, 0, -1});
      p.view = {std::sin(tilt), 0, -std::cos(tilt)};
      p.reflectance = 0.04f;
      p.roughness = roughness;
      const Outgoing out = tracer.Trace(rays, ball.mesh, lights, {p}, options, 6)[0];
      EXPECT_LE(out.diffuse.x() + out.specular.x(), 1.03) << roughness << " " << tilt;
      EXPECT_GE(out.diffuse.x() + out.specular.x(), 0.7) << roughness << " " << tilt;
      EXPECT_GT(out.specular.x(), 0.015);
    }
  }
}

// Root mean square error of the diffuse light under a ball, with a lamp-like bright patch of sky.
double NoiseAt(int samples, SampleSequence::Kind kind) {
  ImageF32 sky(64, 32, 3, 0.2f);
  for (int y = 4; y < 8; ++y) {
    for (int x = 10; x < 14; ++x) {
      for (int c = 0; c < 3; ++c) sky.at(x, y, c) = 30;
    }
  }
  const LightProbe probe = LightProbe::FromEquirectangular(sky);
  SceneLights lights;
  lights.probe = &probe;
  lights.probe_from_cam = Vector3f(1, -1, -1).asDiagonal();
  const Ball ball({0, -60, 400}, 40, 0.5f);
  const RayCaster rays(ball.vertices_mm, ball.mesh.triangles);
  std::vector<SurfacePoint> points(256, PointOn({0, 0, 400}, {0, -1, 0}));
  for (size_t i = 0; i < points.size(); ++i) {
    points[i].x = static_cast<uint16_t>(i % 16);
    points[i].y = static_cast<uint16_t>(i / 16);
  }
  PathOptions options;
  options.tile = 16;
  options.samples = samples;
  options.sequence = kind;
  PathTracer tracer;
  const std::vector<Outgoing> light = tracer.Trace(rays, ball.mesh, lights, points, options, 7);
  const double mean = MeanDiffuse(light);
  double squares = 0;
  for (const Outgoing& l : light) squares += (l.diffuse.y() - mean) * (l.diffuse.y() - mean);
  return std::sqrt(squares / static_cast<double>(light.size())) / mean;
}

TEST(PathTracer, NoiseFallsWithTheRootOfTheSamples) {
  const auto plain = SampleSequence::Kind::kIndependent;
  const double at_4 = NoiseAt(4, plain), at_64 = NoiseAt(64, plain);
  EXPECT_NEAR(at_4 / at_64, 4, 0.8);
  EXPECT_LT(NoiseAt(64, SampleSequence::Kind::kInterleaved), at_64)
      << "points that are well spread are less noisy";
}

}  // namespace
}  // namespace handforge
