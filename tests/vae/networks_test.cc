#include "vae/networks.h"

#include "io/core/error.h"
#include "io/core/skeleton.h"
#include "tests/io/error_matchers.h"
#include "tests/vae/gradient_check.h"
#include "vae/flat_adam.h"
#include "vae/module_io.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using torch::Tensor;

constexpr ModalitySet kAll = {true, true, true, true};

ModelOptions Tiny(int64_t rgb_px = 32) {
  ModelOptions options;
  options.latent_dim = 6;
  options.rgb_px = rgb_px;
  options.rgb_encoder_width = 4;
  options.rgb_decoder_width = 16;
  options.depth_encoder_width = 4;
  options.depth_decoder_width = 16;
  options.mlp_width = 24;
  return options;
}

HandNetworks TinyNetworks(uint64_t seed = 1, int64_t rgb_px = 32) {
  return HandNetworks::Create(Tiny(rgb_px), kAll, kAll, Initialisation::kSeeded, seed);
}

Tensor RandomInput(Modality modality, int64_t rows, int64_t rgb_px = 32) {
  if (modality == Modality::kRgb) return torch::rand({rows, 3, rgb_px, rgb_px});
  if (modality == Modality::kDepth) return 2 * torch::rand({rows, 1, rgb_px, rgb_px}) - 1;
  return torch::randn({rows, InputSize(modality, 0)});
}

TEST(Encoders, GiveMeanAndLogVariance) {
  for (const int64_t px : {32, 64, 128}) {
    HandNetworks networks = TinyNetworks(1, px);
    for (const Modality modality : kModalities) {
      const Posterior posterior =
          networks.encoders[static_cast<size_t>(modality)]->Encode(RandomInput(modality, 3, px));
      EXPECT_EQ(posterior.mean.sizes().vec(), (std::vector<int64_t>{3, 6}));
      EXPECT_EQ(posterior.logvar.sizes().vec(), (std::vector<int64_t>{3, 6}));
    }
  }
}

TEST(Encoders, AreAsDeepAsTheirOwnOptionSays) {
  const auto arrays = [](const HandNetworks& networks, Modality modality) {
    return networks.encoders[static_cast<size_t>(modality)]->parameters().size();
  };
  const HandNetworks shallow = TinyNetworks(1, 64);
  ModelOptions options = Tiny(64);
  options.rgb_encoder_blocks = 2;
  const HandNetworks rgb = HandNetworks::Create(options, kAll, kAll, Initialisation::kSeeded, 1);
  EXPECT_GT(arrays(rgb, Modality::kRgb), arrays(shallow, Modality::kRgb));
  EXPECT_EQ(arrays(rgb, Modality::kDepth), arrays(shallow, Modality::kDepth));
  options.depth_encoder_blocks = 2;
  const HandNetworks both = HandNetworks::Create(options, kAll, kAll, Initialisation::kSeeded, 1);
  EXPECT_EQ(arrays(both, Modality::kRgb), arrays(rgb, Modality::kRgb));
  EXPECT_EQ(arrays(both, Modality::kDepth), arrays(both, Modality::kRgb));
}

TEST(ModelOptions, OfOldFilesHaveOneDepthForBothImageEncoders) {
  ModelOptions options = Tiny();
  options.rgb_encoder_blocks = 2;
  const std::string now = options.ToJson();
  EXPECT_EQ(ModelOptions::FromJson(now, "file").depth_encoder_blocks, 1);
  const std::string field = "\"depth_encoder_blocks\":1,";
  ASSERT_THAT(now, HasSubstr(field));
  const std::string before = std::string(now).erase(now.find(field), field.size());
  EXPECT_EQ(ModelOptions::FromJson(before, "file").depth_encoder_blocks, 2);
}

TEST(Encoders, LookForJointsInMaps) {
  ModelOptions options = Tiny(128);
  options.joint_map_width = 8;
  for (const int64_t stride : {0, 2, 4}) {
    options.rgb_encoder_stride = stride;
    HandNetworks networks = HandNetworks::Create(options, kAll, kAll, Initialisation::kSeeded, 1);
    for (const Modality modality : {Modality::kRgb, Modality::kDepth}) {
      const Posterior posterior =
          networks.encoders[static_cast<size_t>(modality)]->Encode(RandomInput(modality, 3, 128));
      EXPECT_EQ(posterior.mean.sizes().vec(), (std::vector<int64_t>{3, 6}));
      EXPECT_EQ(posterior.places.sizes().vec(), (std::vector<int64_t>{3, 21, 3}));
    }
  }
}

TEST(JointMaps, PlacesAreExpectations) {
  torch::Tensor maps = torch::zeros({2, 42, 16, 16});
  EXPECT_LT(ExpectedPlaces(maps).abs().max().item<double>(), 1e-6);
  // Joint 3 of row 1 for certain in column 2, row 13; joint 4 there or in column 6 alike.
  maps[1][3][13][2] = 100;
  maps[1][21 + 3][13][2] = 0.7;
  maps[1][4][13][2] = 100;
  maps[1][4][13][6] = 100;
  maps[1][21 + 4][13][6] = 3;
  const torch::Tensor places = ExpectedPlaces(maps);
  const auto at = [&places](int joint, int c) { return places[1][joint][c].item<double>(); };
  EXPECT_NEAR(at(3, 0), 2.5 / 8 - 1, 1e-5);
  EXPECT_NEAR(at(3, 1), 13.5 / 8 - 1, 1e-5);
  EXPECT_NEAR(at(3, 2), 0.7, 1e-5);
  EXPECT_NEAR(at(4, 0), 4.5 / 8 - 1, 1e-5);
  EXPECT_NEAR(at(4, 2), 1.5, 1e-5);
  EXPECT_EQ(places[0].abs().max().item<double>(), places[1][0].abs().max().item<double>());
}

TEST(Decoders, GiveTheirModality) {
  for (const int64_t px : {32, 64, 128}) {
    HandNetworks networks = TinyNetworks(1, px);
    const Tensor z = torch::randn({5, 6});
    EXPECT_EQ(networks.decoders[0]->Decode(z).sizes().vec(), (std::vector<int64_t>{5, 4, px, px}));
    EXPECT_EQ(networks.decoders[1]->Decode(z).sizes().vec(), (std::vector<int64_t>{5, 42}));
    EXPECT_EQ(networks.decoders[2]->Decode(z).sizes().vec(), (std::vector<int64_t>{5, 63}));
    EXPECT_EQ(networks.decoders[3]->Decode(z).sizes().vec(), (std::vector<int64_t>{5, 1, px, px}));
  }
}

TEST(Networks, EveryParameterGetsAGradientOfEveryPair) {
  torch::manual_seed(1);
  for (const Modality from : kModalities) {
    for (const Modality to : kModalities) {
      HandNetworks networks = TinyNetworks();
      Encoder& encoder = *networks.encoders[static_cast<size_t>(from)];
      Decoder& decoder = *networks.decoders[static_cast<size_t>(to)];
      const Posterior posterior = encoder.Encode(RandomInput(from, 8));
      const Tensor z = Reparameterise(posterior, torch::randn({8, 6}));
      (decoder.Decode(z).square().mean() + KlDivergence(posterior)).backward();
      for (torch::nn::Module* module :
           {static_cast<torch::nn::Module*>(&encoder), static_cast<torch::nn::Module*>(&decoder)}) {
        for (const auto& item : module->named_parameters()) {
          ASSERT_TRUE(item.value().grad().defined()) << item.key();
          EXPECT_GT(item.value().grad().abs().max().item<double>(), 0) << item.key();
        }
      }
    }
  }
}

TEST(Networks, WeightsAreAFunctionOfTheSeed) {
  TensorFile first;
  TensorFile again;
  TensorFile other;
  AddNetworks(TinyNetworks(5), Storage::kFloat, &first);
  AddNetworks(TinyNetworks(5), Storage::kFloat, &again);
  AddNetworks(TinyNetworks(6), Storage::kFloat, &other);
  for (const auto& [name, entry] : first.tensors()) {
    EXPECT_EQ(entry.bytes, again.Find(name).bytes) << name;
    if (entry.shape.size() < 2) continue;
    EXPECT_NE(entry.bytes, other.Find(name).bytes) << name;
  }
}

TEST(Networks, WeightsDoNotDependOnWhichOthersExist) {
  const HandNetworks all = TinyNetworks(5);
  const HandNetworks one = HandNetworks::Create(
      Tiny(), {false, false, true, false}, {false, true, false, false}, Initialisation::kSeeded, 5);
  EXPECT_EQ(one.encoders[0], nullptr);
  const auto expected = all.encoders[2]->parameters();
  const auto actual = one.encoders[2]->parameters();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(expected[i].equal(actual[i]));
}

TEST(Networks, FoldingKeepsWhatInferenceComputes) {
  torch::manual_seed(2);
  HandNetworks networks = TinyNetworks();
  for (int i = 0; i < 5; ++i) {  // running statistics that are not the initial ones
    networks.encoders[0]->Encode(RandomInput(Modality::kRgb, 8));
    networks.decoders[0]->Decode(2 * torch::randn({8, 6}));
  }
  networks.SetTraining(false);
  const Tensor x = RandomInput(Modality::kRgb, 4);
  const Tensor z = torch::randn({4, 6});
  const Tensor mean = networks.encoders[0]->Encode(x).mean;
  const Tensor image = networks.decoders[0]->Decode(z);
  networks.Fold();
  EXPECT_TRUE(networks.encoders[0]->Encode(x).mean.allclose(mean, 1e-4, 1e-5));
  EXPECT_TRUE(networks.decoders[0]->Decode(z).allclose(image, 1e-4, 1e-5));
}

TEST(RgbDecoder, StartsWithoutACheckerboard) {
  torch::manual_seed(3);
  HandNetworks networks = TinyNetworks();
  const Tensor image = networks.decoders[0]->Decode(torch::randn({4, 6}));
  const auto slice = [&](int64_t y, int64_t x) {
    using torch::indexing::None;
    using torch::indexing::Slice;
    return image.index({Slice(), Slice(), Slice(y, None, 2), Slice(x, None, 2)});
  };
  EXPECT_TRUE(slice(0, 0).allclose(slice(0, 1)));
  EXPECT_TRUE(slice(0, 0).allclose(slice(1, 1)));
}

TEST(KlDivergence, EqualsTheClosedFormOfEachDimension) {
  // KL(N(m, s^2) || N(0, 1)) = -log s + (s^2 + m^2 - 1) / 2.
  const std::vector<double> means = {0, 1.5, -0.3};
  const std::vector<double> deviations = {1, 0.2, 2.5};
  double expected = 0;
  Posterior posterior{torch::zeros({1, 3}, torch::kDouble), torch::zeros({1, 3}, torch::kDouble)};
  for (int64_t d = 0; d < 3; ++d) {
    const double s = deviations[static_cast<size_t>(d)];
    const double m = means[static_cast<size_t>(d)];
    expected += -std::log(s) + (s * s + m * m - 1) / 2;
    posterior.mean[0][d] = m;
    posterior.logvar[0][d] = 2 * std::log(s);
  }
  EXPECT_NEAR(KlDivergence(posterior).item<double>(), expected, 1e-12);
}

TEST(KlDivergence, IsTheMeanOverTheBatchAndZeroAtThePrior) {
  const Posterior prior{torch::zeros({4, 3}), torch::zeros({4, 3})};
  EXPECT_EQ(KlDivergence(prior).item<double>(), 0);
  Posterior one = prior;
  one.mean = torch::zeros({4, 3});
  one.mean[2][1] = 2;
  EXPECT_NEAR(KlDivergence(one).item<double>(), 2.0 / 4, 1e-6);
}

TEST(KlDivergence, HasTheGradientOfItsDifferences) {
  torch::manual_seed(4);
  const Tensor mean = torch::randn({2, 3}, torch::kDouble);
  const Tensor logvar = torch::randn({2, 3}, torch::kDouble);
  EXPECT_LT(GradientError([&](const Tensor& x) { return KlDivergence({x, logvar}); }, mean), 1e-6);
  EXPECT_LT(GradientError([&](const Tensor& x) { return KlDivergence({mean, x}); }, logvar), 1e-6);
}

TEST(BoneVectors, LeadFromParentToChild) {
  torch::manual_seed(11);
  const Tensor joints = torch::randn({2, 63}, torch::kDouble);
  const Tensor bones = BoneVectors(joints);
  ASSERT_EQ(bones.sizes().vec(), (std::vector<int64_t>{2, kNumEdges, 3}));
  const Tensor points = joints.view({2, kNumJoints, 3});
  for (int joint = 1; joint < kNumJoints; ++joint) {
    const Tensor expected = points.select(1, joint) - points.select(1, ParentOf(joint));
    EXPECT_TRUE(bones.select(1, joint - 1).equal(expected)) << joint;
  }
  const auto loss = [](const Tensor& x) { return BoneVectors(x).square().mean(); };
  EXPECT_LT(GradientError(loss, joints), 1e-6);
}

TEST(Reparameterise, HasTheMomentsOfThePosterior) {
  torch::manual_seed(5);
  const int64_t rows = 20000;
  const Posterior posterior{torch::full({rows, 1}, 0.7), torch::full({rows, 1}, 2 * std::log(0.4))};
  const Tensor z = Reparameterise(posterior, torch::randn({rows, 1}));
  EXPECT_NEAR(z.mean().item<double>(), 0.7, 0.02);
  EXPECT_NEAR(z.std().item<double>(), 0.4, 0.02);
}

TEST(Reparameterise, HasTheGradientOfItsDifferences) {
  torch::manual_seed(6);
  const Tensor noise = torch::randn({2, 3}, torch::kDouble);
  const Tensor mean = torch::randn({2, 3}, torch::kDouble);
  EXPECT_LT(GradientError(
                [&](const Tensor& x) {
                  return Reparameterise({mean, x}, noise).square().sum();
                },
                torch::randn({2, 3}, torch::kDouble)),
            1e-6);
}

struct ImageExample {
  Tensor logits = torch::randn({2, 4, 4, 4}, torch::kDouble);
  Tensor target = torch::rand({2, 5, 4, 4}, torch::kDouble);
  Tensor has_alpha = torch::tensor({1.0, 0.0}, torch::kDouble);

  ImageExample() {
    target.slice(1, 4, 5).fill_(1);
    target.slice(1, 3, 4).copy_(target.slice(1, 3, 4).round());
  }
};

TEST(ComputeImageLoss, HasTheGradientOfItsDifferences) {
  torch::manual_seed(7);
  const ImageExample example;
  const auto loss = [&](const Tensor& x) {
    const ImageLoss image =
        ComputeImageLoss(x, example.target, example.has_alpha, example.has_alpha, 0.2);
    return image.colour + image.alpha + image.detail;
  };
  EXPECT_LT(GradientError(loss, example.logits), 1e-5);
}

TEST(ComputeImageLoss, IgnoresInvalidPixels) {
  torch::manual_seed(8);
  ImageExample example;
  example.target.select(1, 4).select(1, 0).fill_(0);  // the first row of pixels
  const ImageLoss before =
      ComputeImageLoss(example.logits, example.target, example.has_alpha, example.has_alpha, 0.2);
  example.logits.select(2, 0).add_(3);
  const ImageLoss after =
      ComputeImageLoss(example.logits, example.target, example.has_alpha, example.has_alpha, 0.2);
  EXPECT_EQ(before.colour.item<double>(), after.colour.item<double>());
  EXPECT_EQ(before.alpha.item<double>(), after.alpha.item<double>());
}

TEST(ComputeImageLoss, LearnsNoAlphaFromUnlabelledImages) {
  torch::manual_seed(9);
  ImageExample example;
  Tensor logits = example.logits.clone().set_requires_grad(true);
  ComputeImageLoss(logits, example.target, example.has_alpha, example.has_alpha, 0.2)
      .alpha.backward();
  EXPECT_GT(logits.grad()[0].abs().max().item<double>(), 0);
  EXPECT_EQ(logits.grad()[1].abs().max().item<double>(), 0);
}

TEST(ComputeImageLoss, WeighsTheBackground) {
  // One hand pixel with error 0.5, one background pixel with error 0.5 and weight w.
  Tensor logits = torch::zeros({1, 4, 1, 2});
  Tensor target = torch::zeros({1, 5, 1, 2});
  target[0][3][0][0] = 1;                                           // alpha
  target.select(1, 4).fill_(1);                                     // valid
  target.index_put_({0, torch::indexing::Slice(0, 3), 0, 0}, 1.0);  // colours of the hand
  target.index_put_({0, torch::indexing::Slice(0, 3), 0, 1}, 0.5);  // and of the background
  const ImageLoss loss = ComputeImageLoss(logits, target, torch::ones({1}), torch::ones({1}), 0.25);
  EXPECT_NEAR(loss.colour.item<double>(), 0.5 * 1 / 1.25, 1e-5);
  EXPECT_NEAR(loss.alpha.item<double>(), std::log(2), 1e-5);
}

TEST(ComputeImageLoss, DetailIgnoresShadesAndSeesEdges) {
  // Inside the mask a wrong shade has no detail; a step of height h over 4 x 4 pixels has, at full
  // size, 4 differences of h, in each colour.
  Tensor target = torch::full({1, 5, 4, 4}, 0.5, torch::kDouble);
  target.slice(1, 3, 5).fill_(1);
  const Tensor has_alpha = torch::ones({1}, torch::kDouble);
  const Tensor shade = torch::full({1, 4, 4, 4}, 0.4, torch::kDouble).logit();
  EXPECT_NEAR(
      ComputeImageLoss(shade, target, has_alpha, has_alpha, 0).detail.item<double>(), 0, 1e-9);
  Tensor step = torch::full({1, 4, 4, 4}, 0.5, torch::kDouble);
  step.slice(3, 2, 4).fill_(0.7);
  // Levels: 4 px 4 * 0.2 * 3 of 6 * 16, 2 px 2 * 0.2 * 3 of 6 * 4; one pixel has no neighbour.
  const double expected = (2.4 / 96 + 1.2 / 24) / 4;
  const double detail =
      ComputeImageLoss(step.logit(), target, has_alpha, has_alpha, 0).detail.item<double>();
  EXPECT_NEAR(detail, expected, 1e-6);
}

TEST(ComputeDepthLoss, WeighsBackgroundAndIgnoresInvalidPixels) {
  const Tensor said = torch::zeros({1, 1, 1, 3});
  const Tensor target = torch::tensor({0.5F, 1.0F, 1.0F, 1.0F, 1.0F, 0.0F}).view({1, 2, 1, 3});
  EXPECT_NEAR(ComputeDepthLoss(said, target, 0.25).item<double>(), (0.5 + 0.25) / 1.25, 1e-5);
}

TEST(ComputeDepthLoss, HasTheGradientOfItsDifferences) {
  torch::manual_seed(12);
  Tensor target = torch::rand({2, 2, 3, 3}, torch::kDouble);
  target.slice(1, 1, 2).fill_(1);
  const auto loss = [&](const Tensor& x) { return ComputeDepthLoss(x, target, 0.2); };
  EXPECT_LT(GradientError(loss, torch::randn({2, 1, 3, 3}, torch::kDouble)), 1e-5);
}

TEST(MeanDistance, IsTheMeanEuclideanDistanceAndHasItsGradient) {
  const Tensor a = torch::tensor({{3.0, 4.0, 0.0}, {0.0, 0.0, 1.0}}, torch::kDouble);
  EXPECT_NEAR(MeanDistance(a, torch::zeros_like(a)).item<double>(), 3, 1e-5);
  EXPECT_LT(GradientError([&](const Tensor& x) { return MeanDistance(x, a); },
                          torch::randn({2, 3}, torch::kDouble)),
            1e-5);
}

// A quarter of half the crop is a bone length; all joints but those given lie in a corner.
struct BonesInPicture {
  static constexpr int kPx = 128;
  Tensor joints2 = torch::full({1, 42}, -0.9);
  Tensor joints3 = torch::zeros({1, 63});

  BonesInPicture() {
    for (int j = 0; j < kNumJoints; ++j) Put(j, -0.9, -0.9, 0);
  }
  void Put(int joint, double x, double y, double z) {
    const std::array<double, 3> at = {x, y, z};
    for (int c = 0; c < 2; ++c) joints2[0][2 * joint + c] = at[c];
    for (int c = 0; c < 2; ++c) joints3[0][3 * joint + c] = 4 * at[c];
    joints3[0][3 * joint + 2] = z;
  }
  double At(const Tensor& planes, int64_t plane, double x, double y) const {
    const auto pixel = [](double value) { return static_cast<int64_t>((value + 1) / 2 * kPx); };
    return planes[0][plane][pixel(y)][pixel(x)].item<double>();
  }
};

TEST(DrawBones, DrawsALineAlongEachBoneAndItsDepth) {
  BonesInPicture hand;
  hand.Put(FingerJoint(1, 2), -0.5, 0, -3);
  hand.Put(FingerJoint(1, 3), 0.5, 0, -1);
  const int64_t bone = FingerJoint(1, 3) - 1;
  const Tensor planes = DrawBones(hand.joints2, hand.joints3, hand.kPx);
  ASSERT_EQ(planes.sizes().vec(), (std::vector<int64_t>{1, kBonePlanes, hand.kPx, hand.kPx}));
  EXPECT_GT(hand.At(planes, bone, 0, 0), 0.95) << "its middle";
  EXPECT_GT(hand.At(planes, bone, 0.49, 0), 0.95) << "near its end";
  EXPECT_LT(hand.At(planes, bone, 0.8, 0), 0.01) << "beyond its end";
  // Beside it, s = 0.14 bone lengths of 0.25; the centre of that pixel lies at 133 / 128 - 1.
  EXPECT_NEAR(
      hand.At(planes, bone, 0, 0.035), std::exp(-0.5 * std::pow(5.0 / 128 / 0.035, 2)), 0.02);
  EXPECT_NEAR(hand.At(planes, kBonePlanes - 1, 0, 0), -2, 0.1) << "halfway between its ends";
  EXPECT_NEAR(hand.At(planes, kBonePlanes - 1, 0.4, 0), -1.2, 0.15);
}

TEST(DrawBones, TheNearerOfTwoBonesHidesTheOther) {
  BonesInPicture hand;
  hand.Put(FingerJoint(1, 2), -0.5, 0, -1);
  hand.Put(FingerJoint(1, 3), 0.5, 0, -1);
  hand.Put(FingerJoint(2, 2), 0, -0.5, 1);
  hand.Put(FingerJoint(2, 3), 0, 0.5, 1);
  const int64_t near = FingerJoint(1, 3) - 1;
  const int64_t far = FingerJoint(2, 3) - 1;
  const Tensor planes = DrawBones(hand.joints2, hand.joints3, hand.kPx);
  EXPECT_GT(hand.At(planes, far, 0, 0), 0.95) << "its line is drawn there";
  EXPECT_LT(hand.At(planes, kNumEdges + far, 0, 0), 0.01) << "but hidden";
  EXPECT_GT(hand.At(planes, kNumEdges + near, 0, 0), 0.9);
  EXPECT_GT(hand.At(planes, kNumEdges + far, 0, 0.3), 0.9) << "seen beside the other";
}

TEST(ImageDecoder, PaintsTheJointsItIsShown) {
  torch::manual_seed(15);
  ModelOptions options = Tiny();
  options.rgb_px = 64;
  options.rgb_decoder_bones = 1;
  const HandNetworks networks =
      HandNetworks::Create(options, kAll, kAll, Initialisation::kSeeded, 1);
  Decoder& rgb = *networks.decoders[static_cast<size_t>(Modality::kRgb)];
  const Tensor z = torch::randn({3, 6});
  const ShownJoints said = {networks.decoders[static_cast<size_t>(Modality::kJoints2)]->Decode(z),
                            networks.decoders[static_cast<size_t>(Modality::kJoints3)]->Decode(z)};
  const Tensor picture = rgb.Decode(z);
  EXPECT_TRUE(rgb.Decode(z, said).equal(picture));
  EXPECT_FALSE(rgb.Decode(z, {said.joints2 + 0.3, said.joints3}).allclose(picture));
  rgb.UseBfloat16();  // joints stay float
  EXPECT_TRUE(rgb.Decode(z).equal(rgb.Decode(z, said)));
}

TEST(HandNetworks, OnlyImagesSetTheAppearanceCode) {
  torch::manual_seed(13);
  ModelOptions options = Tiny();
  options.appearance_dim = 2;
  const HandNetworks networks =
      HandNetworks::Create(options, kAll, kAll, Initialisation::kSeeded, 1);
  const Tensor image = RandomInput(Modality::kRgb, 4);
  for (const Modality modality : kModalities) {
    const Tensor x = RandomInput(modality, 4);
    const Posterior blind = networks.Encode(modality, x, {});
    EXPECT_EQ(blind.mean.sizes().vec(), (std::vector<int64_t>{4, 6}));
    EXPECT_TRUE(blind.mean.slice(1, 4, 6).equal(torch::zeros({4, 2})));
    EXPECT_TRUE(blind.logvar.slice(1, 4, 6).equal(torch::zeros({4, 2})));
    const Posterior seen = networks.Encode(modality, x, image);
    EXPECT_GT(seen.mean.slice(1, 4, 6).abs().max().item<double>(), 0);
  }
  // Joints do not hear it, pictures do.
  Tensor z = torch::randn({3, 6});
  Tensor other = z.clone();
  other.slice(1, 4, 6).add_(2);
  for (const Modality modality : kModalities) {
    Decoder& decoder = *networks.decoders[static_cast<size_t>(modality)];
    const bool same = decoder.Decode(z).equal(decoder.Decode(other));
    EXPECT_EQ(same, modality != Modality::kRgb) << ModalityName(modality);
  }
}

TEST(HandNetworks, Bfloat16StaysCloseToFloat) {
  torch::manual_seed(14);
  HandNetworks networks = TinyNetworks();
  networks.SetTraining(false);
  const Tensor image = RandomInput(Modality::kRgb, 4);
  const Tensor z = torch::randn({4, 6});
  const Tensor mean = networks.encoders[0]->Encode(image).mean;
  const Tensor picture = networks.decoders[0]->Decode(z);
  networks.UseBfloat16();
  const Tensor coarse_mean = networks.encoders[0]->Encode(image).mean;
  EXPECT_EQ(coarse_mean.scalar_type(), torch::kFloat);
  EXPECT_LT((coarse_mean - mean).abs().max().item<double>(),
            0.05 * mean.abs().max().item<double>());
  EXPECT_LT((networks.decoders[0]->Decode(z) - picture).abs().max().item<double>(),
            0.05 * picture.abs().max().item<double>());
}

TEST(FlatAdam, StepsLikeTheReference) {
  torch::manual_seed(10);
  auto ours = std::make_shared<JointDecoder>(Modality::kJoints2, Tiny());
  auto theirs = std::make_shared<JointDecoder>(Modality::kJoints2, Tiny());
  for (size_t i = 0; i < ours->parameters().size(); ++i) {
    theirs->parameters()[i].set_data(ours->parameters()[i].detach().clone());
  }
  AdamOptions options;
  options.max_gradient_norm = 0;
  FlatAdam adam(ours, options);
  torch::optim::Adam reference(theirs->parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 20; ++step) {
    const Tensor z = torch::randn({4, 6});
    adam.ZeroGradient();
    ours->Decode(z).square().mean().backward();
    adam.Step(1e-2, adam.GradientNorm());
    reference.zero_grad();
    theirs->Decode(z).square().mean().backward();
    reference.step();
  }
  for (size_t i = 0; i < ours->parameters().size(); ++i) {
    EXPECT_TRUE(ours->parameters()[i].allclose(theirs->parameters()[i], 1e-3, 1e-5)) << i;
  }
}

TEST(FlatAdam, KeepsARunningAverage) {
  torch::manual_seed(15);
  auto module = std::make_shared<JointDecoder>(Modality::kJoints2, Tiny());
  AdamOptions options;
  options.average_decay = 0.5;
  FlatAdam adam(module, options);
  Tensor expected = module->parameters()[0].detach().clone();
  for (int step = 1; step <= 12; ++step) {
    adam.ZeroGradient();
    module->Decode(torch::randn({4, 6})).square().mean().backward();
    adam.Step(1e-2, adam.GradientNorm());
    const double decay = std::min(0.5, (1.0 + step) / (10.0 + step));
    expected = decay * expected + (1 - decay) * module->parameters()[0].detach();
  }
  const Tensor last = module->parameters()[0].detach().clone();
  adam.SwapAverage();
  EXPECT_TRUE(module->parameters()[0].allclose(expected, 1e-4, 1e-6));
  EXPECT_FALSE(module->parameters()[0].allclose(last, 1e-4, 1e-6));
  adam.SwapAverage();
  EXPECT_TRUE(module->parameters()[0].equal(last));
}

TEST(FlatAdam, AveragesTheStatisticsOfNormalisationToo) {
  torch::manual_seed(16);
  auto module = std::make_shared<ImageEncoder>(Modality::kRgb, Tiny());
  const auto mean = [&] { return module->named_buffers()["stages.stem.norm.running_mean"]; };
  AdamOptions options;
  options.average_decay = 0.9;
  FlatAdam adam(module, options);
  Tensor expected = mean().clone();
  for (int step = 1; step <= 12; ++step) {
    adam.ZeroGradient();
    module->Encode(torch::rand({4, 3, 32, 32})).mean.square().mean().backward();
    adam.Step(1e-2, adam.GradientNorm());
    const double decay = std::min(0.9, (1.0 + step) / (10.0 + step));
    expected = decay * expected + (1 - decay) * mean();
  }
  const Tensor last = mean().clone();
  adam.SwapAverage();
  EXPECT_TRUE(mean().allclose(expected, 1e-4, 1e-6));
  EXPECT_FALSE(mean().allclose(last, 1e-4, 1e-6));
  adam.SwapAverage();
  EXPECT_TRUE(mean().equal(last));
}

TEST(FlatAdam, ShortensLongGradients) {
  auto module = std::make_shared<JointDecoder>(Modality::kJoints2, Tiny());
  AdamOptions options;
  options.max_gradient_norm = 0.5;
  FlatAdam adam(module, options);
  adam.ZeroGradient();
  (1000 * module->Decode(torch::randn({4, 6})).square().mean()).backward();
  const double norm = adam.GradientNorm();
  EXPECT_GT(norm, 0.5);
  adam.Step(1e-3, norm);
  EXPECT_NEAR(adam.GradientNorm(), 0.5, 1e-3);
}

TEST(ModuleIo, RestoresNetworks) {
  TensorFile file;
  AddNetworks(TinyNetworks(1), Storage::kFloat, &file);
  HandNetworks other = TinyNetworks(2);
  ReadNetworks(file, &other);
  TensorFile copy;
  AddNetworks(other, Storage::kFloat, &copy);
  for (const auto& [name, entry] : file.tensors()) EXPECT_EQ(entry.bytes, copy.Find(name).bytes);
}

TEST(ModuleIo, StoresInHalfPrecision) {
  TensorFile file;
  AddNetworks(TinyNetworks(1), Storage::kHalf, &file);
  TensorFile whole;
  AddNetworks(TinyNetworks(1), Storage::kFloat, &whole);
  HandNetworks other = TinyNetworks(2);
  ReadNetworks(file, &other);
  const HandNetworks expected = TinyNetworks(1);
  for (size_t m = 0; m < kNumModalities; ++m) {
    const auto ours = other.encoders[m]->parameters();
    const auto theirs = expected.encoders[m]->parameters();
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(ours[i].allclose(theirs[i], /*rtol=*/1.0 / 2048, /*atol=*/1e-7));
    }
  }
  const std::string name = "encoder.3d.layers.hidden0.weight";
  EXPECT_EQ(2 * file.Find(name).bytes.size(), whole.Find(name).bytes.size());
}

TEST(ModuleIo, NamesMissingMisshapedAndUnknownArrays) {
  TensorFile whole;
  whole.source = "model.safetensors";
  AddNetworks(TinyNetworks(), Storage::kFloat, &whole);
  const std::string name = "encoder.3d.layers.hidden0.weight";
  HandNetworks networks = TinyNetworks();

  TensorFile missing;
  missing.source = whole.source;
  for (const auto& [key, entry] : whole.tensors()) {
    if (key != name) missing.Add(key, entry);
  }
  EXPECT_THAT(MessageOf<DataError>([&] { ReadNetworks(missing, &networks); }),
              AllOf(HasSubstr("model.safetensors"), HasSubstr(name), HasSubstr("missing")));

  TensorFile misshaped = whole;
  const std::vector<float> values(8, 0);
  misshaped.AddFloats(name, {2, 4}, values.data());
  EXPECT_THAT(MessageOf<DataError>([&] { ReadNetworks(misshaped, &networks); }),
              AllOf(HasSubstr(name), HasSubstr("{2, 4}"), HasSubstr("{24, 63}")));

  TensorFile spoiled = whole;
  std::vector<float> weights(24 * 63, 0);
  weights[100] = NAN;
  spoiled.AddFloats(name, {24, 63}, weights.data());
  EXPECT_THAT(MessageOf<DataError>([&] { ReadNetworks(spoiled, &networks); }),
              AllOf(HasSubstr(name), HasSubstr("not finite")));

  TensorFile extra = whole;
  extra.AddFloats("decoder.depth.head.weight", {2, 4}, values.data());
  EXPECT_THAT(MessageOf<DataError>([&] { ReadNetworks(extra, &networks); }),
              HasSubstr("decoder.depth.head.weight"));
}

TEST(ChooseDevice, RefusesWhatIsNotThere) {
  EXPECT_TRUE(ChooseDevice("cpu").is_cpu());
  EXPECT_EQ(ChooseDevice("auto").is_cuda(), torch::cuda::is_available());
  EXPECT_THAT(MessageOf<UsageError>([] { ChooseDevice("tpu"); }), HasSubstr("device = tpu"));
  if (!torch::cuda::is_available()) {
    EXPECT_THAT(MessageOf<EnvironmentError>([] { ChooseDevice("cuda"); }),
                HasSubstr("device = cuda"));
  }
}

}  // namespace
}  // namespace handforge
