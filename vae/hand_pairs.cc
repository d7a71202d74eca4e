#include "vae/hand_pairs.h"

#include "vae/augment.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

constexpr double kMostSizeRatio = 2;
constexpr double kArmSpan = 9;        // in lengths of a hand
constexpr double kSameHandIou = 0.5;  // of boxes

double BoxSide(const CropSquare& square) { return square.side_px * kCanonicalFill; }

// Between the centres, in sides of their boxes.
double Distance(const CropSquare& a, const CropSquare& b) {
  return std::hypot(a.centre_x_px - b.centre_x_px, a.centre_y_px - b.centre_y_px) /
         std::sqrt(BoxSide(a) * BoxSide(b));
}

// Intersection of the boxes over their union.
double Overlap(const CropSquare& a, const CropSquare& b) {
  const double side_a = BoxSide(a), side_b = BoxSide(b);
  const auto shared = [&](double centre_a, double centre_b) {
    const double across = (side_a + side_b) / 2 - std::abs(centre_a - centre_b);
    return std::clamp(across, 0.0, std::min(side_a, side_b));
  };
  const double both = shared(a.centre_x_px, b.centre_x_px) * shared(a.centre_y_px, b.centre_y_px);
  return both / (side_a * side_a + side_b * side_b - both);
}

bool MayBeOnePersons(const CropSquare& a, const CropSquare& b) {
  const double ratio = a.side_px / b.side_px;
  return ratio <= kMostSizeRatio && 1 / ratio <= kMostSizeRatio && Distance(a, b) <= kArmSpan &&
         Overlap(a, b) < kSameHandIou;
}

std::optional<size_t> Nearest(const std::vector<CropSquare>& squares, size_t hand) {
  std::optional<size_t> nearest;
  for (size_t i = 0; i < squares.size(); ++i) {
    if (i == hand || !MayBeOnePersons(squares[hand], squares[i])) continue;
    if (!nearest ||
        Distance(squares[hand], squares[i]) < Distance(squares[hand], squares[*nearest])) {
      nearest = i;
    }
  }
  return nearest;
}

}  // namespace

std::vector<std::optional<size_t>> PairHands(const std::vector<CropSquare>& squares) {
  std::vector<std::optional<size_t>> nearest, others;
  for (size_t hand = 0; hand < squares.size(); ++hand) nearest.push_back(Nearest(squares, hand));
  for (size_t hand = 0; hand < squares.size(); ++hand) {
    const bool mutual = nearest[hand] && nearest[*nearest[hand]] == hand;
    others.push_back(mutual ? nearest[hand] : std::nullopt);
  }
  return others;
}

double LeftLogOddsByOther(double other_left_log_odds, double opposite) {
  const double other_left = 1 / (1 + std::exp(-other_left_log_odds));
  const double other_right = 1 / (1 + std::exp(other_left_log_odds));
  return std::log(opposite * other_right + (1 - opposite) * other_left) -
         std::log(opposite * other_left + (1 - opposite) * other_right);
}

}  // namespace handforge
