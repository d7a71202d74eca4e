#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace handforge {

// Real pictures whose amplitude spectra rendered ones may take, so that a network sees colours and
// textures of real cameras on pictures whose labels are exact.
class ReferenceImages {
 public:
  // The first `most` pictures (.png, .jpg, .jpeg) below `folder`, in the order of their names, cut
  // to a centred square and scaled to `size_px`. Those that cannot be read are left out. Throws
  // DataError where none can, EnvironmentError where the folder is missing or has none.
  static ReferenceImages Load(const std::filesystem::path& folder, int size_px, int64_t most);

  size_t size() const { return images_.size(); }
  const ImageU8& image(size_t i) const { return images_[i]; }
  // Relative to the folder.
  const std::vector<std::string>& names() const { return names_; }
  // What was left out, and why: "a/b.png: cannot be read as a picture".
  const std::vector<std::string>& skipped() const { return skipped_; }
  // SHA-256 of all names and pixels.
  const std::string& sha256() const { return sha256_; }

 private:
  std::vector<ImageU8> images_;  // {size_px, size_px, 3}
  std::vector<std::string> names_;
  std::vector<std::string> skipped_;
  std::string sha256_;
};

// Mixes the amplitudes of the low frequencies of `rgb` with those of `other` (both {S, S, 3}) and
// keeps the phases: per colour, amplitude = (1 - mix) own + mix other for all frequencies (fx, fy)
// with |fx|, |fy| <= floor(band S). A narrow band is Yang and Soatto, "FDA: Fourier domain
// adaptation for semantic segmentation", CVPR 2020; band 0.5 is amplitude-phase recombination of
// Chen et al., "Amplitude-phase recombination", ICCV 2021.
void MixSpectrum(const ImageU8& other, double band, double mix, ImageU8* rgb);

}  // namespace handforge
