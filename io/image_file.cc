#include "io/image_file.h"

#include "io/core/error.h"
#include "io/files.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtensions[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"};

bool HasImageExtension(const fs::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::find(std::begin(kExtensions), std::end(kExtensions), extension) !=
         std::end(kExtensions);
}

cv::Mat Decode(const std::vector<uint8_t>& bytes, int flags) {
  if (bytes.empty()) return {};
  try {
    return cv::imdecode(bytes, flags);
  } catch (const cv::Exception&) {  // such as more pixels than OpenCV allows
    return {};
  }
}

template <typename T>
Image<T> FromMat(const cv::Mat& pixels) {
  Image<T> image(pixels.cols, pixels.rows, pixels.channels());
  cv::Mat view(pixels.rows, pixels.cols, pixels.type(), image.pixels.data());
  pixels.copyTo(view);
  return image;
}

}  // namespace

ImageFile ReadImageFile(const fs::path& file) {
  const std::vector<uint8_t> bytes = ReadBytes(file);
  ImageFile image;
  const cv::Mat raw = Decode(bytes, cv::IMREAD_UNCHANGED);
  if (raw.type() == CV_16UC1 && !raw.empty()) {
    image.depth = FromMat<uint16_t>(raw);
    return image;
  }
  const cv::Mat bgr = Decode(bytes, cv::IMREAD_COLOR);
  if (bgr.empty()) {
    throw DataError(file.string() + ": no picture that can be read (PNG, JPEG, TIFF, BMP, WebP)");
  }
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  image.rgb = FromMat<uint8_t>(rgb);
  return image;
}

std::vector<fs::path> ListImages(const fs::path& file_or_folder) {
  if (!fs::exists(file_or_folder)) {
    throw DataError(file_or_folder.string() + ": no such picture or folder of pictures");
  }
  if (!fs::is_directory(file_or_folder)) return {file_or_folder};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(file_or_folder)) {
    std::error_code no_file;  // such as a link that leads nowhere
    if (entry.is_regular_file(no_file) && HasImageExtension(entry.path()))
      files.push_back(entry.path());
  }
  if (files.empty()) {
    throw DataError(file_or_folder.string() +
                    ": holds no picture (.png, .jpg, .jpeg, .tif, .tiff, .bmp, .webp)");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace handforge
