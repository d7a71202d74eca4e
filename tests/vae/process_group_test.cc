#include "vae/process_group.h"

#include "io/core/error.h"
#include "io/files.h"
#include "io/interrupt.h"
#include "tests/io/error_matchers.h"
#include "tests/io/temporary_folder.h"
#include "tests/vae/toy_hands.h"
#include "tests/vae/trained_toy.h"
#include "vae/batch.h"
#include "vae/hand_vae.h"
#include "vae/shared_statistics.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace handforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using torch::Tensor;

// A port that nothing listens on.
std::string FreeAddress() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(socket_fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(socket_fd);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// Runs work(0) .. work(count - 1), each in a process of its own; whether all returned true. This
// process itself never computes, so that it may fork.
bool InProcesses(int count, const std::function<bool(int)>& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      bool good = false;
      try {
        good = work(i);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "process %d: %s\n", i, error.what());
      }
      _exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  bool all = true;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    all = all && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  return all;
}

class Processes : public testing::Test {
 protected:
  void SetUp() override {
    if (!ProcessGroup::Available()) GTEST_SKIP() << "built without Gloo (Debian: libgloo-dev)";
  }
};

TEST_F(Processes, SumAndAgree) {
  const std::string address = FreeAddress();
  EXPECT_TRUE(InProcesses(3, [&](int i) {
    ProcessGroup group(3, i, address);
    float values[] = {1.0F * i, 10, -1.5F};
    group.Sum(values, 3);
    const bool sums = values[0] == 3 && values[1] == 30 && values[2] == -4.5F;
    return sums && group.OfFirst(7 + i) == 7 && group.Agree(5) && !group.Agree(i) &&
           !group.Agree(i == 2 ? 1 : 0);
  }));
}

// Whether it listens or knocks.
TEST_F(Processes, OneThatWaitsForOthersCanBeStopped) {
  const std::string address = FreeAddress();
  for (const int index : {0, 1}) {
    EXPECT_TRUE(InProcesses(1, [&](int) {
      std::thread signal([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        RequestInterrupt(true);
      });
      const auto start = std::chrono::steady_clock::now();
      bool interrupted = false;
      try {
        const ProcessGroup group(2, index, address);
      } catch (const Interrupted&) {
        interrupted = true;
      }
      signal.join();
      return interrupted && std::chrono::steady_clock::now() - start < std::chrono::minutes(1);
    }));
  }
}

TEST_F(Processes, NormaliseLikeOneBatch) {
  const std::string address = FreeAddress();
  EXPECT_TRUE(InProcesses(2, [&](int i) {
    at::set_num_threads(1);
    torch::manual_seed(5);
    const Tensor whole = 3 + 2 * torch::randn({8, 3, 5, 5});
    const Tensor weights = torch::randn({8, 3, 5, 5});
    torch::nn::BatchNorm2d expected_norm(3);
    torch::nn::BatchNorm2d norm(3);
    Tensor x = whole.clone().set_requires_grad(true);
    const Tensor expected = expected_norm->forward(x);
    (expected * weights).sum().backward();

    ProcessGroup group(2, i, address);
    Tensor ours = whole.narrow(0, 4 * i, 4).clone().set_requires_grad(true);
    const Tensor said = NormaliseAcross(ours, &group, norm.get());
    (said * weights.narrow(0, 4 * i, 4)).sum().backward();
    return said.allclose(expected.narrow(0, 4 * i, 4), 1e-4, 1e-5) &&
           ours.grad().allclose(x.grad().narrow(0, 4 * i, 4), 1e-4, 1e-5) &&
           norm->running_mean.allclose(expected_norm->running_mean, 1e-4, 1e-5) &&
           norm->running_var.allclose(expected_norm->running_var, 1e-4, 1e-5);
  }));
}

// step,pair -> loss
std::map<std::string, double> LossesOf(const std::filesystem::path& log) {
  std::map<std::string, double> losses;
  std::istringstream lines(ReadText(log));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const size_t end = line.find(',', line.find(',') + 1);
    losses[line.substr(0, end)] = std::stod(line.substr(end + 1));
  }
  return losses;
}

class TwoTrain : public Processes {
 protected:
  TwoTrain() { WriteToyDataset(ToyOptions(), 64, folder_ / "data"); }

  TrainOptions Options(const std::string& out) const {
    TrainOptions options = ToyTraining(folder_ / "data", folder_ / out);
    options.pairs = {"3d->3d*2", "2d->3d", "rgb->3d+2d", "depth->3d"};
    options.model.side_head = 1;
    options.left_share = 0.25;
    options.log_every = 1;
    return options;
  }
  // `interrupt_after`: the step after which the second process is asked to stop; -1 = never.
  bool TrainTogether(TrainOptions options, bool resume, int64_t interrupt_after = -1) const {
    options.processes = 2;
    options.rendezvous = FreeAddress();
    return InProcesses(2, [&](int i) {
      TrainOptions ours = options;
      ours.process = i;
      try {
        Train(ours, resume, [&](const TrainEvent& event) {
          const bool now = event.kind == TrainEvent::Kind::kStep && event.step == interrupt_after;
          if (now && i == 1) RequestInterrupt(true);
        });
      } catch (const Interrupted&) {
        return interrupt_after >= 0;
      }
      return interrupt_after < 0;
    });
  }

  // Trains in folder "one" alone and in "two" together; every loss must be the same.
  void ExpectSameLosses(TrainOptions options) const {
    options.out = folder_ / "one";
    ASSERT_TRUE(InProcesses(1, [&](int) {
      Train(options, false);
      return true;
    }));
    options.out = folder_ / "two";
    ASSERT_TRUE(TrainTogether(options, false));
    const auto one = LossesOf(folder_ / "one" / "train_log.csv");
    const auto two = LossesOf(folder_ / "two" / "train_log.csv");
    ASSERT_EQ(one.size(), two.size());
    for (const auto& [step, loss] : one) EXPECT_NEAR(two.at(step), loss, 2e-3 * loss) << step;
  }

  TemporaryFolder folder_;
};

TEST_F(TwoTrain, AsOneDoes) {
  ExpectSameLosses(Options("one"));

  const HandVae a = HandVae::Load(ModelPath(folder_ / "one"));
  const HandVae b = HandVae::Load(ModelPath(folder_ / "two"));
  const std::vector<float> z(static_cast<size_t>(a.info().latent_dim), 0.5F);
  DecodedBatch from_a;
  DecodedBatch from_b;
  a.Decode(z.data(), 1, &from_a);
  b.Decode(z.data(), 1, &from_b);
  for (size_t i = 0; i < from_a.joints3.size(); ++i) {
    EXPECT_NEAR(from_a.joints3[i], from_b.joints3[i], 2e-3);
  }
}

// The first process has all the rows without a mask: what they are weighed by is that of both.
TEST_F(TwoTrain, DecodePicturesAsOneDoes) {
  TrainOptions pictures = Options("one");
  pictures.pairs = {"rgb->rgb", "3d->rgb", "3d->depth", "3d->3d", "depth->3d"};
  pictures.model.side_head = 0;
  pictures.labelled_share = 0.5;
  pictures.unlabelled_share = 0.5;
  pictures.own_masks = true;
  pictures.detail_weight = 1;
  pictures.background_weight = 0.2;
  ExpectSameLosses(pictures);
}

TEST_F(TwoTrain, NothingIsDoneWithOtherData) {
  WriteToyDataset(ToyOptions(), 32, folder_ / "other");
  TrainOptions options = Options("of_two_data");
  options.processes = 2;
  options.rendezvous = FreeAddress();
  EXPECT_TRUE(InProcesses(2, [&](int i) {
    TrainOptions ours = options;
    ours.process = i;
    if (i == 1) ours.data = {(folder_ / "other").string()};
    const std::string message = MessageOf<UsageError>([&] { Train(ours, false); });
    return message.find("different data") != std::string::npos;
  }));
}

// Budgets need not be the same; all act by the first one's.
TEST_F(TwoTrain, KeepToTheFirstOnesBudget) {
  TrainOptions options = Options("budgets");
  options.processes = 2;
  options.rendezvous = FreeAddress();
  options.log_every = 2;
  EXPECT_TRUE(InProcesses(2, [&](int i) {
    TrainOptions ours = options;
    ours.process = i;
    ours.max_seconds = i == 0 ? 0 : 1000;
    return Train(ours, false).steps == options.steps;
  }));
}

TEST_F(TwoTrain, StopTogetherAndGoOnWithTheSameBits) {
  ASSERT_TRUE(TrainTogether(Options("whole"), false));
  ASSERT_TRUE(TrainTogether(Options("stopped"), false, 7));
  EXPECT_FALSE(std::filesystem::exists(ModelPath(folder_ / "stopped")));
  ASSERT_TRUE(TrainTogether(Options("stopped"), true));
  EXPECT_EQ(Sha256OfFile(ModelPath(folder_ / "stopped")),
            Sha256OfFile(ModelPath(folder_ / "whole")));
}

TEST_F(TwoTrain, NothingIsDoneWithOtherOptions) {
  TrainOptions options = Options("apart");
  options.processes = 2;
  options.rendezvous = FreeAddress();
  EXPECT_TRUE(InProcesses(2, [&](int i) {
    TrainOptions ours = options;
    ours.process = i;
    ours.beta *= 1 + i;
    const std::string message = MessageOf<UsageError>([&] { Train(ours, false); });
    return message.find("different training options") != std::string::npos;
  }));
}

TEST(ProcessOptions, AreChecked) {
  const auto message = [](const std::function<void(TrainOptions*)>& change) {
    TrainOptions options = ToyTraining("data", "out");
    options.processes = 2;
    options.rendezvous = "127.0.0.1:29500";
    change(&options);
    return MessageOf<UsageError>([&] { options.Check(); });
  };
  EXPECT_THAT(message([](TrainOptions* o) { o->process = 2; }), HasSubstr("0 .. 1"));
  EXPECT_THAT(message([](TrainOptions* o) { o->rendezvous = ""; }), HasSubstr("rendezvous"));
  EXPECT_THAT(message([](TrainOptions* o) { o->image_batch = 7; }), HasSubstr("image_batch = 7"));
  EXPECT_THAT(message([](TrainOptions* o) {
                o->model.side_head = 1;
                o->left_share = 0.125;
              }),
              HasSubstr("left_share"));
  for (const std::string address : {"nowhere", ":5", "host:0", "host:70000", "host:12x"}) {
    EXPECT_THAT(MessageOf<UsageError>([&] { ProcessGroup(2, 0, address); }),
                AllOf(HasSubstr(address), HasSubstr("HOST:PORT")));
  }
}

TEST(BatchMaker, PartsMakeTheWholeBatch) {
  const TemporaryFolder folder;
  WriteToyDataset(ToyOptions(), 32, folder / "data");
  const SampleSet samples = LoadTrainingData({(folder / "data").string()}, 32).train;
  const std::vector<Pass> passes = ParsePasses({"rgb->3d", "3d->3d"});
  BatchOptions options;
  options.pose_rows = 8;
  options.image_rows = 4;
  options.latent_dim = 5;
  options.left_share = 0.5;
  BatchMaker whole(samples, passes, options);
  options.processes = 2;
  BatchMaker first(samples, passes, options);
  options.process = 1;
  BatchMaker second(samples, passes, options);
  for (int64_t step = 0; step < 6; ++step) {
    const Batch all = whole.Make(step);
    const Batch a = first.Make(step);
    const Batch b = second.Make(step);
    const auto joined = [](std::vector<float> x, const std::vector<float>& y) {
      x.insert(x.end(), y.begin(), y.end());
      return x;
    };
    EXPECT_EQ(joined(a.noise, b.noise), all.noise);
    EXPECT_EQ(joined(a.targets[2], b.targets[2]), all.targets[2]);
    EXPECT_EQ(a.rows + b.rows, all.rows);
    EXPECT_EQ(a.left_rows + b.left_rows, all.left_rows);
    EXPECT_EQ(a.input.size() + b.input.size(), all.input.size());
  }
}

}  // namespace
}  // namespace handforge
