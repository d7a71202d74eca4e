#include "render/hand_scene.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace handforge {
const ObjectLibrary& HandScene::SolidsOnly() {
  static const ObjectLibrary solids;
  return solids;
}

HandScene::HandScene(const Rig& rig, const ObjectLibrary& objects)
    : rig_(rig), objects_(objects), rays_(rig.surface_rest, rig.triangles) {}

void HandScene::SetPose(const RigPose& pose) {
  PoseSurface(rig_, ToBonePoses(pose), &surface_);
  rays_.SetVertices(surface_);
}

void HandScene::SetSurroundings(const Tuple& tuple) {
  surroundings_ = SurroundingsOf(rig_, objects_, tuple);
  placed_ = tuple.objects;
  std::vector<TriangleMesh> meshes;
  for (const Surrounding& s : surroundings_) meshes.push_back(s.mesh);
  rays_.SetObjects(meshes);
}

void HandScene::Trace(const PinholeCamera& camera) {
  camera_ = camera;
  rays_.Trace(camera, &hits_);
  if (surroundings_.empty()) return;
  hand_hits_ = hits_;
  const auto hand_triangles = static_cast<int32_t>(rig_.triangles.size());
  for (size_t i = 0; i < hits_.triangle.size(); ++i) {
    if (hits_.triangle[i] < hand_triangles) continue;
    hand_hits_.triangle[i] = PrimaryHits::kMiss;
    hand_hits_.depth_mm[i] = 0;
  }
}

HandScene::Place HandScene::Locate(int32_t triangle) const {
  auto left = static_cast<size_t>(triangle);
  int body = 0;
  while (left >= body_triangles(body).size()) left -= body_triangles(body++).size();
  return {body, static_cast<int>(left)};
}

uint8_t HandScene::PartAt(const Place& place) const {
  if (place.body == 0) return rig_.triangle_part[place.triangle];
  return surroundings_[place.body - 1].object >= 0 ? kPartObject : kPartOtherHand;
}

Eigen::Vector3f HandScene::InObject(const Place& place, const Eigen::Vector3f& x_in_cam_mm) const {
  return ObjectLibrary::InObject(placed_[ObjectAt(place)], x_in_cam_mm);
}

ImageU16 HandScene::Depth() const {
  ImageU16 depth(hits_.width, hits_.height);
  constexpr auto kUnitsPerMm = static_cast<float>(1 / kDepthUnitMm);
  for (size_t i = 0; i < depth.pixels.size(); ++i) {
    const float units = hits_.depth_mm[i] * kUnitsPerMm + 0.5f;
    depth.pixels[i] = units < UINT16_MAX + 1.0f ? static_cast<uint16_t>(units) : 0;
  }
  return depth;
}

ImageU8 HandScene::Mask() const {
  ImageU8 mask(hits_.width, hits_.height);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const int32_t t = hits_.triangle[i];
    if (t != PrimaryHits::kMiss) mask.pixels[i] = PartAt(Locate(t));
  }
  return mask;
}

double HandScene::HandShare() const {
  const auto shows_hand = [this](int32_t t) {
    return t != PrimaryHits::kMiss && rig_.triangle_part[t] != kPartForearm;
  };
  const auto pixels = std::count_if(hits().triangle.begin(), hits().triangle.end(), shows_hand);
  return static_cast<double>(pixels) / static_cast<double>(hits().triangle.size());
}

double HandScene::ShareFromWithin() const {
  int64_t seen = 0, from_within = 0;
  for (int y = 0; y < hits_.height; ++y) {
    for (int x = 0; x < hits_.width; ++x) {
      const int32_t hit = hits_.triangle[static_cast<size_t>(y) * hits_.width + x];
      if (hit == PrimaryHits::kMiss) continue;
      const Place place = Locate(hit);
      if (PartAt(place) == kPartObject) continue;
      const auto& v = VerticesOf(place.body);
      const auto& t = TriangleAt(place);
      const Eigen::Vector3f outwards = (v[t[1]] - v[t[0]]).cross(v[t[2]] - v[t[0]]);
      ++seen;
      from_within += outwards.dot(v[t[0]]) > 0;  // the camera is at the origin
    }
  }
  return seen == 0 ? 0 : static_cast<double>(from_within) / static_cast<double>(seen);
}

std::array<float, 4> HandScene::HandBox() const {
  int x0 = hits_.width, y0 = hits_.height, x1 = -1, y1 = -1;
  for (int y = 0; y < hits_.height; ++y) {
    for (int x = 0; x < hits_.width; ++x) {
      const int32_t t = hits().triangle[static_cast<size_t>(y) * hits_.width + x];
      if (t == PrimaryHits::kMiss || rig_.triangle_part[t] == kPartForearm) continue;
      x0 = std::min(x0, x);
      x1 = std::max(x1, x);
      y0 = std::min(y0, y);
      y1 = std::max(y1, y);
    }
  }
  if (x1 < 0) return {0, 0, 0, 0};
  // Pixels are unit squares around their centres.
  return {x0 - 0.5f, y0 - 0.5f, static_cast<float>(x1 - x0 + 1), static_cast<float>(y1 - y0 + 1)};
}

std::array<uint8_t, kNumJoints> HandScene::JointVisibility(const Joints3& joints_in_cam) const {
  std::array<uint8_t, kNumJoints> visible{};
  for (int j = 0; j < kNumJoints; ++j) {
    const Eigen::Vector3d joint = joints_in_cam.row(j);
    if (joint.z() <= RayCaster::kNearMm || !camera_.Contains(camera_.Project(joint))) {
      visible[j] = kOutOfFrame;
      continue;
    }
    // Scaled to z = 1, so that distances are depths.
    const RayCaster::Hit hit =
        rays_.TraceRay(Eigen::Vector3f::Zero(), (joint / joint.z()).cast<float>());
    if (hit.triangle == PrimaryHits::kMiss) {
      visible[j] = kHiddenByHand;  // the joint lies outside the skin: nothing of it can be seen
      continue;
    }
    const uint8_t part = PartAt(Locate(hit.triangle));
    const double before_mm = joint.z() - hit.distance;
    if (PartTouchesJoint(part, j) && before_mm <= kMaxBeforeMm && before_mm >= -kMaxBehindMm) {
      visible[j] = kVisible;
    } else {
      visible[j] = part == kPartForearm     ? kHiddenByArm
                   : part == kPartObject    ? kHiddenByOccluder
                   : part == kPartOtherHand ? kHiddenByOtherHand
                                            : kHiddenByHand;
    }
  }
  return visible;
}

std::vector<Surrounding> SurroundingsOf(const Rig& rig,
                                        const ObjectLibrary& objects,
                                        const Tuple& tuple) {
  std::vector<Surrounding> out;
  for (int i = 0; i < kMaxObjects; ++i) {
    if (tuple.objects[i].shape < 0) continue;
    out.push_back({objects.Place(tuple.objects[i]), i});
  }
  if (tuple.other_hand != OtherHand::kNone) {
    Surrounding other;
    PoseSurface(rig, ToBonePoses(tuple.other_rig), &other.mesh.vertices_mm);
    other.mesh.triangles = rig.triangles;
    if (tuple.other_hand == OtherHand::kOppositeSide) {
      for (Eigen::Vector3f& v : other.mesh.vertices_mm) v.x() = -v.x();
      for (auto& t : other.mesh.triangles) std::swap(t[1], t[2]);
    }
    out.push_back(std::move(other));
  }
  return out;
}

}  // namespace handforge
