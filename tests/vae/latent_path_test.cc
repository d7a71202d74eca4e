#include "vae/latent_path.h"

#include "io/core/error.h"
#include "io/core/random.h"

#include <cmath>

#include <gtest/gtest.h>

namespace handforge {
namespace {

double Length(const std::vector<float>& code) {
  double squares = 0;
  for (const float value : code) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

std::vector<float> Normals(uint64_t index) {
  Random random(1, index, 0, Purpose::kTest);
  std::vector<float> code(32);
  for (float& value : code) value = static_cast<float>(random.Normal());
  return code;
}

TEST(Slerp, QuarterCircleAtEvenSpeed) {
  for (const double t : {0.0, 0.25, 0.5, 1.0}) {
    const std::vector<float> code = Slerp({2, 0}, {0, 2}, t);
    EXPECT_NEAR(code[0], 2 * std::cos(t * M_PI / 2), 1e-6);
    EXPECT_NEAR(code[1], 2 * std::sin(t * M_PI / 2), 1e-6);
  }
}

TEST(Slerp, LengthMovesLinearlyAndNeverDips) {
  const std::vector<float> a = Normals(0), b = Normals(1);
  for (int i = 0; i <= 10; ++i) {
    const double t = i / 10.0;
    EXPECT_NEAR(Length(Slerp(a, b, t)), (1 - t) * Length(a) + t * Length(b), 1e-5);
  }
}

TEST(Slerp, StraightLineWhereThereIsNoCircle) {
  EXPECT_EQ(Slerp({1, 1}, {3, 3}, 0.5), (std::vector<float>{2, 2}));
  EXPECT_EQ(Slerp({0, 0}, {3, 4}, 0.5), (std::vector<float>{1.5F, 2}));
  for (const float value : Slerp({1, 0}, {-1, 0}, 0.5)) EXPECT_TRUE(std::isfinite(value));
}

TEST(LatentPath, PassesThroughEveryWaypoint) {
  const std::vector<std::vector<float>> waypoints = {Normals(0), Normals(1), Normals(2)};
  const auto path = LatentPath(waypoints, 5);
  ASSERT_EQ(path.size(), 11u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(path[5 * i], waypoints[i]);
  EXPECT_THROW(LatentPath({Normals(0)}, 5), UsageError);
}

}  // namespace
}  // namespace handforge
