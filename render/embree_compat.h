#pragma once

// The differences between Embree 3 and 4, in one place. HANDFORGE_EMBREE_VERSION is set by CMake.
#if HANDFORGE_EMBREE_VERSION == 3
#include <embree3/rtcore.h>
#else
#include <embree4/rtcore.h>
#endif

namespace handforge {

#if HANDFORGE_EMBREE_VERSION == 3
class RayQuery {
 public:
  explicit RayQuery(bool coherent) {
    rtcInitIntersectContext(&context_);
    context_.flags =
        coherent ? RTC_INTERSECT_CONTEXT_FLAG_COHERENT : RTC_INTERSECT_CONTEXT_FLAG_INCOHERENT;
  }
  void Intersect8(const int* valid, RTCScene scene, RTCRayHit8* rays) {
    rtcIntersect8(valid, scene, &context_, rays);
  }
  void Intersect16(const int* valid, RTCScene scene, RTCRayHit16* rays) {
    rtcIntersect16(valid, scene, &context_, rays);
  }
  void Intersect1(RTCScene scene, RTCRayHit* ray) { rtcIntersect1(scene, &context_, ray); }
  void Occluded8(const int* valid, RTCScene scene, RTCRay8* rays) {
    rtcOccluded8(valid, scene, &context_, rays);
  }

 private:
  RTCIntersectContext context_;
};
#else
class RayQuery {
 public:
  explicit RayQuery(bool coherent) {
    rtcInitIntersectArguments(&intersect_);
    rtcInitOccludedArguments(&occluded_);
    intersect_.flags = coherent ? RTC_RAY_QUERY_FLAG_COHERENT : RTC_RAY_QUERY_FLAG_INCOHERENT;
    occluded_.flags = intersect_.flags;
  }
  void Intersect8(const int* valid, RTCScene scene, RTCRayHit8* rays) {
    rtcIntersect8(valid, scene, rays, &intersect_);
  }
  void Intersect16(const int* valid, RTCScene scene, RTCRayHit16* rays) {
    rtcIntersect16(valid, scene, rays, &intersect_);
  }
  void Intersect1(RTCScene scene, RTCRayHit* ray) { rtcIntersect1(scene, ray, &intersect_); }
  void Occluded8(const int* valid, RTCScene scene, RTCRay8* rays) {
    rtcOccluded8(valid, scene, rays, &occluded_);
  }

 private:
  RTCIntersectArguments intersect_;
  RTCOccludedArguments occluded_;
};
#endif

}  // namespace handforge
