#include "io/augment/occluder_blobs.h"

#include "io/hand_box.h"

#include <algorithm>
#include <cmath>

namespace handforge {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kSamplesPerSide = 3;  // of a pixel of rgb
constexpr double kNearestMm = 50;   // no blob is nearer to the camera

// Where a pixel's centre lies, as a share of the picture's side.
double ShareOf(double pixel, int size_px) { return (pixel + 0.5) / size_px; }

bool Covers(const std::vector<OccluderBlob>& blobs, double x, double y) {
  return std::any_of(blobs.begin(), blobs.end(), [&](const OccluderBlob& blob) {
    return blob.RelativeRadius(x, y) < 1;
  });
}

bool Has(const Tuple& t, uint32_t bit) { return (t.present & bit) != 0; }

// Box around the hand, as shares of the picture's side; the picture's middle where there is none.
std::array<double, 4> HandBoxShares(const Tuple& t) {
  const int size = t.camera.width_px;
  if (!(t.bbox_px[2] > 0 && t.bbox_px[3] > 0)) return {0.25, 0.25, 0.5, 0.5};
  return {ShareOf(t.bbox_px[0], size),
          ShareOf(t.bbox_px[1], size),
          t.bbox_px[2] / static_cast<double>(size),
          t.bbox_px[3] / static_cast<double>(size)};
}

OccluderBlob DrawShape(const OccluderOptions& options,
                       const std::array<double, 4>& box,
                       Random* random) {
  OccluderBlob blob;
  blob.x = box[0] + box[2] * random->Uniform(-0.1, 1.1);
  blob.y = box[1] + box[3] * random->Uniform(-0.1, 1.1);
  blob.radius = std::max(box[2], box[3]) * random->Uniform(options.smallest, options.largest);
  for (size_t k = 0; k < blob.swell.size(); ++k) {
    blob.swell[k] = random->Uniform(0, 0.3) / static_cast<double>(k + 1);
    blob.phase[k] = random->Uniform(0, 2 * kPi);
  }
  const double grey = random->Uniform(20, 235);
  for (double& c : blob.colour) c = std::clamp(grey + random->Uniform(-70, 70), 0.0, 255.0);
  return blob;
}

// Calls visit(x, y, relative radius) for the pixels of a grid whose centre a blob covers.
template <typename Visit>
void ForEachCovered(const OccluderBlob& blob, int size_px, const Visit& visit) {
  for (int y = 0; y < size_px; ++y) {
    for (int x = 0; x < size_px; ++x) {
      const double rim = blob.RelativeRadius(ShareOf(x, size_px), ShareOf(y, size_px));
      if (rim < 1) visit(x, y, rim);
    }
  }
}

// Depth of the nearest thing the blob hides, else of the nearest in the picture, else a guess.
double NearestBehind(const OccluderBlob& blob, const Tuple& t) {
  uint16_t behind = UINT16_MAX, anywhere = UINT16_MAX;
  if (Has(t, kHasDepth)) {
    ForEachCovered(blob, t.depth.width, [&](int x, int y, double) {
      if (t.depth.at(x, y) > 0) behind = std::min(behind, t.depth.at(x, y));
    });
    for (const uint16_t d : t.depth.pixels) {
      if (d > 0) anywhere = std::min(anywhere, d);
    }
  }
  if (behind < UINT16_MAX) return kDepthUnitMm * behind;
  if (anywhere < UINT16_MAX) return kDepthUnitMm * anywhere;
  return 400;
}

// Darker towards the rim, as something round is.
double Shade(double rim) { return 0.55 + 0.45 * std::sqrt(std::max(0.0, 1 - rim * rim)); }

void PaintOver(const OccluderBlob& blob, Tuple* t) {
  const int size = t->rgb.width;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int covered = 0;
      double shade = 0;
      for (int s = 0; s < kSamplesPerSide * kSamplesPerSide; ++s) {
        const double dx = (s % kSamplesPerSide + 0.5) / kSamplesPerSide - 0.5;
        const double dy = (s / kSamplesPerSide + 0.5) / kSamplesPerSide - 0.5;
        const double rim = blob.RelativeRadius(ShareOf(x + dx, size), ShareOf(y + dy, size));
        if (rim >= 1) continue;
        ++covered;
        shade += Shade(rim);
      }
      if (covered == 0) continue;
      const double share = static_cast<double>(covered) / (kSamplesPerSide * kSamplesPerSide);
      for (int c = 0; c < 3; ++c) {
        uint8_t& byte = t->rgb.at(x, y, c);
        byte = static_cast<uint8_t>(
            std::lround((1 - share) * byte + share * blob.colour[c] * shade / covered));
      }
      if (Has(*t, kHasAlpha)) {
        uint8_t& alpha = t->alpha.at(x, y);
        alpha = static_cast<uint8_t>(std::lround((1 - share) * alpha));
      }
    }
  }
}

void HideMaskAndDepth(const OccluderBlob& blob, Tuple* t) {
  if (Has(*t, kHasMask)) {
    ForEachCovered(
        blob, t->mask.width, [&](int x, int y, double) { t->mask.at(x, y) = kPartFirstOccluder; });
  }
  if (!Has(*t, kHasDepth)) return;
  ForEachCovered(blob, t->depth.width, [&](int x, int y, double rim) {
    const double z_mm = blob.front_mm + blob.thickness_mm * rim * rim;
    t->depth.at(x, y) = static_cast<uint16_t>(std::lround(z_mm / kDepthUnitMm));
  });
}

}  // namespace

double OccluderBlob::RelativeRadius(double at_x, double at_y) const {
  const double dx = at_x - x, dy = at_y - y;
  const double angle = std::atan2(dy, dx);
  double rim = 1;
  for (size_t k = 0; k < swell.size(); ++k) {
    rim += swell[k] * std::cos(static_cast<double>(k + 1) * angle + phase[k]);
  }
  return std::hypot(dx, dy) / (radius * std::max(rim, 0.1));
}

std::vector<OccluderBlob> DrawBlobs(const OccluderOptions& options,
                                    const Tuple& tuple,
                                    Random* random) {
  const std::array<double, 4> box = HandBoxShares(tuple);
  std::vector<OccluderBlob> blobs;
  const int64_t count = 1 + random->Integer(options.most);
  for (int64_t i = 0; i < count; ++i) {
    OccluderBlob blob = DrawShape(options, box, random);
    const double behind_mm = NearestBehind(blob, tuple);
    const double gap_mm = random->Uniform(5, 60);
    blob.front_mm = std::max(std::min(kNearestMm, 0.9 * behind_mm), behind_mm - gap_mm);
    blob.thickness_mm = 0.8 * (behind_mm - blob.front_mm);
    blobs.push_back(blob);
  }
  std::stable_sort(blobs.begin(), blobs.end(), [](const OccluderBlob& a, const OccluderBlob& b) {
    return a.front_mm > b.front_mm;
  });
  return blobs;
}

void PlaceBlobs(const std::vector<OccluderBlob>& blobs, Tuple* tuple) {
  Tuple& t = *tuple;
  for (const OccluderBlob& blob : blobs) {
    if (Has(t, kHasRgb)) PaintOver(blob, &t);
    HideMaskAndDepth(blob, &t);
  }
  if (Has(t, kHasJoints2)) {
    for (int j = 0; j < kNumJoints; ++j) {
      const double x = std::round(t.joints_px(j, 0)), y = std::round(t.joints_px(j, 1));
      if (t.visible[j] == kOutOfFrame) continue;
      if (Covers(blobs, ShareOf(x, t.camera.width_px), ShareOf(y, t.camera.height_px))) {
        t.visible[j] = kHiddenByOccluder;
      }
    }
  }
  if (Has(t, kHasMask)) t.bbox_px = BoxOfHand(t.mask);
}

double HiddenShare(const std::vector<OccluderBlob>& blobs, const Tuple& t) {
  int hidden = 0, all = 0;
  const auto count = [&](double x, double y, int size_px) {
    ++all;
    hidden += Covers(blobs, ShareOf(x, size_px), ShareOf(y, size_px));
  };
  if (Has(t, kHasMask)) {
    for (int y = 0; y < t.mask.height; ++y) {
      for (int x = 0; x < t.mask.width; ++x) {
        const uint8_t part = t.mask.at(x, y);
        if (part >= kPartPalm && part <= kPartLastSegment) count(x, y, t.mask.width);
      }
    }
  } else if (Has(t, kHasJoints2)) {
    for (int j = 0; j < kNumJoints; ++j) {
      if (t.visible[j] != kOutOfFrame)
        count(t.joints_px(j, 0), t.joints_px(j, 1), t.camera.width_px);
    }
  }
  return all == 0 ? 0 : static_cast<double>(hidden) / all;
}

}  // namespace handforge
