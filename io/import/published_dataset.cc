#include "io/import/published_dataset.h"

#include "io/core/error.h"

#include <cmath>
#include <sstream>
#include <utility>

namespace handforge {

PinholeCamera CameraOfK(const Eigen::Matrix3d& K,
                        int width_px,
                        int height_px,
                        const std::string& place) {
  constexpr double kNearlyZero = 1e-6;
  const PinholeCamera camera = PinholeCamera::FromK(K, width_px, height_px);
  const bool pinhole = K.allFinite() && camera.fx > 0 && camera.fy > 0 &&
                       (K - camera.K()).cwiseAbs().maxCoeff() <= kNearlyZero;
  if (pinhole) return camera;
  std::ostringstream text;
  text << K.format({6, Eigen::DontAlignCols, ", ", "; ", "", "", "[", "]"});
  throw DataError(place + "K is " + text.str() +
                  ", expected [fx, 0, cx; 0, fy, cy; 0, 0, 1] with fx and fy above 0");
}

void PublishedDataset::Add(PublishedHand hand) {
  if (!hand.joints_in_cam.allFinite()) return LeaveOut("no_number", hand.split);
  if (!(hand.joints_in_cam.col(2).minCoeff() > 0)) {
    return LeaveOut("behind_the_camera", hand.split);
  }
  hands_.push_back(std::move(hand));
}

}  // namespace handforge
