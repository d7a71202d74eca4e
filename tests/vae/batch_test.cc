#include "vae/batch.h"

#include "io/core/camera.h"
#include "io/core/random.h"
#include "io/core/tuple.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "vae/degrade.h"
#include "vae/targets.h"

#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <Eigen/Geometry>
#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::HasSubstr;

constexpr int kPx = 32;

SampleSet ToySamples(int count) {
  TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), count * 4 / 3, folder / "data");
  return LoadTrainingData({(folder / "data").string()}, kPx).train;
}

std::vector<Pass> AllPairs() {
  return ParsePasses({"3d->3d*3", "2d->3d*2", "3d->2d", "rgb->3d", "rgb->rgb", "3d->rgb"});
}

BatchOptions SmallBatches() {
  BatchOptions options;
  options.pose_rows = 8;
  options.image_rows = 4;
  options.latent_dim = 5;
  return options;
}

TEST(MoveJoints, TurnSpaceAndImageAlike) {
  // Projection of the turned hand = turn of the projection, for a central principal point.
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(11, i, 0, Purpose::kTest);
    const double angle_rad = random.Uniform(-4, 4);
    Tuple tuple = ToyTuple(ToyOptions(), 2 * i);
    std::array<float, 42> joints2;
    NormaliseJoints2(tuple.joints_px, tuple.camera.width_px, Handedness::kRight, joints2.data());
    AugmentDraw draw;
    draw.angle_rad = angle_rad;
    MoveJoints2(draw, joints2.data());
    std::vector<float> joints3(63);
    for (int k = 0; k < 63; ++k) joints3[k] = static_cast<float>(tuple.joints_in_cam.data()[k]);
    MoveJoints3(draw, joints3.data());
    const Joints3 turned = MetricJoints3(joints3.data(), 1, Handedness::kRight);
    const Joints2 projected = tuple.camera.Project(turned);
    const Joints2 rotated = PixelJoints2(joints2.data(), tuple.camera.width_px, Handedness::kRight);
    EXPECT_LT((projected - rotated).cwiseAbs().maxCoeff(), 1e-3);
  }
}

TEST(AugmentImage, MovesThePictureWithTheJoints) {
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(12, i, 0, Purpose::kTest);
    AugmentDraw draw;
    draw.angle_rad = random.Uniform(-4, 4);
    draw.scale = random.Uniform(0.9, 1.1);
    draw.shift = {random.Uniform(-0.1, 0.1), random.Uniform(-0.1, 0.1)};
    draw.stretch = random.Uniform(0.9, 1.1);
    draw.stretch_axis_rad = random.Uniform(0, 3);
    // A bright 3x3 blob not far from the centre.
    const int x = 10 + static_cast<int>(random.Integer(12));
    const int y = 10 + static_cast<int>(random.Integer(12));
    std::vector<uint8_t> rgb(kPx * kPx * 3, 0);
    std::vector<uint8_t> alpha(kPx * kPx, 0);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) alpha[(y + dy) * kPx + x + dx] = 255;
    }
    std::vector<float> planes(kImagePlanes * kPx * kPx);
    AugmentImage(draw, rgb.data(), alpha.data(), kPx, planes.data());
    double sum = 0;
    double mean_x = 0;
    double mean_y = 0;
    for (int p = 0; p < kPx * kPx; ++p) {
      const double weight = planes[3 * kPx * kPx + p];
      sum += weight;
      mean_x += weight * (p % kPx);
      mean_y += weight * (p / kPx);
    }
    std::array<float, 42> joints{};
    joints[0] = static_cast<float>(2 * (x + 0.5) / kPx - 1);
    joints[1] = static_cast<float>(2 * (y + 0.5) / kPx - 1);
    MoveJoints2(draw, joints.data());
    const Joints2 expected = PixelJoints2(joints.data(), kPx, Handedness::kRight);
    EXPECT_NEAR(mean_x / sum, expected(0, 0), 0.15);
    EXPECT_NEAR(mean_y / sum, expected(0, 1), 0.15);
  }
}

TEST(AugmentImage, MarksWhatTheTurnedImageDoesNotReach) {
  const std::vector<uint8_t> rgb(kPx * kPx * 3, 90);
  const std::vector<uint8_t> alpha(kPx * kPx, 255);
  std::vector<float> planes(kImagePlanes * kPx * kPx);
  AugmentDraw draw;
  draw.angle_rad = std::acos(-1.0) / 4;
  AugmentImage(draw, rgb.data(), alpha.data(), kPx, planes.data());
  const float* valid = planes.data() + 4 * kPx * kPx;
  EXPECT_EQ(valid[0], 0);
  EXPECT_EQ(valid[kPx * kPx / 2 + kPx / 2], 1);
  EXPECT_NEAR(planes[0], 90 / 255.0, 1e-2) << "mirrored pixels, not black ones";
  draw.angle_rad = std::acos(-1.0) / 2;
  AugmentImage(draw, rgb.data(), alpha.data(), kPx, planes.data());
  EXPECT_TRUE(std::all_of(valid, valid + kPx * kPx, [](float v) { return v == 1; }))
      << "a quarter turn reaches every pixel";
}

TEST(MoveJoints3, StretchesAlongTheAxisAndKeepsTheBone) {
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(16, i, 0, Purpose::kTest);
    const Tuple tuple = ToyTuple(ToyOptions(), i);
    std::array<float, 63> joints;
    NormaliseJoints3(tuple.joints_in_cam, tuple.handedness, joints.data());
    Joints3 expected = MetricJoints3(joints.data(), 1, Handedness::kRight);
    AugmentDraw draw;
    draw.stretch = random.Uniform(0.85, 1.15);
    draw.stretch_axis_rad = random.Uniform(0, 3);
    MoveJoints3(draw, joints.data());
    const Eigen::RowVector2d axis(std::cos(draw.stretch_axis_rad), std::sin(draw.stretch_axis_rad));
    for (int j = 0; j < kNumJoints; ++j) {
      const Eigen::RowVector2d along = expected.row(j).head<2>().dot(axis) * axis;
      const Eigen::RowVector2d across = expected.row(j).head<2>() - along;
      expected.row(j).head<2>() = draw.stretch * along + across / draw.stretch;
    }
    expected /= ReferenceBoneLength(expected);
    const Joints3 moved = MetricJoints3(joints.data(), 1, Handedness::kRight);
    EXPECT_LT((moved - expected).cwiseAbs().maxCoeff(), 1e-4);
  }
}

TEST(BatchMaker, StretchesPicturesOfColoursAlone) {
  const SampleSet samples = ToySamples(24);
  const auto targets = [&](const char* pass, double stretch) {
    BatchOptions options = SmallBatches();
    options.augment.stretch = stretch;
    return BatchMaker(samples, ParsePasses({pass}), options).Make(1).targets;
  };
  EXPECT_NE(targets("rgb->3d", 0.2), targets("rgb->3d", 0));
  EXPECT_NE(targets("rgb->2d", 0.2), targets("rgb->2d", 0));
  for (const char* pass : {"depth->3d", "rgb->depth", "3d->3d", "2d->3d", "3d->rgb"}) {
    EXPECT_EQ(targets(pass, 0.2), targets(pass, 0)) << pass;
  }
}

// Nothing but what is switched on afterwards.
BatchOptions UnmovedBatches() {
  BatchOptions options = SmallBatches();
  options.augment.rotate = false;
  options.augment.brightness = 0;
  options.augment.colour = 0;
  return options;
}

TEST(BatchMaker, AShiftTurnsTheCameraOfTheCropsFocalLength) {
  SampleSet samples = ToySamples(24);
  samples.focal_over_size.assign(24, 3);
  BatchOptions options = UnmovedBatches();
  std::vector<float> joints =
      BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(1).targets[2];
  options.augment.shift = 0.3;
  const std::vector<float> shifted =
      BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(1).targets[2];
  for (int row = 0; row < options.image_rows; ++row) {
    AugmentDraw draw = DrawAugment(options.augment, options.seed, 1, row, true);
    draw.focal = 6;  // half crops
    MoveJoints3(draw, joints.data() + static_cast<ptrdiff_t>(row) * 63);
  }
  EXPECT_THAT(shifted, testing::Pointwise(testing::FloatNear(1e-6F), joints));
}

TEST(BatchMaker, TwoLooksAtAPictureAreNotShifted) {
  const SampleSet samples = ToySamples(24);
  const auto targets = [&](bool two_looks, double shift) {
    BatchOptions options = SmallBatches();
    options.two_looks = two_looks;
    options.augment.shift = shift;
    return BatchMaker(samples, ParsePasses({"rgb->rgb"}), options).Make(1).targets;
  };
  EXPECT_EQ(targets(true, 0.2), targets(true, 0));
  EXPECT_NE(targets(false, 0.2), targets(false, 0));
}

TEST(SetCanonicalFraming, CentresTheHandAndFillsTheCrop) {
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(13, i, 0, Purpose::kTest);
    const Tuple tuple = ToyTuple(ToyOptions(), i);
    std::array<float, 42> joints;
    NormaliseJoints2(tuple.joints_px, tuple.camera.width_px, tuple.handedness, joints.data());
    AugmentDraw draw;
    draw.angle_rad = random.Uniform(-4, 4);
    SetCanonicalFraming(joints.data(), &draw);
    MoveJoints2(draw, joints.data());
    const Joints2 moved = PixelJoints2(joints.data(), 100, Handedness::kRight);
    const Eigen::RowVector2d low = moved.colwise().minCoeff();
    const Eigen::RowVector2d high = moved.colwise().maxCoeff();
    EXPECT_NEAR((high - low).maxCoeff(), 100 * kCanonicalFill, 1e-3);
    EXPECT_NEAR((low[0] + high[0]) / 2, 49.5, 1e-3);
    EXPECT_NEAR((low[1] + high[1]) / 2, 49.5, 1e-3);
  }
}

TEST(BatchMaker, FramesCanonicallyWhatPosesAloneShow) {
  const SampleSet samples = ToySamples(24);
  const auto longer_side = [&](const char* pair) {
    const Batch batch = BatchMaker(samples, ParsePasses({pair}), SmallBatches()).Make(0);
    const Joints2 joints = PixelJoints2(batch.targets[1].data(), 100, Handedness::kRight);
    return (joints.colwise().maxCoeff() - joints.colwise().minCoeff()).maxCoeff();
  };
  EXPECT_NEAR(longer_side("3d->2d"), 100 * kCanonicalFill, 1e-3);
  EXPECT_NEAR(longer_side("3d->3d+2d"), 100 * kCanonicalFill, 1e-3);
  EXPECT_NEAR(longer_side("3d->2d+3d"), 100 * kCanonicalFill, 1e-3) << "in any order";
  EXPECT_GT(std::abs(longer_side("2d->2d") - 100 * kCanonicalFill), 1e-3);
}

TEST(BatchMaker, TellsTheSideOfEachRow) {
  SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  options.sides = true;
  BatchMaker maker(samples, ParsePasses({"rgb->3d", "3d->3d"}), options);
  const Batch images = maker.Make(0);
  ASSERT_EQ(images.sides.size(), 8u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(images.sides[2 * i] + images.sides[2 * i + 1], 1);
  EXPECT_TRUE(maker.Make(1).sides.empty()) << "joints say their side themselves";
  samples.handedness.assign(samples.handedness.size(), 0);
  const Batch all_left = BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(all_left.sides[2 * i], 1);
  EXPECT_EQ(all_left.input, images.input);
}

TEST(DrawAugment, CanBeSwitchedOff) {
  AugmentOptions options;
  options.rotate = false;
  options.brightness = 0;
  options.colour = 0;
  const AugmentDraw draw = DrawAugment(options, 1, 2, 3, true);
  EXPECT_EQ(draw.angle_rad, 0);
  EXPECT_EQ(draw.gain, (std::array<float, 3>{1, 1, 1}));
}

TEST(DrawAugment, TiltsImagesAroundQuarterTurns) {
  AugmentOptions options;
  options.image_tilt_deg = 10;
  std::set<int> quarters;
  for (int row = 0; row < 200; ++row) {
    const double degrees = DrawAugment(options, 1, 0, row, true).angle_rad * 180 / std::acos(-1.0);
    const int quarter = static_cast<int>(std::lround(degrees / 90));
    quarters.insert(quarter);
    EXPECT_LE(std::abs(degrees - 90 * quarter), 10 + 1e-9);
  }
  EXPECT_EQ(quarters, (std::set<int>{0, 1, 2, 3}));
}

TEST(BatchMaker, IsAFunctionOfTheStep) {
  const SampleSet samples = ToySamples(24);
  BatchMaker in_order(samples, AllPairs(), SmallBatches());
  std::map<int64_t, Batch> batches;
  for (int64_t step = 0; step < 40; ++step) batches[step] = in_order.Make(step);
  BatchMaker jumping(samples, AllPairs(), SmallBatches());
  for (const int64_t step : {39, 3, 17, 17, 0, 38, 12}) {
    const Batch batch = jumping.Make(step);
    EXPECT_EQ(batch.input, batches[step].input) << "step " << step;
    EXPECT_EQ(batch.targets, batches[step].targets) << "step " << step;
    EXPECT_EQ(batch.noise, batches[step].noise) << "step " << step;
  }
}

TEST(BatchMaker, VisitsEveryRowOncePerEpochInChangingOrder) {
  const SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  options.augment.rotate = false;
  BatchMaker maker(samples, ParsePasses({"3d->3d"}), options);
  std::vector<std::vector<float>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<float> seen;
    std::vector<float> order;
    for (int64_t step = 0; step < 3; ++step) {
      const Batch batch = maker.Make(epoch * 3 + step);
      for (int i = 0; i < batch.rows; ++i) {
        seen.insert(batch.input[static_cast<size_t>(i) * 63]);
        order.push_back(batch.input[static_cast<size_t>(i) * 63]);
      }
    }
    EXPECT_EQ(seen.size(), 24u);
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(BatchMaker, TurnsBothSidesOfAPairAlike) {
  const SampleSet samples = ToySamples(24);
  BatchMaker maker(samples, ParsePasses({"3d->3d"}), SmallBatches());
  const Batch batch = maker.Make(0);
  EXPECT_EQ(batch.input, batch.targets[2]);
}

TEST(BatchMaker, HasTheShapesItSays) {
  const SampleSet samples = ToySamples(24);
  BatchMaker maker(samples, AllPairs(), SmallBatches());
  for (int64_t step = 0; step < 9; ++step) {
    const Batch batch = maker.Make(step);
    const bool images = batch.pass.HasImages();
    const Modality to = batch.pass.to[0];
    EXPECT_EQ(batch.rows, images ? 4 : 8);
    const size_t rows = static_cast<size_t>(batch.rows);
    EXPECT_EQ(batch.input.size(), rows * static_cast<size_t>(InputSize(batch.pass.from, kPx)));
    EXPECT_EQ(batch.noise.size(), rows * 5);
    const size_t target = to == Modality::kRgb ? size_t{kImagePlanes} * kPx * kPx
                                               : static_cast<size_t>(InputSize(to, kPx));
    EXPECT_EQ(batch.targets[static_cast<size_t>(to)].size(), rows * target);
    EXPECT_EQ(batch.has_alpha.size(), to == Modality::kRgb ? rows : 0);
  }
}

TEST(BatchMaker, TeachesAllDecodersOfAPassTheSameMove) {
  const SampleSet samples = ToySamples(24);
  BatchMaker together(samples, ParsePasses({"2d->3d+2d"}), SmallBatches());
  BatchMaker alone(samples, ParsePasses({"2d->3d"}), SmallBatches());
  const Batch batch = together.Make(3);
  EXPECT_EQ(batch.input, batch.targets[1]);
  EXPECT_EQ(batch.targets[2], alone.Make(3).targets[2]);
}

TEST(BatchMaker, ShowsLeftHandsAsMirroredRightOnes) {
  const SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  options.left_share = 0.5;
  options.augment.rotate = false;
  options.augment.brightness = 0;
  options.augment.colour = 0;
  const Batch batch = BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(0);
  EXPECT_EQ(batch.left_rows, 2);
  const size_t size = size_t{3} * kPx * kPx;
  ASSERT_EQ(batch.input.size(), 6 * size);
  EXPECT_EQ(batch.targets[2].size(), 4u * 63);
  for (int left = 4; left < 6; ++left) {
    std::vector<float> image(batch.input.begin() + static_cast<ptrdiff_t>(left * size),
                             batch.input.begin() + static_cast<ptrdiff_t>((left + 1) * size));
    MirrorPlanes(3, kPx, image.data());
    int found = 0;
    for (int64_t row = 0; row < samples.size(); ++row) {
      std::vector<float> stored(size);
      samples.CopyInput(row, Modality::kRgb, stored.data());  // {px, px, 3}
      double difference = 0;
      for (size_t i = 0; i < size; ++i) {
        difference += std::abs(image[(i % 3) * kPx * kPx + i / 3] - stored[i]);
      }
      found += difference / static_cast<double>(size) < 1e-3;
    }
    EXPECT_EQ(found, 1) << "row " << left;
  }
  EXPECT_EQ(BatchMaker(samples, ParsePasses({"3d->rgb"}), options).Make(0).left_rows, 0);
}

TEST(BatchMaker, LeftHandsStandUprightToo) {
  const SampleSet samples = ToySamples(24);
  BatchOptions options = UnmovedBatches();
  options.left_share = 1;
  options.augment.rotate = true;
  options.augment.upright = 1;
  options.augment.upright_tilt_deg = 0;
  const Batch batch = BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(0);
  constexpr size_t kPlanes = size_t{3} * kPx * kPx;
  std::vector<float> left(batch.input.begin() + 4 * kPlanes, batch.input.end());
  ASSERT_EQ(left.size(), 4 * kPlanes);
  MirrorPlanes(12, kPx, left.data());
  int found = 0;
  for (int64_t row = 0; row < samples.size(); ++row) {
    AugmentDraw draw;
    draw.angle_rad = UprightAngle(samples.joints3.data() + row * 63);
    std::vector<float> planes(kImagePlanes * kPx * kPx);
    const PixelView view = samples.Pixels(row);
    AugmentImage(draw, view.rgb, view.alpha, kPx, planes.data());
    for (auto image = left.begin(); image != left.end(); image += kPlanes) {
      found += std::equal(image, image + kPlanes, planes.begin());
    }
  }
  EXPECT_EQ(found, 4);
}

TEST(BatchMaker, LeftHandsAreStretchedInColoursAlone) {
  const SampleSet samples = ToySamples(24);
  const auto input = [&](const char* pass, double stretch) {
    BatchOptions options = SmallBatches();
    options.left_share = 0.5;
    options.augment.stretch = stretch;
    return BatchMaker(samples, ParsePasses({pass}), options).Make(1).input;
  };
  EXPECT_EQ(input("depth->3d", 0.2), input("depth->3d", 0));
  EXPECT_NE(input("rgb->3d", 0.2), input("rgb->3d", 0));
}

TEST(BatchMaker, SkinAndLightAreThoseOfThePicture) {
  SampleSet samples = ToySamples(24);
  for (size_t i = 0; i < samples.rgb.size(); ++i) samples.rgb[i] = i % 3 == 0 ? 120 : 60;
  BatchOptions options = SmallBatches();
  options.appearance = true;
  options.image_rows = 16;
  options.augment.brightness = options.augment.colour = 0.4;
  options.augment.grey = 0.5;
  const Batch batch = BatchMaker(samples, ParsePasses({"3d->rgb"}), options).Make(0);
  constexpr size_t kPlane = size_t{kPx} * kPx;
  ASSERT_EQ(batch.appearance.size(), 16 * 3 * kPlane);
  for (size_t i = 0; i < batch.appearance.size(); ++i) {
    const size_t row = i / (3 * kPlane), in_row = i % (3 * kPlane);
    ASSERT_EQ(batch.appearance[i], batch.targets[0][row * kImagePlanes * kPlane + in_row]);
  }
}

TEST(BatchMaker, ShowsSkinAndLightInAnotherTurn) {
  const SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  options.appearance = true;
  const Batch batch = BatchMaker(samples, ParsePasses({"3d->rgb"}), options).Make(0);
  ASSERT_EQ(batch.appearance.size(), size_t{4} * 3 * kPx * kPx);
  EXPECT_TRUE(BatchMaker(samples, ParsePasses({"rgb->rgb"}), options).Make(0).appearance.empty());
}

TEST(BatchMaker, PicturesThatWereTakenAwayAreNoBackgrounds) {
  BatchOptions options = SmallBatches();
  options.augment.background = 1;
  const auto inputs = [&](uint8_t colour_of_the_others) {
    SampleSet samples = ToySamples(24);
    const size_t size = size_t{3} * kPx * kPx;
    for (size_t row = 2; row < 24; ++row) {
      samples.present[row] = 0;
      std::fill_n(
          samples.rgb.begin() + static_cast<ptrdiff_t>(row * size), size, colour_of_the_others);
    }
    BatchMaker maker(samples, ParsePasses({"rgb->3d"}), options);
    std::vector<float> all;
    for (int64_t step = 0; step < 40; ++step) {
      const std::vector<float> input = maker.Make(step).input;
      all.insert(all.end(), input.begin(), input.end());
    }
    return all;
  };
  EXPECT_EQ(inputs(0), inputs(255));
}

TEST(BatchMaker, WhatHidesAHandStaysWithIt) {
  SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  const auto input = [&](double background) {
    options.augment.background = background;
    return BatchMaker(samples, ParsePasses({"rgb->3d"}), options).Make(1).input;
  };
  EXPECT_NE(input(1), input(0));
  samples.obstructed.assign(24, 1);
  EXPECT_EQ(input(1), input(0));
}

TEST(BatchMaker, DegradesInputsButNoTargets) {
  const SampleSet samples = ToySamples(24);
  BatchOptions hard = SmallBatches();
  hard.augment.background = 1;
  hard.augment.occluder = 1;
  hard.augment.convolve = 1;
  hard.augment.shade = 1;
  hard.augment.texture = 1;
  hard.augment.blur = 1;
  hard.augment.sharpen = 1;
  hard.augment.noise = 1;
  hard.augment.jpeg = 1;
  hard.augment.contrast = 0.3;
  BatchMaker degraded(samples, ParsePasses({"rgb->rgb+2d"}), hard);
  BatchMaker plain(samples, ParsePasses({"rgb->rgb+2d"}), SmallBatches());
  const Batch a = degraded.Make(1);
  const Batch b = plain.Make(1);
  EXPECT_EQ(a.targets, b.targets);
  EXPECT_NE(a.input, b.input);
  EXPECT_TRUE(std::all_of(
      a.input.begin(), a.input.end(), [](float value) { return value >= 0 && value <= 1; }));
  EXPECT_EQ(a.input, degraded.Make(1).input) << "a function of the step";
}

// A picture that is `dark` on its left half and `bright` on its right, degraded.
std::vector<float> DegradedEdge(const AugmentOptions& options, float dark, float bright, int draw) {
  const size_t plane = size_t{kPx} * kPx;
  std::vector<float> planes(kImagePlanes * plane, 1.0F);
  for (size_t i = 0; i < 3 * plane; ++i) planes[i] = i % kPx < kPx / 2 ? dark : bright;
  const std::vector<uint8_t> elsewhere(3 * plane, 10);
  Random random(15, static_cast<uint64_t>(draw), 0, Purpose::kTest);
  DegradeImage(options, {elsewhere.data()}, kPx, &random, planes.data());
  return planes;
}

TEST(DegradeImage, SharpeningSteepensEdgesAndLeavesPlainAreas) {
  AugmentOptions options;
  options.sharpen = 1;
  for (int draw = 0; draw < 50; ++draw) {
    const std::vector<float> edge = DegradedEdge(options, 0.4F, 0.6F, draw);
    for (int y = 0; y < kPx; ++y) {
      const float* row = edge.data() + static_cast<ptrdiff_t>(y) * kPx;
      EXPECT_LT(row[kPx / 2 - 1], 0.4F - 0.005F);
      EXPECT_GT(row[kPx / 2], 0.6F + 0.005F);
      EXPECT_NEAR(row[0], 0.4F, 1e-3);
      EXPECT_NEAR(row[kPx - 1], 0.6F, 1e-3);
    }
  }
}

TEST(DegradeImage, ConvolvingKeepsEdgesInPlaceAndPlainAreasPlain) {
  AugmentOptions options;
  options.convolve = 1;
  constexpr int kReach = 3;  // of the largest kernel, 7 px
  const size_t plane = size_t{kPx} * kPx;
  int darker = 0, coloured = 0;
  constexpr int kDraws = 100;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<float> edge = DegradedEdge(options, 0.4F, 0.6F, draw);
    for (size_t i = 0; i < 3 * plane; ++i) {
      const size_t x = i % kPx;
      if (x < kPx / 2 - kReach) {
        EXPECT_NEAR(edge[i], edge[i - x], 1e-4);
      }
      if (x >= kPx / 2 + kReach) {
        EXPECT_NEAR(edge[i], edge[i - x + kPx - 1], 1e-4);
      }
    }
    darker += edge[0] > edge[kPx - 1];
    coloured += std::abs(edge[0] - edge[plane]) > 0.01;
  }
  EXPECT_GT(darker, kDraws / 20) << "some styles turn bright and dark round";
  EXPECT_LT(darker, kDraws / 2) << "but what was is in the mixture";
  EXPECT_GT(coloured, kDraws / 2);
}

TEST(DegradeImage, ConvolvingKeepsLevelAndContrast) {
  AugmentOptions options;
  options.convolve = 1;
  const size_t plane = size_t{kPx} * kPx;
  for (int draw = 0; draw < 50; ++draw) {
    const std::vector<float> image = DegradedEdge(options, 0.45F, 0.55F, draw);
    double squares = 0;
    for (size_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (size_t i = 0; i < plane; ++i) sum += image[c * plane + i];
      EXPECT_NEAR(sum / plane, 0.5, 1e-3);
      for (size_t i = 0; i < plane; ++i) {
        squares += (image[c * plane + i] - 0.5) * (image[c * plane + i] - 0.5);
      }
    }
    EXPECT_LT(std::sqrt(squares / (3 * plane)), 0.05 * 1.05) << "a mixture has no more than both";
  }
}

TEST(DegradeImage, ShadeIsSmoothAndNoMoreThanAStop) {
  AugmentOptions options;
  options.shade = 1;
  const size_t plane = size_t{kPx} * kPx;
  double reach = 0;
  for (int draw = 0; draw < 50; ++draw) {
    const std::vector<float> image = DegradedEdge(options, 0.3F, 0.3F, draw);
    for (size_t i = 0; i < 3 * plane; ++i) {
      EXPECT_GT(image[i], 0.3F / 2.6F);
      EXPECT_LT(image[i], 0.3F * 2.6F);
      if (i % kPx + 1 < kPx) {
        EXPECT_NEAR(image[i + 1] / image[i], 1, 0.4);
      }
    }
    const auto [low, high] = std::minmax_element(image.begin(), image.begin() + plane);
    reach = std::max(reach, static_cast<double>(*high / *low));
  }
  EXPECT_GT(reach, 1.5);
}

TEST(DegradeImage, TextureIsFineAndOfEveryColourAlike) {
  AugmentOptions options;
  options.texture = 1;
  const size_t plane = size_t{kPx} * kPx;
  for (int draw = 0; draw < 50; ++draw) {
    const std::vector<float> image = DegradedEdge(options, 0.5F, 0.5F, draw);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < plane; ++i) {
      EXPECT_EQ(image[i], image[plane + i]);
      EXPECT_EQ(image[i], image[2 * plane + i]);
      sum += image[i];
      squares += image[i] * image[i];
    }
    const double mean = sum / plane;
    const double deviation = std::sqrt(squares / plane - mean * mean);
    EXPECT_NEAR(mean, 0.5, 0.02);
    EXPECT_GT(deviation, 0.008) << "of 0.01 .. 0.05";
    EXPECT_LT(deviation, 0.055);
  }
}

TEST(DegradeImage, KeepsTheHandOnANewBackground) {
  AugmentOptions options;
  options.background = 1;
  const size_t plane = size_t{kPx} * kPx;
  const std::vector<uint8_t> elsewhere(3 * plane, 10);
  std::vector<float> planes(kImagePlanes * plane, 0.25F);
  for (size_t i = 0; i < plane; ++i) planes[3 * plane + i] = i % kPx < kPx / 2 ? 1.0F : 0.0F;
  std::vector<float> before = planes;
  Random random(3, 0, 0, Purpose::kTest);
  DegradeImage(options, {elsewhere.data()}, kPx, &random, planes.data());
  int changed = 0;
  for (size_t i = 0; i < 3 * plane; ++i) {
    if (i % kPx < kPx / 2) {
      EXPECT_NEAR(planes[i], before[i], 1e-6);
    } else {
      changed += std::abs(planes[i] - before[i]) > 1e-3;
    }
  }
  EXPECT_GT(changed, static_cast<int>(plane));
}

TEST(MoveJoints, AShiftTurnsTheCamera) {
  // The picture of the turned joints is the shifted picture, up to the second order of the shift.
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(14, i, 0, Purpose::kTest);
    const Tuple tuple = ToyTuple(ToyOptions(), 2 * i);
    const int px = tuple.camera.width_px;
    AugmentDraw draw;
    draw.angle_rad = random.Uniform(-4, 4);
    draw.shift = {random.Uniform(-0.1, 0.1), random.Uniform(-0.1, 0.1)};
    draw.focal = 2 * tuple.camera.fx / px;
    std::array<float, 42> joints2;
    NormaliseJoints2(tuple.joints_px, px, Handedness::kRight, joints2.data());
    MoveJoints2(draw, joints2.data());
    std::vector<float> joints3(63);
    for (int j = 0; j < kNumJoints; ++j) {
      for (int c = 0; c < 3; ++c) joints3[3 * j + c] = tuple.joints_in_cam(j, c);
    }
    MoveJoints3(draw, joints3.data());
    const Joints2 seen = tuple.camera.Project(MetricJoints3(joints3.data(), 1, Handedness::kRight));
    const Joints2 moved = PixelJoints2(joints2.data(), px, Handedness::kRight);
    EXPECT_LT((seen - moved).cwiseAbs().maxCoeff(), 0.006 * px);
  }
}

TEST(BatchMaker, MixesUnlabelledImagesInTheExactRatio) {
  SampleSet samples = ToySamples(24);
  // The first 9 rows lose their labels; a pixel of their pictures tells them apart.
  const size_t size = size_t{3} * kPx * kPx;
  for (size_t row = 0; row < 24; ++row) {
    if (row < 9) samples.present[row] = kHasRgb;
    std::fill_n(samples.rgb.begin() + static_cast<ptrdiff_t>(row * size), size, row < 9 ? 255 : 0);
  }
  BatchOptions options = SmallBatches();
  options.image_rows = 8;
  options.unlabelled_share = 0.25;
  options.augment.brightness = 0;
  options.augment.colour = 0;
  BatchMaker maker(samples, ParsePasses({"rgb->rgb", "rgb->3d"}), options);
  for (int64_t step = 0; step < 12; ++step) {
    const Batch batch = maker.Make(step);
    const bool pictures = batch.pass.Decodes(Modality::kRgb);
    int unlabelled = 0;
    for (size_t row = 0; row < 8; ++row) unlabelled += batch.input[row * size] > 0.5F;
    EXPECT_EQ(unlabelled, pictures ? 2 : 0) << "step " << step;
    if (!pictures) continue;
    const float with_mask = std::accumulate(batch.has_alpha.begin(), batch.has_alpha.end(), 0.0F);
    EXPECT_EQ(with_mask, 6);
  }
}

TEST(BatchMaker, NamesAShareItCannotGive) {
  const SampleSet samples = ToySamples(24);
  BatchOptions options = SmallBatches();
  options.unlabelled_share = 0.5;
  EXPECT_THAT(
      MessageOf<DataError>([&] { BatchMaker(samples, ParsePasses({"rgb->rgb"}), options); }),
      testing::AllOf(HasSubstr("unlabelled_share"), HasSubstr("24 labelled and 0 unlabelled")));
}

TEST(BatchMaker, NamesAPairWithoutData) {
  SampleSet samples = ToySamples(24);
  for (uint32_t& present : samples.present) present &= ~uint32_t{kHasRgb};
  EXPECT_THAT(
      MessageOf<DataError>([&] { BatchMaker(samples, ParsePasses({"rgb->3d"}), SmallBatches()); }),
      HasSubstr("the pair rgb->3d"));
}

TEST(BatchPrefetcher, GivesConsecutiveSteps) {
  const SampleSet samples = ToySamples(24);
  BatchMaker maker(samples, AllPairs(), SmallBatches());
  BatchMaker reference(samples, AllPairs(), SmallBatches());
  BatchPrefetcher prefetcher(&maker, 7);
  for (int64_t step = 7; step < 12; ++step) {
    const Batch batch = prefetcher.Next();
    EXPECT_EQ(batch.step, step);
    EXPECT_EQ(batch.input, reference.Make(step).input);
  }
}

}  // namespace
}  // namespace handforge
