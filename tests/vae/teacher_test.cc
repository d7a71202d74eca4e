#include "vae/teacher.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/targets.h"
#include "vae/upright_look.h"

#include <algorithm>

#include <gmock/gmock.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kPx = 32;

class TeacherTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    WriteToyDataset(ToyOptions(), 128, *folder_ / "data");
    TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "teacher");
    options.pairs = {"rgb->3d+2d"};
    teacher_ = new HandVae(HandVae::Load(Train(options, false).model));
  }
  static void TearDownTestSuite() {
    delete teacher_;
    delete folder_;
  }

  // A quarter of the rows is labelled.
  static SampleSet Samples() {
    SampleSet samples = LoadTrainingData({(*folder_ / "data").string()}, kPx).train;
    DropLabels(0.25, true, 1, &samples);
    return samples;
  }

  static TemporaryFolder* folder_;
  static HandVae* teacher_;
};
TemporaryFolder* TeacherTest::folder_ = nullptr;
HandVae* TeacherTest::teacher_ = nullptr;

TEST_F(TeacherTest, PicturesWithoutLabelsGetWhatItSaysOfThem) {
  const SampleSet before = Samples();
  SampleSet after = Samples();
  const int64_t labelled = LabelBy(*teacher_, 2, &after);
  int64_t without = 0;
  for (int64_t row = 0; row < before.size(); ++row) {
    const float* joints3 = after.joints3.data() + row * kNumJoints * 3;
    const float* joints2 = after.joints2.data() + row * kNumJoints * 2;
    ASSERT_TRUE(after.Has(row, Modality::kJoints3) && after.Has(row, Modality::kJoints2));
    if (before.Has(row, Modality::kJoints3)) {
      EXPECT_TRUE(std::equal(joints3, joints3 + 63, before.joints3.data() + row * kNumJoints * 3));
      EXPECT_TRUE(std::equal(joints2, joints2 + 42, before.joints2.data() + row * kNumJoints * 2));
      continue;
    }
    ++without;
    std::vector<float> picture(static_cast<size_t>(InputSize(Modality::kRgb, kPx)));
    before.CopyInput(row, Modality::kRgb, picture.data());
    // Rounding depends on the batch, and so a little does the turn that is found.
    const TurnedLooks said =
        LookUpright(*teacher_, Modality::kRgb, picture.data(), 1, kTeacherViews);
    for (size_t i = 0; i < 63; ++i) EXPECT_NEAR(joints3[i], said.joints3[i], 1e-2);
    for (size_t i = 0; i < 42; ++i) EXPECT_NEAR(joints2[i], said.joints2[i], 1e-2);
    EXPECT_FLOAT_EQ(after.bone_mm[static_cast<size_t>(row)],
                    static_cast<float>(teacher_->info().bone_mean_mm));
  }
  EXPECT_EQ(labelled, without);
  EXPECT_EQ(without, before.size() - before.size() / 4);
}

TEST_F(TeacherTest, ThreadsChangeNothing) {
  SampleSet one = Samples(), three = Samples();
  LabelBy(*teacher_, 1, &one);
  LabelBy(*teacher_, 3, &three);
  EXPECT_EQ(one.joints3, three.joints3);
  EXPECT_EQ(one.joints2, three.joints2);
}

TEST_F(TeacherTest, StudentsTrainOnWhatItSays) {
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "student");
  options.pairs = {"rgb->3d", "3d->3d"};
  options.labelled_share = 0.25;
  const std::string alone = Train(options, false).model_sha256;
  options.teacher = (*folder_ / "teacher/model.safetensors").string();
  options.out = (*folder_ / "taught").string();
  EXPECT_NE(Train(options, false).model_sha256, alone);
}

TEST_F(TeacherTest, UnfitTeachersAreRefused) {
  SampleSet other(64);
  EXPECT_THAT(MessageOf<UsageError>([&] { LabelBy(*teacher_, 1, &other); }),
              AllOf(HasSubstr("teacher"), HasSubstr("32 px"), HasSubstr("64")));
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "unfit");
  options.pairs = {"3d->3d"};
  const HandVae poses = HandVae::Load(Train(options, false).model);
  SampleSet samples = Samples();
  EXPECT_THAT(MessageOf<UsageError>([&] { LabelBy(poses, 1, &samples); }),
              AllOf(HasSubstr("teacher"), HasSubstr("encoder of rgb")));
  options.teacher = (*folder_ / "teacher/model.safetensors").string();
  options.model.side_input = 1;
  EXPECT_THAT(MessageOf<UsageError>([&] { options.Check(); }),
              AllOf(HasSubstr("teacher"), HasSubstr("side_input")));
}

}  // namespace
}  // namespace handforge
