#include "io/augment/augmentation_options.h"

#include "io/core/error.h"

namespace handforge {

void GeometryOptions::Visit(Fields& fields) {
  fields.Field("flip", flip, 0, 1, "share of tuples that become the other hand");
  fields.Field("move", move, 0, 1, "share of tuples whose camera moves");
  fields.Field("roll_deg", roll_deg, 0, 180, "largest turn about the optical axis");
  fields.Field("turn_deg",
               turn_deg,
               0,
               30,
               "largest pan and tilt of the camera, within what it sees to a side");
  fields.Field("smallest_zoom", smallest_zoom, 0.5, 2, "smallest change of the focal length");
  fields.Field("largest_zoom", largest_zoom, 0.5, 2, "largest change of the focal length");
  fields.Field("shift", shift, 0, 0.5, "largest shift, share of the picture's side");
  fields.Field("keep_joints", keep_joints, 0, 1, "least share of joints that stay in the picture");
  fields.Field(
      "keep_hand", keep_hand, 0.05, 1, "least share of the hand that stays in the picture");
  fields.Field(
      "max_attempts", max_attempts, 1, 1000, "draws before the camera is left where it is");
  fields.Field(
      "border", border, {"mirror", "replicate", "black"}, "what comes in at the edge of rgb");
}

void OccluderOptions::Visit(Fields& fields) {
  fields.Field("share", share, 0, 1, "share of tuples with blobs in front of the hand");
  fields.Field("most", most, 1, 20, "blobs");
  fields.Field("smallest", smallest, 0.01, 1, "radius, share of the hand's box");
  fields.Field("largest", largest, 0.01, 1, "radius, share of the hand's box");
  fields.Field("most_hidden", most_hidden, 0, 0.95, "largest share of the hand behind the blobs");
}

void SpectrumOptions::Visit(Fields& fields) {
  fields.Field("share", share, 0, 1, "share of tuples that take amplitudes of a real picture");
  fields.Field("images", images, {}, "folder of real pictures");
  fields.Field("most_images", most_images, 1, 1000000, "pictures used");
  fields.Field(
      "widest_band", widest_band, 0, 0.5, "half width of the mixed frequencies, share of the side");
  fields.Field("strongest_mix", strongest_mix, 0, 1, "1 = the real picture's amplitudes alone");
}

void PictureOptions::Visit(Fields& fields) {
  fields.Field("recolour", recolour, 0, 1, "share of tuples");
  fields.Field("brightness", brightness, 0, 0.9, "largest relative change");
  fields.Field("contrast", contrast, 0, 0.9, "largest relative change");
  fields.Field("saturation", saturation, 0, 1, "largest relative change");
  fields.Field("warmth", warmth, 0, 0.5, "largest relative change of red against blue");
  fields.Field("blur", blur, 0, 1, "share of tuples");
  fields.Field("blur_px", blur_px, 0, 20, "largest deviation");
  fields.Field("sensor_noise", sensor_noise, 0, 1, "share of tuples");
  fields.Field("shot_noise", shot_noise, 0, 1, "largest variance per unit of linear light");
  fields.Field("read_noise", read_noise, 0, 1, "largest deviation, share of full scale");
  fields.Field("plain_noise", plain_noise, 0, 1, "share of tuples");
  fields.Field("plain_noise_of_255", plain_noise_of_255, 0, 255, "largest deviation");
  fields.Field("jpeg", jpeg, 0, 1, "share of tuples");
  fields.Field("lowest_quality", lowest_quality, 1, 100, "of JPEG");
  fields.Field("cut_out", cut_out, 0, 1, "share of tuples");
  fields.Field("cut_out_side", cut_out_side, 0, 0.9, "largest side, share of the picture's");
}

void AugmentationOptions::Visit(Fields& fields) {
  fields.Nested("geometry", geometry, "camera moves");
  fields.Nested("occluders", occluders, "blobs in front of the hand");
  fields.Nested("spectrum", spectrum, "amplitudes of real pictures");
  fields.Nested("picture", picture, "what changes only the picture");
}

void AugmentationOptions::Check() const {
  if (geometry.smallest_zoom > geometry.largest_zoom) {
    throw UsageError("geometry.smallest_zoom " + std::to_string(geometry.smallest_zoom) +
                     " must not be above largest_zoom " + std::to_string(geometry.largest_zoom));
  }
  if (occluders.smallest > occluders.largest) {
    throw UsageError("occluders.smallest " + std::to_string(occluders.smallest) +
                     " must not be above largest " + std::to_string(occluders.largest));
  }
  if (spectrum.share > 0 && spectrum.images.empty()) {
    throw UsageError("spectrum.share is " + std::to_string(spectrum.share) +
                     ", but spectrum.images names no folder of pictures");
  }
}

}  // namespace handforge
