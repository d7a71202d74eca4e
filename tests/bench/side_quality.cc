// How well `predict` tells left from right hands in the pictures of datasets, how far its
// probability can be trusted, and the weights of its two kinds of evidence that fit all these
// pictures best (SideEvidence::LeftLogOdds in vae/hand_predictor.cc):
//   side_quality MODEL DATASET...
#include "io/dataset.h"
#include "vae/hand_predictor.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include <Eigen/Dense>
#include <tbb/parallel_for.h>

namespace handforge {
namespace {

struct Hand {
  bool left = false;
  HandPrediction said;

  bool Right() const { return (said.handedness == Handedness::kLeft) == left; }
};

// Shard by shard: pictures of a large dataset are not held together.
std::vector<Hand> Look(const HandPredictor& predictor, const char* folder) {
  const Dataset dataset(folder);
  std::vector<Hand> hands;
  for (size_t shard = 0; shard < dataset.manifest().shards.size(); ++shard) {
    const ShardReader reader = dataset.OpenShard(shard);
    const size_t first = hands.size();
    std::vector<ImageU8> pictures;
    for (uint64_t row = 0; row < reader.size(); ++row) {
      Tuple tuple = reader.ReadTuple(row);
      pictures.push_back(std::move(tuple.rgb));
      hands.push_back({tuple.handedness == Handedness::kLeft, {}});
    }
    tbb::parallel_for(size_t{0}, pictures.size(), [&](size_t i) {
      const CropSquare whole = WholeImage(pictures[i].width, pictures[i].height);
      hands[first + i].said = predictor.Predict(pictures[i], whole);
    });
  }
  return hands;
}

double ShareRight(const std::vector<Hand>& hands) {
  double right = 0;
  for (const Hand& hand : hands) right += hand.Right();
  return right / static_cast<double>(hands.size());
}

void PrintCalibration(const std::vector<Hand>& hands) {
  constexpr std::array<double, 6> kBounds = {0.5, 0.7, 0.9, 0.97, 0.99, 1.0001};
  for (size_t bin = 0; bin + 1 < kBounds.size(); ++bin) {
    double said = 0;
    std::vector<Hand> inside;
    for (const Hand& hand : hands) {
      const double probability = *hand.said.handedness_probability;
      if (probability < kBounds[bin] || probability >= kBounds[bin + 1]) continue;
      said += probability;
      inside.push_back(hand);
    }
    if (inside.empty()) continue;
    std::printf("  %5zu hands said with %.3f on average: %.3f right\n",
                inside.size(),
                said / static_cast<double>(inside.size()),
                ShareRight(inside));
  }
}

Eigen::Vector2d EvidenceOf(const Hand& hand) {
  return {hand.said.side_evidence->head, hand.said.side_evidence->agreement};
}

// Logistic regression without intercept (left and right are alike) by Newton's method.
Eigen::Vector2d FitWeights(const std::vector<Hand>& hands) {
  Eigen::Vector2d weights(1, 1);
  for (int step = 0; step < 20; ++step) {
    Eigen::Vector2d gradient = Eigen::Vector2d::Zero();
    Eigen::Matrix2d curvature = 1e-9 * Eigen::Matrix2d::Identity();
    for (const Hand& hand : hands) {
      const Eigen::Vector2d evidence = EvidenceOf(hand);
      const double left = 1 / (1 + std::exp(-weights.dot(evidence)));
      gradient += (left - hand.left) * evidence;
      curvature += left * (1 - left) * evidence * evidence.transpose();
    }
    weights -= curvature.ldlt().solve(gradient);
  }
  return weights;
}

double ShareRight(const std::vector<Hand>& hands, const Eigen::Vector2d& weights) {
  double right = 0;
  for (const Hand& hand : hands) right += (weights.dot(EvidenceOf(hand)) > 0) == hand.left;
  return right / static_cast<double>(hands.size());
}

int Run(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: side_quality MODEL DATASET...\n");
    return 2;
  }
  const HandVae model = HandVae::Load(argv[1]);
  const HandPredictor predictor(model, {});
  std::vector<Hand> all;
  for (int i = 2; i < argc; ++i) {
    const std::vector<Hand> hands = Look(predictor, argv[i]);
    std::printf("%s: %zu hands, side right %.3f\n", argv[i], hands.size(), ShareRight(hands));
    PrintCalibration(hands);
    all.insert(all.end(), hands.begin(), hands.end());
  }
  const Eigen::Vector2d weights = FitWeights(all);
  std::printf("best weights for all %zu: head %.2f, agreement %.2f; side right %.3f, now %.3f\n",
              all.size(),
              weights[0],
              weights[1],
              ShareRight(all, weights),
              ShareRight(all));
  return 0;
}

}  // namespace
}  // namespace handforge

int main(int argc, char** argv) { return handforge::Run(argc, argv); }
