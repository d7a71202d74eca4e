#pragma once

#include "io/config.h"

#include <cstdint>
#include <string>

namespace handforge {

// Camera moves (io/augment/camera_move.h): each part is drawn evenly from its range.
struct GeometryOptions {
  double flip = 0.5;     // share of tuples that become the other hand
  double move = 0.9;     // share of tuples whose camera moves as below
  double roll_deg = 60;  // largest turn about the optical axis
  // Largest pan, and largest tilt; no more than half of what the camera sees.
  double turn_deg = 10;
  double smallest_zoom = 0.8;
  double largest_zoom = 1.25;
  double shift = 0.08;        // largest, along x and along y, as a share of the picture's side
  double keep_joints = 0.9;   // least share of the joints in the picture that stay in it
  double keep_hand = 0.7;     // least share of the hand's pixels that stay in it
  int64_t max_attempts = 20;  // then the camera stays where it is
  // What comes in at the edge of `rgb`: replicate, black, or mirror, which shows a second hand
  // where the hand reaches the edge.
  std::string border = "replicate";

  // Whether a row's camera is not its neighbours': frames and views of one scene come apart.
  bool MovesCameras() const { return flip > 0 || move > 0; }

  void Visit(Fields& fields);
};

// Blobs in front of the hand (io/augment/occluder_blobs.h).
struct OccluderOptions {
  double share = 0.25;    // of tuples
  int64_t most = 3;       // blobs
  double smallest = 0.1;  // radius as a share of the hand's box
  double largest = 0.3;
  double most_hidden = 0.4;  // largest share of the hand's pixels behind all blobs

  void Visit(Fields& fields);
};

// Amplitude-spectrum mixing (io/augment/spectrum.h).
struct SpectrumOptions {
  double share = 0;            // of tuples; above 0 needs `images`
  std::string images;          // folder of real pictures (PNG, JPEG), searched in depth
  int64_t most_images = 2000;  // of them that are used, in the order of their names
  double widest_band = 0.1;    // half width of the mixed low frequencies; 0.5 = all of them
  double strongest_mix = 1;

  void Visit(Fields& fields);
};

// What changes only the picture (io/augment/photometric.h). A share is one of tuples; strengths are
// drawn evenly up to the given one.
struct PictureOptions {
  double recolour = 0.8;
  double brightness = 0.25;
  double contrast = 0.2;
  double saturation = 0.3;
  double warmth = 0.08;
  double blur = 0.2;
  double blur_px = 1.2;
  double sensor_noise = 0.3;
  double shot_noise = 0.004;
  double read_noise = 0.003;
  double plain_noise = 0.1;
  double plain_noise_of_255 = 8;
  double jpeg = 0.3;
  int64_t lowest_quality = 40;
  double cut_out = 0.1;
  double cut_out_side = 0.35;  // largest side, as a share of the picture's

  void Visit(Fields& fields);
};

struct AugmentationOptions {
  GeometryOptions geometry;
  OccluderOptions occluders;
  SpectrumOptions spectrum;
  PictureOptions picture;

  void Visit(Fields& fields);
  // Relations between fields. Throws UsageError.
  void Check() const;
};

}  // namespace handforge
