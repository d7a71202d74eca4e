#include "render/render_info.h"

#include "render/embree_compat.h"

#include <memory>

#include <assimp/version.h>

namespace handforge {
namespace {

std::string Dotted(long major, long minor, long patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

std::string AssimpVersion() {
  return Dotted(aiGetVersionMajor(), aiGetVersionMinor(), aiGetVersionPatch());
}

std::string EmbreeVersion() {
  const std::unique_ptr<RTCDeviceTy, decltype(&rtcReleaseDevice)> device(rtcNewDevice("threads=1"),
                                                                         &rtcReleaseDevice);
  if (!device) return "";
  const auto property = [&device](RTCDeviceProperty name) {
    return static_cast<long>(rtcGetDeviceProperty(device.get(), name));
  };
  int rays = 1;
  if (property(RTC_DEVICE_PROPERTY_NATIVE_RAY4_SUPPORTED)) rays = 4;
  if (property(RTC_DEVICE_PROPERTY_NATIVE_RAY8_SUPPORTED)) rays = 8;
  if (property(RTC_DEVICE_PROPERTY_NATIVE_RAY16_SUPPORTED)) rays = 16;
  return Dotted(property(RTC_DEVICE_PROPERTY_VERSION_MAJOR),
                property(RTC_DEVICE_PROPERTY_VERSION_MINOR),
                property(RTC_DEVICE_PROPERTY_VERSION_PATCH)) +
         " (packets of " + std::to_string(rays) + " rays)";
}

}  // namespace handforge
