#include "io/import/published_dataset.h"

#include <utility>

namespace handforge {

void PublishedDataset::Add(PublishedHand hand) {
  if (!hand.joints_in_cam.allFinite()) return LeaveOut("no_number");
  if (!(hand.joints_in_cam.col(2).minCoeff() > 0)) return LeaveOut("behind_the_camera");
  hands_.push_back(std::move(hand));
}

}  // namespace handforge
