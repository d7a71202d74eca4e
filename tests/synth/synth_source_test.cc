#include "synth/synth_source.h"

#include "io/core/alignment.h"
#include "io/core/error.h"
#include "io/files.h"
#include "render/tuple_renderer.h"
#include "synth/audit.h"
#include "synth/coverage.h"
#include "synth/hand_placer.h"
#include "synth/shard_record.h"
#include "synth/skin_tone.h"
#include "synth/tuple_assembler.h"
#include "synth/tuple_drawer.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/synth/synth_testing.h"
#include "tests/vae/trained_toy.h"
#include "vae/targets.h"
#include "vae/tensor_file.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kTuples = 12;

// A network trained for seconds says little about hands: the bounds are open, and what is tested is
// where codes come from and what is made of them.
class Synthesis : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    WriteSmallDataset(SmallWorld(*folder_ / "rendered", 96, 48), 2);
    TrainOptions train = ToyTraining(*folder_ / "rendered", *folder_ / "model");
    train.steps = 400;
    train.eval_every = 400;
    train.checkpoint_every = 400;
    model_ = new fs::path(Train(train, false).model);
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete model_;
  }

  // Of 96 rows in two shards.
  static std::set<int64_t> TrainRows(const fs::path& folder) {
    const Dataset dataset(folder);
    std::set<int64_t> rows;
    for (int64_t row = 0; row < 96; ++row) {
      const ShardReader shard = dataset.OpenShard(static_cast<size_t>(row / 48));
      const Tuple t = shard.ReadTuple(static_cast<uint64_t>(row % 48));
      if (t.split == Split::kTrain) rows.insert(row);
    }
    return rows;
  }

  static SynthOptions Options(const std::string& latent = "kernel") {
    SynthOptions options;
    options.out = *folder_ / "unused";
    options.count = kTuples;
    options.seed = 3;
    options.tuples_per_shard = 8;
    options.model = *model_;
    options.latent = latent;
    options.temperature = 0.3;
    options.image_px = 64;
    options.rig = fs::path(HANDFORGE_SOURCE_DIR) / "configs/rigs/generic-hand.yaml";
    options.gestures = fs::path(HANDFORGE_SOURCE_DIR) / "configs/poses/gestures.yaml";
    PlausibilityOptions& p = options.plausibility;
    p.joint_limit_slack_deg = p.off_hinge_deg = 180;
    p.shortest_bone = 0;
    p.longest_bone = 10;
    p.penetration_mm = 100;
    p.fit_mm = p.residual_px = 1000;
    p.joints_in_frame = 0;
    p.hand_share = 0;
    return options;
  }
  static std::vector<Tuple> Made(const SynthWorld& world, uint64_t count = kTuples) {
    std::vector<Tuple> all;
    Rejections rejections;
    const std::unique_ptr<TupleSource> source = MakeSynthSource(world);
    for (uint64_t first = 0; first < count; first += kDecodeBatch) {
      std::vector<Tuple> tuples;
      source->Make(first, std::min<uint64_t>(kDecodeBatch, count - first), &tuples, &rejections);
      all.insert(all.end(), tuples.begin(), tuples.end());
    }
    return all;
  }
  static std::vector<Tuple> Made(const SynthOptions& options) {
    return Made(SynthWorld::Load(options));
  }

  static TemporaryFolder* folder_;
  static fs::path* model_;
};
TemporaryFolder* Synthesis::folder_ = nullptr;
fs::path* Synthesis::model_ = nullptr;

std::vector<float> PosteriorMean(const HandVae& model, const Tuple& t) {
  // The batch that anchors are encoded in.
  std::vector<float> input(64 * kNumJoints * 3, 0);
  std::vector<float> z(64 * static_cast<size_t>(model.info().latent_dim));
  NormaliseJoints3(t.joints_in_cam, t.handedness, input.data());
  model.Encode(Modality::kJoints3, input.data(), 64, z.data(), nullptr);
  z.resize(static_cast<size_t>(model.info().latent_dim));
  return z;
}

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return std::sqrt(sum);
}

TEST_F(Synthesis, EveryMethodGivesTheSameBytesForAnyThreads) {
  for (const char* latent : {"prior", "gaussian", "mixture", "kernel", "path", "coverage"}) {
    SynthOptions options = Options(latent);
    std::map<std::string, std::string> hashes[2];
    for (int threads : {1, 2}) {
      options.out = *folder_ / (latent + std::to_string(threads));
      SynthWorld world = SynthWorld::Load(options);
      DatasetJob job = SynthJob(world);
      job.threads = threads;
      PrepareLatentPlan(job, &world);
      WriteDataset(job, [&world] { return MakeSynthSource(world); });
      hashes[threads - 1] = ShardHashes(options.out);
    }
    EXPECT_EQ(hashes[0], hashes[1]) << latent;
    const ShardReader reader = Dataset(options.out).OpenShard(0);
    const auto names = reader.ListAttribute("latent_method_names");
    EXPECT_EQ(names.at(reader.ReadTuple(0).latent_method), latent);
  }
}

// Codes drawn around posteriors that have these means in their first number, 0 in all others.
std::vector<float> FirstNumbers(const SynthWorld& world,
                                LatentMethod method,
                                const std::vector<float>& means,
                                float variance) {
  LatentAnchors anchors;
  anchors.dim = world.model.info().latent_dim;
  for (size_t i = 0; i < means.size(); ++i) {
    anchors.mean.push_back(means[i]);
    anchors.mean.resize((i + 1) * static_cast<size_t>(anchors.dim));
    anchors.number.push_back(static_cast<int64_t>(i));
  }
  anchors.logvar.assign(anchors.mean.size(), std::log(variance));
  SynthOptions options = world.options;
  options.temperature = 1;
  const auto sampler = MakeLatentSampler(method, options, world.model, anchors);
  std::vector<float> drawn;
  for (uint64_t index = 0; index < 1000; ++index) drawn.push_back(sampler->Draw(index, 0).z[0]);
  return drawn;
}

// Means at -1 and 1 have a variance of 1, to which that of each posterior adds.
TEST_F(Synthesis, TheGaussianIsAsWideAsAllPosteriorsTogether) {
  const SynthWorld world = SynthWorld::Load(Options());
  double squares = 0;
  for (const float z : FirstNumbers(world, LatentMethod::kGaussian, {-1, 1}, 3)) {
    squares += z * z / 1000;
  }
  EXPECT_NEAR(squares, 4, 0.5);
}

TEST_F(Synthesis, TheMixtureDrawsItsPartsByTheirWeight) {
  SynthOptions options = Options();
  options.mixture_components = 2;
  const SynthWorld world = SynthWorld::Load(options);
  std::vector<float> means(40, -10);
  std::fill(means.begin(), means.begin() + 10, 10.0f);
  int high = 0;
  for (const float z : FirstNumbers(world, LatentMethod::kMixture, means, 1)) {
    EXPECT_NEAR(std::abs(z), 10, 5);
    high += z > 0;
  }
  EXPECT_NEAR(high, 250, 50);
}

TEST_F(Synthesis, BonesAreAsLongAsThoseTrainedOn) {
  const SynthWorld world = SynthWorld::Load(Options());
  const VaeInfo& info = world.model.info();
  ASSERT_GT(info.bone_std_mm, 0.5);
  const HandPlacer placer(world);
  const BonePoses open = ForwardKinematics(world.rig, HandShape(), HandAngles{});
  double sum = 0, squares = 0;
  constexpr uint64_t kHands = 400;
  for (uint64_t i = 0; i < kHands; ++i) {
    PlacedHand placed;
    placer.Place(DecodedJoints(), DrawIdentity{i}, &open, &placed);
    const double off_mm = placed.bone_mm - info.bone_mean_mm;
    sum += off_mm / kHands;
    squares += off_mm * off_mm / kHands;
  }
  // Of a normal distribution that is cut at two deviations.
  EXPECT_NEAR(sum, 0, 0.15 * info.bone_std_mm);
  EXPECT_NEAR(std::sqrt(squares), 0.88 * info.bone_std_mm, 0.1 * info.bone_std_mm);
}

TEST_F(Synthesis, NeighboursTakeEveryTupleOnceBeforeAnyTwice) {
  const auto parents_count = static_cast<int64_t>(TrainRows(*folder_ / "rendered").size());
  SynthOptions options = Options("kernel");
  options.parents = {(*folder_ / "rendered").string()};
  const SynthWorld world = SynthWorld::Load(options);
  const auto parent = [&](uint64_t index) { return world.sampler->Draw(index, 0).parents[0]; };
  std::set<int64_t> taken;
  for (int64_t index = 0; index < parents_count; ++index) {
    taken.insert(parent(index));
    if (index != 11) continue;
    // The first dozen are spread over all: even spacing would be 8.
    int64_t before = *taken.rbegin() - parents_count;
    for (const int64_t number : taken) {
      EXPECT_LE(number - before, 16);
      before = number;
    }
  }
  EXPECT_EQ(taken.size(), static_cast<size_t>(parents_count));
  EXPECT_EQ(parent(parents_count), parent(0));
  EXPECT_NE(world.sampler->Draw(parents_count, 0).z, world.sampler->Draw(0, 0).z);
}

// What is drawn is to be trained on, and a code lies close to its parents.
TEST_F(Synthesis, TuplesThatAreMeasuredOnAreNoParents) {
  RenderOptions halves = SmallWorld(*folder_ / "halves", 96, 48).options;
  halves.subjects = 24;
  halves.validation = 0.5;
  WriteSmallDataset(RenderWorld::Load(halves), 2);
  const std::set<int64_t> to_train = TrainRows(halves.out);
  ASSERT_GT(to_train.size(), 10u);
  ASSERT_LT(to_train.size(), 86u);
  SynthOptions options = Options("kernel");
  options.parents = {halves.out};
  const SynthWorld world = SynthWorld::Load(options);
  for (uint64_t index = 0; index < 96; ++index) {
    EXPECT_EQ(to_train.count(world.sampler->Draw(index, 0).parents[0]), 1u);
  }
}

TEST_F(Synthesis, NeighboursOfTuplesLieAroundTheirPosteriors) {
  SynthOptions options = Options("kernel");
  options.parents = {(*folder_ / "rendered").string()};
  options.temperature = 0;
  const SynthWorld world = SynthWorld::Load(options);
  const Dataset parents(*folder_ / "rendered");
  for (const Tuple& t : Made(world)) {
    ASSERT_GE(t.parents[0], 0);
    EXPECT_EQ(t.parents[1], -1);
    const Tuple parent = parents.OpenShard(static_cast<size_t>(t.parents[0] / 48))
                             .ReadTuple(static_cast<uint64_t>(t.parents[0] % 48));
    EXPECT_LT(Distance(t.z, PosteriorMean(world.model, parent)), 1e-4);
  }
}

TEST_F(Synthesis, PathsLieBetweenTheirParents) {
  SynthOptions options = Options("path");
  options.parents = {(*folder_ / "rendered").string()};
  const SynthWorld world = SynthWorld::Load(options);
  const Dataset parents(*folder_ / "rendered");
  for (const Tuple& t : Made(world)) {
    std::vector<float> ends[2];
    for (int e : {0, 1}) {
      const int64_t number = t.parents[static_cast<size_t>(e)];
      ASSERT_GE(number, 0);
      ends[e] = PosteriorMean(world.model,
                              parents.OpenShard(static_cast<size_t>(number / 48))
                                  .ReadTuple(static_cast<uint64_t>(number % 48)));
    }
    EXPECT_NEAR(Distance(t.z, ends[0]) + Distance(t.z, ends[1]), Distance(ends[0], ends[1]), 1e-3);
  }
}

TEST_F(Synthesis, TakesCodesFromAFile) {
  const fs::path file = *folder_ / "codes.safetensors";
  std::vector<float> codes(kTuples * 8);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = 0.01f * static_cast<float>(i % 40);
  TensorFile tensors;
  tensors.AddFloats("z", {kTuples, 8}, codes.data());
  tensors.Write(file);
  SynthOptions options = Options("file");
  options.latents = file;
  const std::vector<Tuple> tuples = Made(options);
  for (size_t i = 0; i < tuples.size(); ++i) {
    EXPECT_EQ(tuples[i].parents[0], static_cast<int64_t>(i));
    if (tuples[i].attempt > 0) continue;
    EXPECT_EQ(tuples[i].z,
              std::vector<float>(codes.begin() + static_cast<long>(8 * i),
                                 codes.begin() + static_cast<long>(8 * i + 8)));
  }
  codes[8 * 3 + 1] = std::nanf("");
  TensorFile broken;
  broken.AddFloats("z", {kTuples, 8}, codes.data());
  broken.Write(*folder_ / "broken.safetensors");
  options.latents = *folder_ / "broken.safetensors";
  EXPECT_THAT(MessageOf<DataError>([&] { SynthWorld::Load(options); }),
              HasSubstr("broken.safetensors: row 3 of array z"));
  options.latents = file;
  options.count = kTuples + 1;
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("array z has 12 rows, 13 tuples in sequences of 1 need 13"));
  options.count = kTuples - 1;
  options.frames = 5;
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("array z has 12 rows, 11 tuples in sequences of 5 need 15"));
}

TEST_F(Synthesis, ConditionsHoldForEveryLabel) {
  SynthOptions options = Options("kernel");
  options.parents = {(*folder_ / "rendered").string()};
  options.condition.pose = {"middle_pip_flexion 40 100"};
  options.max_attempts = 2000;
  const SynthWorld world = SynthWorld::Load(options);
  for (const Tuple& t : Made(world)) {
    const MeasuredHand hand = Measure(world.rig, ToBonePoses(t.rig));
    EXPECT_GE(hand.angles_deg[FingerAngle(kMiddle, kPipFlexion)], 39.9);
    EXPECT_LE(hand.angles_deg[FingerAngle(kMiddle, kPipFlexion)], 100.1);
  }
}

TEST_F(Synthesis, NamesBadConditions) {
  SynthOptions options = Options();
  options.condition.pose = {"midle_pip_flexion 40 100"};
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("did you mean 'middle_pip_flexion'"));
  options.condition.pose = {"middle_pip_flexion 40"};
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("expected ANGLE LOW HIGH"));
  options.condition.pose = {"middle_pip_flexion 3000 3001"};
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("none of the known poses matches"));
  options.condition.pose = {};
  options.condition.gestures = {"no_such_gesture"};
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("unknown gesture 'no_such_gesture'"));
}

TEST_F(Synthesis, SequencesMoveInSmallSteps) {
  SynthOptions options = Options("kernel");
  options.frames = 12;
  const SynthWorld world = SynthWorld::Load(options);
  const std::vector<Tuple> tuples = Made(world);
  for (size_t i = 0; i < tuples.size(); ++i) {
    EXPECT_EQ(tuples[i].sequence_id, 0);
    EXPECT_EQ(tuples[i].frame, static_cast<int32_t>(i));
    EXPECT_EQ(tuples[i].handedness, tuples[0].handedness);
  }
  // As drawn first: a frame that is not plausible is moved towards the nearer end.
  TupleDrawer drawer(world);
  std::vector<std::vector<float>> codes;
  for (uint64_t i = 0; i < kTuples; ++i) codes.push_back(drawer.Draw(i, 0).code.z);
  const double whole = Distance(codes.front(), codes.back());
  EXPECT_GT(whole, 0);
  for (uint64_t i = 1; i < kTuples; ++i) {
    EXPECT_LE(Distance(codes[i], codes[i - 1]), 0.2 * whole) << i;
    const auto& end = i < kTuples / 2 ? codes.front() : codes.back();
    EXPECT_LE(Distance(tuples[i].z, end), Distance(codes[i], end) + 1e-3) << i;
  }
}

// A frame that is drawn again and again gets other wrists, and nothing else that would part it from
// its sequence.
TEST_F(Synthesis, FramesStayOneSequenceHoweverOftenTheyAreDrawn) {
  SynthOptions options = Options("kernel");
  options.frames = 4;
  const SynthWorld world = SynthWorld::Load(options);
  TupleDrawer drawer(world);
  const DrawIdentity first = drawer.Draw(0, 0).identity;
  for (const uint32_t attempt : {1u, 17u, 150u}) {
    const DrawIdentity again = drawer.Draw(3, attempt).identity;
    for (const Purpose purpose : {Purpose::kHandedness, Purpose::kScale, Purpose::kBackground}) {
      EXPECT_EQ(again.For(1, purpose).NextU64(), first.For(1, purpose).NextU64());
    }
  }
  EXPECT_NE(drawer.Draw(3, 150).identity.ForWrist(1).NextU64(), first.ForWrist(1).NextU64());
  EXPECT_EQ(drawer.Draw(3, 1).identity.ForWrist(1).NextU64(), first.ForWrist(1).NextU64());
}

// The last sequence is cut short, but planned whole.
TEST_F(Synthesis, CoverageGoesWithSequences) {
  SynthOptions options = Options("coverage");
  options.frames = 5;
  options.count = 7;
  options.out = *folder_ / "covered";
  SynthWorld world = SynthWorld::Load(options);
  const DatasetJob job = SynthJob(world);
  PrepareLatentPlan(job, &world);
  WriteDataset(job, [&world] { return MakeSynthSource(world); });
  EXPECT_EQ(Dataset(options.out).size(), 7u);
}

TEST_F(Synthesis, ViewsShowOnePose) {
  SynthOptions options = Options("kernel");
  options.views = 4;
  const std::vector<Tuple> tuples = Made(options);
  for (size_t i = 0; i < tuples.size(); ++i) {
    const Tuple& first = tuples[i - i % 4];
    EXPECT_EQ(tuples[i].sequence_id, static_cast<int64_t>(i / 4));
    EXPECT_EQ(tuples[i].view_id, static_cast<int32_t>(i % 4));
    const Similarity3 turn = Align(first.joints_in_cam, tuples[i].joints_in_cam, false);
    EXPECT_LE((turn.Apply(first.joints_in_cam) - tuples[i].joints_in_cam).cwiseAbs().maxCoeff(),
              0.01)
        << i;
    if (i % 4 > 0) {
      EXPECT_GT((turn.rotation - Eigen::Matrix3d::Identity()).norm(), 1e-3);
    }
  }
}

TEST_F(Synthesis, RowsAreMadeAgainFromTheirRecords) {
  for (const int frames : {1, 5}) {
    SynthOptions options = Options("kernel");
    options.frames = frames;
    options.cycle = true;
    options.small_px = 32;
    options.rgb_rendered = true;
    options.left_hands = 0.5;
    options.plausibility.residual_px = 12;  // so that some are drawn again
    options.max_attempts = 5000;
    options.out = *folder_ / ("again" + std::to_string(frames));
    const SynthWorld world = SynthWorld::Load(options);
    const DatasetJob job = SynthJob(world);
    WriteDataset(job, [&world] { return MakeSynthSource(world); });
    const Dataset dataset(options.out);
    const SynthWorld afresh = SynthWorld::Load(options);
    for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
      const ShardReader reader = dataset.OpenShard(shard);
      for (uint64_t row = 0; row < reader.size(); ++row) {
        const Tuple stored = reader.ReadTuple(row);
        const auto expected = EncodeTuple(stored, job.manifest.layout, 1).columns;
        const auto again = EncodeTuple(RemakeTuple(afresh, stored), job.manifest.layout, 1).columns;
        const auto columns = TupleColumns(job.manifest.layout);
        for (size_t c = 0; c < columns.size(); ++c) {
          EXPECT_EQ(again[c], expected[c]) << columns[c].name << " of row " << row;
        }
      }
    }
  }
}

TEST_F(Synthesis, AugmentsWhatItWritesAndTheAuditKnows) {
  SynthOptions options = Options("kernel");
  options.augment = true;
  // Moved cameras are audited in augment_source_test; at these small sizes, and of a network
  // trained for seconds, a moved mask is too coarse to hold every joint.
  options.augmentation.geometry.move = 0;
  options.max_attempts = 5000;
  options.out = *folder_ / "augmented";
  const SynthWorld world = SynthWorld::Load(options);
  const DatasetJob job = SynthJob(world);
  EXPECT_TRUE(job.manifest.layout.augmented);
  WriteDataset(job, [&world] { return MakeSynthSource(world); });
  const Dataset dataset(options.out);
  const ShardReader reader = dataset.OpenShard(0);
  uint64_t changed = 0;
  for (uint64_t row = 0; row < reader.size(); ++row) {
    const Tuple stored = reader.ReadTuple(row);
    changed += stored.augmentation.applied != 0;
    const auto expected = EncodeTuple(stored, job.manifest.layout, 1).columns;
    EXPECT_EQ(EncodeTuple(RemakeTuple(world, stored), job.manifest.layout, 1).columns, expected)
        << "row " << row;
  }
  EXPECT_GT(changed, reader.size() / 2);
  // Hands of a network trained for seconds have parts inside each other, which the audit minds: no
  // row may have faults that it has not before it is augmented.
  const auto faults = [](const std::string& folder) {
    AuditOptions audit;
    audit.rerender_rows = -1;
    return AuditDataset(folder, audit).faults;
  };
  const std::string augmented = options.out;
  options.augment = false;
  options.out = *folder_ / "not_augmented";
  const SynthWorld plain = SynthWorld::Load(options);
  WriteDataset(SynthJob(plain), [&plain] { return MakeSynthSource(plain); });
  std::set<std::pair<std::string, int64_t>> faulty;
  for (const Fault& fault : faults(options.out)) faulty.insert({fault.shard, fault.row});
  EXPECT_LT(faulty.size(), reader.size());
  for (const Fault& fault : faults(augmented)) {
    EXPECT_EQ(faulty.count({fault.shard, fault.row}), 1u)
        << fault.shard << " " << fault.row << " " << fault.column << ": " << fault.what;
  }

  options.augment = true;
  options.small_px = 32;
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }), HasSubstr("small_px"));
  options.small_px = 0;
  options.frames = 4;
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }),
              HasSubstr("tears frames and views apart"));
  options.augmentation.geometry.flip = 0;
  EXPECT_NO_THROW(options.Check());
}

TEST_F(Synthesis, CoverageSpreadsPosesAndItsPlanGrows) {
  SynthOptions options = Options("coverage");
  options.temperature = 1;
  options.coverage.nearest_mm = 30;
  options.coverage.tries = 8;
  const SynthWorld world = SynthWorld::Load(options);
  const CoveragePlan few = PlanCoverage(world, 20, 1), many = PlanCoverage(world, 60, 2);
  EXPECT_TRUE(std::equal(few.z.begin(), few.z.end(), many.z.begin()));
  options.coverage.tries = 1;
  const CoveragePlan blind = PlanCoverage(SynthWorld::Load(options), 60, 2);
  // Of the tuples that both plans have a plausible pose for, but for the first pose of all.
  double planned = 0, unplanned = 0;
  constexpr float kNoPoseBefore = 1e5f;
  int compared = 0;
  for (size_t i = 0; i < 60; ++i) {
    const float a = many.nearest_mm[i], b = blind.nearest_mm[i];
    if (std::min(a, b) < 0 || std::max(a, b) > kNoPoseBefore) continue;
    planned += a;
    unplanned += b;
    ++compared;
  }
  EXPECT_GT(compared, 20);
  EXPECT_GT(planned, 1.1 * unplanned);
}

TEST_F(Synthesis, PlansAreKeptAndBelongToTheirConfiguration) {
  const fs::path file = *folder_ / "plan.safetensors";
  const CoveragePlan plan{{0, 3, 1}, std::vector<float>(24, 0.5f), {1e6f, 4, 5}};
  WritePlan(plan, {7, "abc"}, file);
  const auto read = ReadPlan(file, {7, "abc"}, 3);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->attempt, plan.attempt);
  EXPECT_EQ(read->z, plan.z);
  EXPECT_FALSE(ReadPlan(file, {7, "abc"}, 4)) << "too short";
  EXPECT_FALSE(ReadPlan(file, {7, "abd"}, 3)) << "of another configuration";
  EXPECT_FALSE(ReadPlan(file, {8, "abc"}, 3)) << "of another seed";
  EXPECT_FALSE(ReadPlan(*folder_ / "none", {7, "abc"}, 3));
}

TEST_F(Synthesis, AnotherSeedInTheFolderNeitherUsesNorReplacesAPlan) {
  SynthOptions options = Options("coverage");
  options.out = *folder_ / "planned";
  SynthWorld world = SynthWorld::Load(options);
  const DatasetJob job = SynthJob(world);
  PrepareLatentPlan(job, &world);
  const fs::path file = fs::path(options.out) / "plan.safetensors";
  const std::string plan = Sha256OfFile(file);

  ++options.seed;
  SynthWorld other = SynthWorld::Load(options);
  PrepareLatentPlan(SynthJob(other),
                    &other);  // nothing is written yet: the folder may be anybody's
  EXPECT_NE(Sha256OfFile(file), plan);

  WriteDataset(SynthJob(other), [&other] { return MakeSynthSource(other); });
  const std::string kept = Sha256OfFile(file);
  EXPECT_THROW(PrepareLatentPlan(job, &world), UsageError);
  EXPECT_EQ(Sha256OfFile(file), kept);
}

TEST_F(Synthesis, ARefusedSeedLeavesThePlanOfAnUnfinishedRun) {
  SynthOptions options = Options("coverage");
  options.out = *folder_ / "unfinished";
  SynthWorld world = SynthWorld::Load(options);
  const DatasetJob job = SynthJob(world);
  PrepareLatentPlan(job, &world);
  const fs::path file = fs::path(options.out) / "plan.safetensors";
  const std::string plan = Sha256OfFile(file);
  EnsureWritableFolder(fs::path(options.out) / "shards");
  ShardInfo shard;
  shard.file = ShardFileName(0);
  PublishText(fs::path(options.out) / shard.file, "");
  WriteShardRecord(options.out, 0, {shard, job.manifest.config_sha256, job.manifest.seed});

  ++options.seed;
  SynthWorld other = SynthWorld::Load(options);
  EXPECT_THROW(PrepareLatentPlan(SynthJob(other), &other), UsageError);
  EXPECT_EQ(Sha256OfFile(file), plan);
}

TEST(SignatureOf, IsFreeOfMotionAndSize) {
  Joints3 joints = Joints3::Random() * 50;
  const Eigen::Matrix3d turn =
      Eigen::AngleAxisd(1.1, Eigen::Vector3d(1, 2, 3).normalized()).toRotationMatrix();
  const Joints3 moved = (1.7 * joints * turn.transpose()).rowwise() + Eigen::RowVector3d(5, 6, 7);
  EXPECT_LE((SignatureOf(joints) - SignatureOf(moved)).norm(), 1e-3);
  EXPECT_NEAR(SignatureOf(joints).segment<3>(3 * kMiddleMcp).norm(), 90, 1e-3);
}

TEST_F(Synthesis, RendersWithTheDecodedTone) {
  SynthOptions options = Options("kernel");
  options.rgb_rendered = true;
  options.left_hands = 0;
  options.backdrop = "decoded";  // so that rgb shows the decoded colours alone
  for (const Tuple& t : Made(options)) {
    ASSERT_FALSE(t.rgb_rendered.empty());
    ImageU8 traced(t.rgb.width, t.rgb.height);
    for (int y = 0; y < traced.height; ++y) {
      for (int x = 0; x < traced.width; ++x) {
        traced.at(x, y) =
            t.mask.at(2 * x, 2 * y) != 0 && t.mask.at(2 * x + 1, 2 * y + 1) != 0 ? 255 : 0;
      }
    }
    const Eigen::Vector3f wanted = MeanLinearColour(t.rgb, t.alpha);
    const Eigen::Vector3f got = MeanLinearColour(t.rgb_rendered, traced);
    if (wanted.isZero() || got.isZero()) continue;
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(got[c], wanted[c], 0.05 + 0.2 * wanted[c]);
  }
}

TEST_F(Synthesis, SecondResolutionAgreesWithTheFirst) {
  SynthOptions options = Options("kernel");
  options.small_px = 32;
  for (const Tuple& t : Made(options)) {
    ASSERT_EQ(t.depth_small.width, 32);
    int agree = 0, pixels = 0;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        ++pixels;
        agree += (t.mask_small.at(x, y) != 0) == (t.mask.at(2 * x, 2 * y) != 0);
        EXPECT_EQ(t.mask_small.at(x, y) != 0, t.depth_small.at(x, y) != 0);
      }
    }
    EXPECT_GT(agree, 0.9 * pixels);
  }
}

TEST_F(Synthesis, BackdropsStandBehindTheHandOnly) {
  SynthOptions options = Options("kernel");
  options.left_hands = 0;
  options.backdrop = "decoded";
  const std::vector<Tuple> decoded = Made(options);
  options.backdrop = "probes";
  const std::vector<Tuple> composed = Made(options);
  for (size_t i = 0; i < decoded.size(); ++i) {
    for (size_t p = 0; p < decoded[i].alpha.pixels.size(); ++p) {
      if (decoded[i].alpha.pixels[p] < 255) continue;
      EXPECT_EQ(composed[i].rgb.pixels[3 * p], decoded[i].rgb.pixels[3 * p]);
    }
  }
  options.backdrop = "photos";
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }), HasSubstr("photos"));
  options.photos = *folder_ / "nowhere";
  EXPECT_THAT(MessageOf<EnvironmentError>([&] { SynthWorld::Load(options); }),
              HasSubstr("nowhere"));
}

TEST_F(Synthesis, MeasuresCyclesAndFiltersByThem) {
  SynthOptions options = Options("kernel");
  options.cycle = true;
  std::vector<float> errors;
  for (const Tuple& t : Made(options)) {
    EXPECT_GE(t.quality_cycle_rgb_mm, 0);
    EXPECT_GE(t.quality_cycle_2d_mm, 0);
    errors.push_back(std::max(t.quality_cycle_rgb_mm, t.quality_cycle_2d_mm));
  }
  std::sort(errors.begin(), errors.end());
  options.plausibility.cycle_mm = errors[kTuples / 2];
  options.max_attempts = 1000;
  for (const Tuple& t : Made(options)) {
    EXPECT_LE(t.quality_cycle_rgb_mm, options.plausibility.cycle_mm);
    EXPECT_LE(t.quality_cycle_2d_mm, options.plausibility.cycle_mm);
  }
  options.cycle = false;
  EXPECT_THAT(MessageOf<UsageError>([&] { SynthWorld::Load(options); }), HasSubstr("cycle: true"));
}

TEST_F(Synthesis, ModelsThatReadNoPicturesAreFilteredByTheirOtherCycle) {
  TrainOptions train = ToyTraining(*folder_ / "rendered", *folder_ / "blind");
  train.pairs = {"3d->3d*4", "2d->3d*3", "3d->2d", "3d->rgb"};
  SynthOptions options = Options("kernel");
  options.model = Train(train, false).model;
  options.cycle = true;
  std::vector<float> errors;
  for (const Tuple& t : Made(options)) {
    EXPECT_EQ(t.quality_cycle_rgb_mm, -1);
    errors.push_back(t.quality_cycle_2d_mm);
  }
  std::sort(errors.begin(), errors.end());
  options.plausibility.cycle_mm = errors[kTuples / 2];
  options.max_attempts = 1000;
  for (const Tuple& t : Made(options)) {
    EXPECT_LE(t.quality_cycle_2d_mm, options.plausibility.cycle_mm);
  }
}

}  // namespace
}  // namespace handforge
