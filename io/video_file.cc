#include "io/video_file.h"

#include "io/core/error.h"
#include "io/files.h"

#include <cmath>
#include <string>

#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;

void CheckSizes(const std::vector<ImageU8>& frames) {
  if (frames.empty()) throw UsageError("video: no picture to write");
  for (const ImageU8& frame : frames) {
    const bool fits = frame.width == frames[0].width && frame.height == frames[0].height &&
                      frame.channels == 3 && frame.width % 2 == 0 && frame.height % 2 == 0;
    if (fits) continue;
    throw UsageError("video: a picture of " + std::to_string(frame.width) + " x " +
                     std::to_string(frame.height) + " x " + std::to_string(frame.channels) +
                     "; expected even sides, 3 channels, all alike");
  }
}

cv::VideoWriter Open(const fs::path& file, double frames_per_second, cv::Size size) {
  cv::VideoWriter writer;
  for (const char* code : {"avc1", "mp4v"}) {
    const int fourcc = cv::VideoWriter::fourcc(code[0], code[1], code[2], code[3]);
    if (writer.open(file.string(), cv::CAP_FFMPEG, fourcc, frames_per_second, size)) return writer;
  }
  throw EnvironmentError(file.string() + ": OpenCV cannot encode MP4 here (built without FFmpeg?)");
}

// An encoder does not say that the disk was full.
bool IsWhole(const fs::path& file, size_t frames) {
  cv::VideoCapture video(file.string(), cv::CAP_FFMPEG);
  return video.isOpened() &&
         static_cast<size_t>(std::lround(video.get(cv::CAP_PROP_FRAME_COUNT))) == frames;
}

}  // namespace

void WriteVideo(const std::vector<ImageU8>& frames,
                double frames_per_second,
                const fs::path& file) {
  CheckSizes(frames);
  // The encoder chooses the container by the extension, so the temporary name must keep it.
  const fs::path temporary = TemporaryName(file).string() + ".mp4";
  {
    cv::VideoWriter writer =
        Open(temporary, frames_per_second, {frames[0].width, frames[0].height});
    for (const ImageU8& frame : frames) {
      const cv::Mat rgb(
          frame.height, frame.width, CV_8UC3, const_cast<uint8_t*>(frame.pixels.data()));
      cv::Mat bgr;
      cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
      writer.write(bgr);
    }
  }
  if (!IsWhole(temporary, frames.size())) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw EnvironmentError(file.string() + ": the video could not be written whole (disk full?)");
  }
  PublishFile(temporary, file);
}

}  // namespace handforge
