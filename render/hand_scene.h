#pragma once

#include "io/core/tuple.h"
#include "render/object_library.h"
#include "render/ray_caster.h"
#include "render/rig.h"

#include <array>
#include <vector>

namespace handforge {

// Something beside the hand, in the hand's frame (as a right hand).
struct Surrounding {
  TriangleMesh mesh;
  int object = -1;  // position in `Tuple::objects`, -1 for another hand
};

// A posed hand before a camera, with the objects and the other hand of its picture: everything a
// label needs is read off one set of first hits. One per worker thread; the rig and the library
// must outlive it.
class HandScene {
 public:
  explicit HandScene(const Rig& rig, const ObjectLibrary& objects = SolidsOnly());

  // Poses the skin from the stored record, so that a row re-renders to the same bytes.
  void SetPose(const RigPose& pose);
  // Puts up the objects and the other hand of the record.
  void SetSurroundings(const Tuple& tuple);
  // Traces the camera's pixel centres.
  void Trace(const PinholeCamera& camera);

  // z in units of kDepthUnitMm, 0 = background; hits beyond 6553.5 mm read as background.
  ImageU16 Depth() const;
  ImageU8 Mask() const;  // `Part`
  // Share of the picture that shows the hand itself (no forearm). Below `kLeastHandShare` the hand
  // is hidden or too small: nothing to learn from.
  double HandShare() const;
  static constexpr double kLeastHandShare = 0.02;
  // Of the pixels that show a hand or an arm, the share that shows it from within: more than a few
  // at grazing edges, and the camera is inside.
  double ShareFromWithin() const;
  // x, y, width, height of the pixels of the hand itself (no forearm); zeros where none.
  std::array<float, 4> HandBox() const;

  // A joint is visible where the first hit of its ray belongs to a segment that touches the joint,
  // at most `kMaxBeforeMm` before and `kMaxBehindMm` behind it; otherwise the code says what hides
  // it. The finger tips lie just under the skin.
  static constexpr double kMaxBeforeMm = 30;
  static constexpr double kMaxBehindMm = 3;
  std::array<uint8_t, kNumJoints> JointVisibility(const Joints3& joints_in_cam) const;

  const Rig& rig() const { return rig_; }
  const PinholeCamera& camera() const { return camera_; }
  // First hits on the hand alone: what else is hit reads as a miss. Triangles are the rig's.
  const PrimaryHits& hits() const { return surroundings_.empty() ? hits_ : hand_hits_; }
  const std::vector<Eigen::Vector3f>& surface_in_cam() const { return surface_; }
  const RayCaster& rays() const { return rays_; }

  // First hits on anything. Triangles are numbered through, see `Locate`.
  const PrimaryHits& all_hits() const { return hits_; }
  // A triangle of body 0, the hand, or 1 + i, surrounding i.
  struct Place {
    int body = 0;
    int triangle = 0;
  };
  Place Locate(int32_t triangle) const;
  uint8_t PartAt(const Place& place) const;  // `Part`
  int ObjectAt(const Place& place) const { return surroundings_[place.body - 1].object; }
  // A point of an object in the object's own frame (render/object_library.h).
  Eigen::Vector3f InObject(const Place& place, const Eigen::Vector3f& x_in_cam_mm) const;
  const std::vector<Surrounding>& surroundings() const { return surroundings_; }
  const std::vector<Eigen::Vector3f>& VerticesOf(int body) const {
    return body == 0 ? surface_ : surroundings_[body - 1].mesh.vertices_mm;
  }
  const std::array<int, 3>& TriangleAt(const Place& place) const {
    return body_triangles(place.body)[place.triangle];
  }

 private:
  static const ObjectLibrary& SolidsOnly();
  const std::vector<std::array<int, 3>>& body_triangles(int body) const {
    return body == 0 ? rig_.triangles : surroundings_[body - 1].mesh.triangles;
  }

  const Rig& rig_;
  const ObjectLibrary& objects_;
  RayCaster rays_;
  PinholeCamera camera_;
  PrimaryHits hits_, hand_hits_;
  std::vector<Eigen::Vector3f> surface_;
  std::vector<Surrounding> surroundings_;
  std::array<SceneObject, kMaxObjects> placed_;
};

// The objects and the other hand that a tuple's record describes. Throws DataError for a shape that
// the library lacks.
std::vector<Surrounding> SurroundingsOf(const Rig& rig,
                                        const ObjectLibrary& objects,
                                        const Tuple& tuple);

}  // namespace handforge
