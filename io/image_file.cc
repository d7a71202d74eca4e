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

using Extensions = std::vector<std::string>;
const Extensions kReadable = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"};
// Of which folders of photographs are made; others hold measurements as often as not.
const Extensions kPhotographs = {".png", ".jpg", ".jpeg", ".bmp"};

bool HasExtension(const fs::path& file, const Extensions& extensions) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

cv::Mat Decode(const std::vector<uint8_t>& bytes, int flags) {
  if (bytes.empty()) return {};
  try {
    return cv::imdecode(bytes, flags);
  } catch (const cv::Exception&) {  // such as more pixels than OpenCV allows
    return {};
  }
}

// A JPEG (ITU-T T.81) that ends before its end-of-image marker: what decoders make up for the rest
// is no picture. What follows the marker, such as a phone's film, is none of it.
bool IsCutJpeg(const std::vector<uint8_t>& bytes) {
  constexpr uint8_t kStart = 0xD8, kEnd = 0xD9, kFirstRestart = 0xD0, kLastRestart = 0xD7;
  if (bytes.size() < 3 || bytes[0] != 0xFF || bytes[1] != kStart) return false;
  for (size_t i = 2; i + 1 < bytes.size();) {
    const uint8_t marker = bytes[i + 1];
    if (bytes[i] != 0xFF || marker == 0xFF) {  // data of a scan, filling
      ++i;
    } else if (marker == kEnd) {
      return false;
    } else if (marker <= 1 || (marker >= kFirstRestart && marker <= kLastRestart)) {
      i += 2;  // no segment: a data byte of 0xFF is followed by 0
    } else {
      if (i + 3 >= bytes.size()) return true;
      i += size_t{2} + 256 * bytes[i + 2] + bytes[i + 3];
    }
  }
  return true;
}

template <typename T>
Image<T> FromMat(const cv::Mat& pixels) {
  Image<T> image(pixels.cols, pixels.rows, pixels.channels());
  cv::Mat view(pixels.rows, pixels.cols, pixels.type(), image.pixels.data());
  pixels.copyTo(view);
  return image;
}

// OpenCV's matrices are not const; nothing is written to this one.
template <typename T>
cv::Mat ViewOf(const Image<T>& image, int type) {
  return {image.height, image.width, type, const_cast<T*>(image.pixels.data())};
}

std::vector<uint8_t> EncodeMat(const cv::Mat& pixels) {
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", pixels, bytes)) {
    throw EnvironmentError("a picture cannot be encoded as PNG");
  }
  return bytes;
}

ImageU8 DecodeColours(const std::vector<uint8_t>& bytes, const fs::path& file) {
  if (IsCutJpeg(bytes)) throw DataError(file.string() + ": is cut off before its picture ends");
  const cv::Mat bgr = Decode(bytes, cv::IMREAD_COLOR);
  if (bgr.empty()) {
    throw DataError(file.string() + ": no picture that can be read (PNG, JPEG, TIFF, BMP, WebP)");
  }
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return FromMat<uint8_t>(rgb);
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
  image.rgb = DecodeColours(bytes, file);
  return image;
}

ImageU8 ReadColours(const fs::path& file) { return DecodeColours(ReadBytes(file), file); }

ImageU8 ReadRedGreenBlue(const fs::path& file) {
  const cv::Mat bgr = Decode(ReadBytes(file), cv::IMREAD_UNCHANGED);
  if (bgr.empty() || bgr.type() != CV_8UC3) {
    throw DataError(file.string() + ": no picture with three channels of 8 bits");
  }
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return FromMat<uint8_t>(rgb);
}

ImageU8 ReadGrey(const fs::path& file) {
  const cv::Mat grey = Decode(ReadBytes(file), cv::IMREAD_UNCHANGED);
  if (grey.empty() || grey.type() != CV_8UC1) {
    throw DataError(file.string() + ": no picture with one channel of 8 bits");
  }
  return FromMat<uint8_t>(grey);
}

std::vector<uint8_t> EncodePng(const ImageU8& image) {
  if (image.channels == 1) return EncodeMat(ViewOf(image, CV_8UC1));
  cv::Mat bgr;
  cv::cvtColor(ViewOf(image, CV_8UC3), bgr, cv::COLOR_RGB2BGR);
  return EncodeMat(bgr);
}

std::vector<uint8_t> EncodePng(const ImageU16& image) { return EncodeMat(ViewOf(image, CV_16UC1)); }

std::vector<fs::path> PicturesBelow(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw EnvironmentError(folder.string() + ": no such folder of pictures");
  }
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code no_file;  // such as a link that leads nowhere
    if (entry->is_regular_file(no_file) && HasExtension(entry->path(), kPhotographs)) {
      files.push_back(entry->path());
    }
  }
  if (error) throw EnvironmentError(folder.string() + ": cannot be searched: " + error.message());
  if (files.empty()) {
    throw DataError(folder.string() + ": holds no .png, .jpg, .jpeg or .bmp");
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> ListImages(const fs::path& file_or_folder) {
  std::error_code unknown;  // such as a name that is too long
  const fs::file_status status = fs::status(file_or_folder, unknown);
  if (!fs::exists(status)) {
    throw DataError(file_or_folder.string() + ": no such picture or folder of pictures");
  }
  if (!fs::is_directory(status)) return {file_or_folder};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(file_or_folder)) {
    std::error_code no_file;  // such as a link that leads nowhere
    if (entry.is_regular_file(no_file) && HasExtension(entry.path(), kReadable)) {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    throw DataError(file_or_folder.string() +
                    ": holds no picture (.png, .jpg, .jpeg, .tif, .tiff, .bmp, .webp)");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace handforge
