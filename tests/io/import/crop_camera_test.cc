// Crops of whole pictures against what projecting the turned joints says.
#include "io/import/crop_camera.h"

#include "io/core/error.h"
#include "io/core/random.h"
#include "tests/io/error_matchers.h"

#include <cmath>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <gmock/gmock.h>

namespace handforge {
namespace {

using ::testing::HasSubstr;

constexpr int kPx = 96;

// Wider than high, with unequal focal lengths and its principal point off the centre.
PinholeCamera Picture() { return {320, 240, 300, 290, 170, 110}; }

// Within a ball of 90 mm, somewhere in the picture.
Joints3 RandomHand(uint64_t seed) {
  Random random(seed, 0, 0, Purpose::kTest);
  const PinholeCamera camera = Picture();
  const double z = random.Uniform(350, 900);
  const Eigen::Vector3d middle = z * camera.Ray({random.Uniform(20, 300), random.Uniform(20, 220)});
  Joints3 joints;
  for (int j = 0; j < kNumJoints; ++j) {
    for (int c = 0; c < 3; ++c) joints(j, c) = middle[c] + random.Uniform(-90, 90);
  }
  return joints;
}

CropCamera CropOf(const Joints3& joints) { return CropAround(joints, kPx, 0.66); }

Joints2 Projected(const CropCamera& crop, const Joints3& joints) {
  return crop.camera.Project(Joints3(joints * crop.crop_from_cam.transpose()));
}

TEST(CropAround, CentresTheBoxOfTheJointsAndFillsItsShare) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Joints3 joints = RandomHand(seed);
    const Joints2 px = Projected(CropOf(joints), joints);
    const Eigen::RowVector2d low = px.colwise().minCoeff(), high = px.colwise().maxCoeff();
    const double centre = (kPx - 1) / 2.0;
    EXPECT_NEAR((low.x() + high.x()) / 2, centre, 0.02);
    EXPECT_NEAR((low.y() + high.y()) / 2, centre, 0.02);
    EXPECT_NEAR((high - low).maxCoeff(), 0.66 * kPx, 1e-3);
  }
}

TEST(CropAround, TurnsTheCameraWithoutRollOrMirror) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const CropCamera crop = CropOf(RandomHand(seed));
    EXPECT_TRUE((crop.crop_from_cam * crop.crop_from_cam.transpose()).isIdentity(1e-12));
    EXPECT_NEAR(crop.crop_from_cam.determinant(), 1, 1e-12);
    const Eigen::AngleAxisd turn(crop.crop_from_cam);
    EXPECT_NEAR(turn.axis().z(), 0, 1e-9);
    EXPECT_EQ(crop.camera.fx, crop.camera.fy);
    EXPECT_EQ(crop.camera.cx, (kPx - 1) / 2.0);
  }
}

TEST(CropAround, RefusesHandsThatNoCameraSees) {
  Joints3 joints = RandomHand(1);
  joints(7, 2) = -10;
  EXPECT_THAT(MessageOf<DataError>([&] { CropOf(joints); }), HasSubstr("behind the camera"));
  joints = Joints3::Zero();
  joints.col(2).setConstant(400);
  EXPECT_THAT(MessageOf<DataError>([&] { CropOf(joints); }), HasSubstr("one point"));
}

// Colours that say where in the picture they stand.
ImageU8 Coordinates(const PinholeCamera& camera) {
  ImageU8 rgb(camera.width_px, camera.height_px, 3);
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      rgb.at(x, y, 0) = static_cast<uint8_t>(x / 2);
      rgb.at(x, y, 1) = static_cast<uint8_t>(y);
      rgb.at(x, y, 2) = static_cast<uint8_t>(255 - y);
    }
  }
  return rgb;
}

TEST(CropColours, ShowEachRayInTheColoursOfItsPixel) {
  const PinholeCamera camera = Picture();
  const ImageU8 picture = Coordinates(camera);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const CropCamera crop = CropOf(RandomHand(seed));
    for (const int size_px : {kPx, 40}) {
      const ImageU8 cropped = CropColours(crop, camera, picture, size_px);
      const PinholeCamera grid = crop.camera.Resized(size_px, size_px);
      int compared = 0;
      for (int y = 0; y < size_px; ++y) {
        for (int x = 0; x < size_px; ++x) {
          const Eigen::Vector3d ray =
              crop.crop_from_cam.transpose() * grid.Ray(Eigen::Vector2d(x, y));
          const Eigen::Vector2d p = camera.Project(ray);
          if (p.x() < 4 || p.y() < 4 || p.x() > 315 || p.y() > 235) continue;
          ++compared;
          EXPECT_NEAR(cropped.at(x, y, 0), (p.x() - 0.5) / 2, 1.5);
          EXPECT_NEAR(cropped.at(x, y, 1), p.y(), 1.5);
          EXPECT_NEAR(cropped.at(x, y, 2), 255 - p.y(), 1.5);
        }
      }
      EXPECT_GT(compared, size_px * size_px / 4);
    }
  }
}

TEST(CropColours, AverageWhatIsFinerThanTheirPixels) {
  const PinholeCamera camera = Picture();
  ImageU8 picture(camera.width_px, camera.height_px, 3);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int c = 0; c < 3; ++c) picture.at(x, y, c) = (x + y) % 2 == 0 ? 0 : 200;
    }
  }
  Joints3 joints = RandomHand(3);
  joints.col(2).array() -= joints.col(2).mean() - 300;
  const ImageU8 cropped = CropColours(CropOf(joints), camera, picture, 16);
  for (const uint8_t value : cropped.pixels) EXPECT_NEAR(value, 100, 15);
}

TEST(CropColours, MirrorThePictureBeyondItsEdges) {
  const PinholeCamera camera = Picture();
  Joints3 joints = RandomHand(4);
  joints.rowwise() += Eigen::RowVector3d(camera.Ray({0, 120}).transpose() * 500) -
                      Eigen::RowVector3d(joints.colwise().mean());
  const CropCamera crop = CropOf(joints);
  const ImageU8 cropped = CropColours(crop, camera, Coordinates(camera), kPx);
  int beyond = 0;
  for (int x = 0; x < kPx; ++x) {
    const Eigen::Vector3d ray =
        crop.crop_from_cam.transpose() * crop.camera.Ray(Eigen::Vector2d(x, kPx / 2));
    const Eigen::Vector2d p = camera.Project(ray);
    if (p.x() > -4) continue;
    ++beyond;
    EXPECT_NEAR(cropped.at(x, kPx / 2, 0), (-p.x() - 0.5) / 2, 1.5);
  }
  EXPECT_GT(beyond, kPx / 4);
}

TEST(CropMask, HoldsTheNearestPixelAndNothingBeyond) {
  const PinholeCamera camera = Picture();
  ImageU8 mask(camera.width_px, camera.height_px);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      mask.at(x, y) = static_cast<uint8_t>(1 + (7 * x + 3 * y) % 16);
    }
  }
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const CropCamera crop = CropOf(RandomHand(seed));
    const ImageU8 cropped = CropMask(crop, camera, mask);
    for (int y = 0; y < kPx; ++y) {
      for (int x = 0; x < kPx; ++x) {
        const Eigen::Vector3d ray =
            crop.crop_from_cam.transpose() * crop.camera.Ray(Eigen::Vector2d(x, y));
        const Eigen::Vector2d p = camera.Project(ray);
        const Eigen::Vector2d off = (p.array() - p.array().round()).abs() - 0.5;
        if (off.cwiseAbs().minCoeff() < 1e-6) continue;  // between two
        const int u = static_cast<int>(std::lround(p.x())),
                  v = static_cast<int>(std::lround(p.y()));
        EXPECT_EQ(cropped.at(x, y), mask.Contains(u, v) ? mask.at(u, v) : 0) << x << " " << y;
      }
    }
  }
}

// A slanted plane, traced by the picture's camera and by the crop's.
TEST(CropDepth, IsThatOfTheTurnedCamera) {
  const PinholeCamera camera = Picture();
  const Eigen::Vector3d normal = Eigen::Vector3d(0.05, -0.1, 1).normalized();
  constexpr double kDistanceMm = 600;
  ImageU16 depth(camera.width_px, camera.height_px);
  for (int y = 0; y < depth.height; ++y) {
    for (int x = 0; x < depth.width; ++x) {
      const double z = kDistanceMm / normal.dot(camera.Ray(Eigen::Vector2d(x, y)));
      depth.at(x, y) = static_cast<uint16_t>(std::lround(z / 0.1));
    }
  }
  double most_turned_mm = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const CropCamera crop = CropOf(RandomHand(seed));
    const ImageU16 cropped = CropDepth(crop, camera, depth);
    const Eigen::Vector3d turned = crop.crop_from_cam * normal;
    int measured = 0;
    for (int y = 0; y < kPx; ++y) {
      for (int x = 0; x < kPx; ++x) {
        const double z = kDistanceMm / turned.dot(crop.camera.Ray(Eigen::Vector2d(x, y)));
        if (cropped.at(x, y) == 0) continue;
        ++measured;
        // A pixel of the picture spans 2 mm of the plane, of which it slants off at most 0.3.
        EXPECT_NEAR(0.1 * cropped.at(x, y), z, 0.4);
        const double untouched = kDistanceMm / normal.dot(crop.camera.Ray(Eigen::Vector2d(x, y)));
        most_turned_mm = std::max(most_turned_mm, std::abs(z - untouched));
      }
    }
    EXPECT_GT(measured, kPx * kPx / 4);
  }
  EXPECT_GT(most_turned_mm, 30) << "the turns must matter";
}

}  // namespace
}  // namespace handforge
