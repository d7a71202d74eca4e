#include "vae/teacher.h"

#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/targets.h"
#include "vae/upright_look.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

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
    teachers_ = new std::vector<HandVae>;
    const std::vector<std::vector<std::string>> pairs = {{"rgb->3d+2d"},
                                                         {"rgb->3d+2d", "depth->3d+2d"}};
    for (size_t i = 0; i < pairs.size(); ++i) {
      TrainOptions options = ToyTraining(*folder_ / "data", TeacherFile(i).parent_path());
      options.pairs = pairs[i];
      teachers_->push_back(HandVae::Load(Train(options, false).model));
    }
  }
  static void TearDownTestSuite() {
    delete teachers_;
    delete folder_;
  }

  // The first teacher sees colours alone, the second one depth too.
  static std::filesystem::path TeacherFile(size_t i) {
    return *folder_ / ("teacher" + std::to_string(i)) / "model.safetensors";
  }

  static std::vector<std::string> Names() {
    return {TeacherFile(0).string(), TeacherFile(1).string()};
  }

  // A quarter of the rows is labelled, every third one has no depth.
  static SampleSet Samples() {
    SampleSet samples = LoadTrainingData({(*folder_ / "data").string()}, kPx).train;
    DropLabels(0.25, true, 1, &samples);
    for (size_t row = 0; row < samples.present.size(); row += 3) {
      samples.present[row] &= ~uint32_t{kHasDepth};
    }
    return samples;
  }

  static TemporaryFolder* folder_;
  static std::vector<HandVae>* teachers_;
};
TemporaryFolder* TeacherTest::folder_ = nullptr;
std::vector<HandVae>* TeacherTest::teachers_ = nullptr;

TEST_F(TeacherTest, PicturesWithoutLabelsGetTheMeanOfWhatIsSaidOfThem) {
  const SampleSet before = Samples();
  SampleSet after = Samples();
  const int64_t labelled = LabelBy(*teachers_, Names(), 2, &after);
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
    // Rounding depends on the batch, and so a little does the turn that is found.
    const auto look = [&](size_t teacher, Modality seen) {
      std::vector<float> input(static_cast<size_t>(InputSize(seen, kPx)));
      before.CopyInput(row, seen, input.data());
      return LookUpright((*teachers_)[teacher], seen, input.data(), 1, kTeacherViews);
    };
    const Modality best = before.Has(row, Modality::kDepth) ? Modality::kDepth : Modality::kRgb;
    const TurnedLooks first = look(0, Modality::kRgb), second = look(1, best);
    for (size_t i = 0; i < 63; ++i) {
      EXPECT_NEAR(joints3[i], (first.joints3[i] + second.joints3[i]) / 2, 1e-2);
    }
    for (size_t i = 0; i < 42; ++i) {
      EXPECT_NEAR(joints2[i], (first.joints2[i] + second.joints2[i]) / 2, 1e-2);
    }
    EXPECT_FLOAT_EQ(after.bone_mm[static_cast<size_t>(row)],
                    static_cast<float>((*teachers_)[0].info().bone_mean_mm));
  }
  EXPECT_EQ(labelled, without);
  EXPECT_EQ(without, before.size() - before.size() / 4);
}

TEST_F(TeacherTest, ThreadsChangeNothing) {
  SampleSet one = Samples(), three = Samples();
  LabelBy(*teachers_, Names(), 1, &one);
  LabelBy(*teachers_, Names(), 3, &three);
  EXPECT_EQ(one.joints3, three.joints3);
  EXPECT_EQ(one.joints2, three.joints2);
}

TEST_F(TeacherTest, StudentsTrainOnWhatTheySay) {
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "student");
  options.pairs = {"rgb->3d", "3d->3d"};
  options.labelled_share = 0.25;
  const std::string alone = Train(options, false).model_sha256;
  options.teachers = {TeacherFile(0).string(), TeacherFile(1).string()};
  options.out = (*folder_ / "taught").string();
  EXPECT_NE(Train(options, false).model_sha256, alone);
}

// Sizes that teachers guess do not narrow what is known of hands, and others than those that a run
// began with are noticed.
TEST_F(TeacherTest, StudentsKeepTheTrueSizesAndTheirTeachers) {
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "alone");
  options.pairs = {"rgb->3d"};
  options.labelled_share = 0.25;
  const HandVae alone = HandVae::Load(Train(options, false).model);
  options.out = (*folder_ / "sizes").string();
  options.teachers = {(*folder_ / "copy.safetensors").string()};
  std::filesystem::copy_file(TeacherFile(0), options.teachers[0]);
  const HandVae taught = HandVae::Load(Train(options, false).model);
  EXPECT_EQ(taught.info().bone_mean_mm, alone.info().bone_mean_mm);
  EXPECT_EQ(taught.info().bone_std_mm, alone.info().bone_std_mm);
  std::filesystem::copy_file(
      TeacherFile(1), options.teachers[0], std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(MessageOf<DataError>([&] { Train(options, true); }), HasSubstr("teachers"));
}

TEST_F(TeacherTest, PicturesAloneAreOfHandsAsLargeAsTheTeachersWere) {
  ToyOptions toy;
  toy.present = kHasRgb;
  WriteToyDataset(toy, 32, *folder_ / "pictures");
  TrainOptions options = ToyTraining(*folder_ / "pictures", *folder_ / "of_pictures");
  options.pairs = {"rgb->3d"};
  options.teachers = {TeacherFile(0).string()};
  const VaeInfo info = HandVae::Load(Train(options, false).model).info();
  EXPECT_EQ(info.bone_mean_mm, (*teachers_)[0].info().bone_mean_mm);
  EXPECT_EQ(info.bone_std_mm, (*teachers_)[0].info().bone_std_mm);
  EXPECT_GT(info.bone_mean_mm, 0);
}

TEST_F(TeacherTest, ATeacherOfDepthAloneTeachesWhereAllHaveDepth) {
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "of_depth");
  options.pairs = {"depth->3d+2d"};
  std::vector<HandVae> teachers;
  teachers.push_back(HandVae::Load(Train(options, false).model));
  SampleSet samples = LoadTrainingData({(*folder_ / "data").string()}, kPx).train;
  DropLabels(0.25, true, 1, &samples);
  EXPECT_GT(LabelBy(teachers, {"depth"}, 1, &samples), 50);
  samples = Samples();
  EXPECT_THAT(MessageOf<UsageError>([&] { LabelBy(teachers, {"depth"}, 1, &samples); }),
              HasSubstr("every picture without labels has depth"));
}

TEST_F(TeacherTest, UnfitTeachersAreRefused) {
  SampleSet other(64);
  EXPECT_THAT(MessageOf<UsageError>([&] { LabelBy(*teachers_, Names(), 1, &other); }),
              AllOf(HasSubstr(TeacherFile(0).string()), HasSubstr("32 px"), HasSubstr("64")));
  TrainOptions options = ToyTraining(*folder_ / "data", *folder_ / "unfit");
  options.pairs = {"3d->3d"};
  std::vector<HandVae> poses;
  poses.push_back(HandVae::Load(Train(options, false).model));
  SampleSet samples = Samples();
  EXPECT_THAT(MessageOf<UsageError>([&] { LabelBy(poses, {"poses.safetensors"}, 1, &samples); }),
              AllOf(HasSubstr("teacher"), HasSubstr("encoder of rgb")));
  options.teachers = {TeacherFile(0).string()};
  options.model.side_input = 1;
  EXPECT_THAT(MessageOf<UsageError>([&] { options.Check(); }),
              AllOf(HasSubstr("teacher"), HasSubstr("side_input")));
}

}  // namespace
}  // namespace handforge
