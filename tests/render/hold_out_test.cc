#include "render/hold_out.h"

#include "io/assets.h"
#include "io/core/error.h"
#include "render/render_options.h"
#include "render/tuple_renderer.h"
#include "tests/render/render_testing.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace handforge {
namespace {

RenderOptions Recipe(const std::string& name) {
  RenderOptions options;
  LoadConfig(SourcePath("configs/" + name), {}, [&options](Fields& fields) {
    fields.Nested("render", options, "");
  });
  options.rig = SourcePath("configs/rigs/generic-hand.yaml");
  options.pose.gestures = SourcePath("configs/poses/gestures.yaml");
  return options;
}

struct Shown {
  std::set<std::string> gestures, probes;
  std::set<int> tones;
  std::set<int64_t> persons;
};

Shown WhatIsShown(const RenderOptions& options) {
  const HoldOut hold_out(options.hold_out);
  Shown shown;
  for (const Gesture& gesture : TestGestures()) {
    if (hold_out.AllowsGesture(gesture.name)) shown.gestures.insert(gesture.name);
  }
  for (const auto& file : HdriFiles()) {
    if (hold_out.AllowsProbe(file.stem().string())) shown.probes.insert(file.stem().string());
  }
  for (int64_t k = 0; k < options.subjects; ++k) {
    const int64_t person = hold_out.Subject(k);
    shown.persons.insert(person);
    shown.tones.insert(ToneBand(SubjectSkin(options.seed, person, hold_out)));
  }
  return shown;
}

template <typename T>
size_t Common(const std::set<T>& a, const std::set<T>& b) {
  std::vector<T> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

TEST(HoldOut, RecipesOfTrainingAndTestShareNothing) {
  const Shown test = WhatIsShown(Recipe("benchmark-test.yaml"));
  EXPECT_GE(test.gestures.size(), 10u);
  EXPECT_GE(test.probes.size(), 3u);
  EXPECT_GE(test.tones.size(), 2u);
  for (const char* recipe : {"benchmark-train.yaml", "train.yaml"}) {
    const Shown train = WhatIsShown(Recipe(recipe));
    EXPECT_EQ(Common(train.gestures, test.gestures), 0u) << recipe;
    EXPECT_EQ(Common(train.probes, test.probes), 0u) << recipe;
    EXPECT_EQ(Common(train.tones, test.tones), 0u) << recipe;
    EXPECT_EQ(Common(train.persons, test.persons), 0u) << recipe;
    EXPECT_EQ(train.gestures.size() + test.gestures.size(), TestGestures().size());
    EXPECT_EQ(train.probes.size() + test.probes.size(), HdriFiles().size());
    EXPECT_GE(train.tones.size(), 5u) << "most of the scale is for training";
  }
}

TEST(HoldOut, PartAllShowsEverything) {
  RenderOptions options;
  const Shown all = WhatIsShown(options);
  EXPECT_EQ(all.gestures.size(), TestGestures().size());
  EXPECT_EQ(all.probes.size(), HdriFiles().size());
  EXPECT_GE(all.tones.size(), 8u);
}

TEST(HoldOut, TestPersonsAreTheTestSplit) {
  HoldOutOptions options;
  options.part = "test";
  EXPECT_EQ(HoldOut(options).SplitOf(kFirstHeldOutSubject, 1, 0.5), Split::kTest);
  options.part = "train";
  std::map<Split, int> splits;
  for (int64_t k = 0; k < 1000; ++k) ++splits[HoldOut(options).SplitOf(k, 1, 0.1)];
  EXPECT_EQ(splits[Split::kTest], 0);
  EXPECT_NEAR(splits[Split::kValidation], 100, 30);
}

TEST(HoldOut, RenderedTuplesStayOnTheirSide) {
  for (const char* recipe : {"benchmark-train.yaml", "benchmark-test.yaml"}) {
    RenderOptions options = Recipe(recipe);
    options.image_px = 64;
    options.rgb_px = 32;
    const HoldOut hold_out(options.hold_out);
    const RenderWorld world = RenderWorld::Load(options);
    TupleRenderer renderer(world);
    std::map<std::string, uint64_t> rejections;
    for (uint64_t i = 0; i < 8; ++i) {
      const Tuple t = renderer.Render(i, &rejections);
      EXPECT_EQ(t.subject >= kFirstHeldOutSubject, options.hold_out.part == "test");
      EXPECT_EQ(t.split == Split::kTest, options.hold_out.part == "test");
      if (t.gesture >= 0) {
        EXPECT_TRUE(hold_out.AllowsGesture(world.gestures[t.gesture].name));
      }
    }
    for (const Environment& probe : world.environments) {
      EXPECT_TRUE(hold_out.AllowsProbe(probe.name()));
    }
  }
}

TEST(HoldOut, RefusesToHoldOutEverything) {
  RenderOptions options = Recipe("benchmark-train.yaml");
  options.hold_out.gestures = 1;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
  options = Recipe("benchmark-train.yaml");
  options.hold_out.every_nth_tone = 1;
  EXPECT_THROW(RenderWorld::Load(options), UsageError);
}

}  // namespace
}  // namespace handforge
