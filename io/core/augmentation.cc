#include "io/core/augmentation.h"

namespace handforge {

const std::array<const char*, kNumAugmented> kAugmentedNames = {
    "flipped",
    "rolled",
    "camera_turned",
    "zoomed",
    "shifted",
    "occluded",
    "spectrum_mixed",
    "recoloured",
    "blurred",
    "sensor_noise",
    "plain_noise",
    "compressed",
    "cut_out",
};

const std::array<const char*, kNumAugmentNumbers> kAugmentNumberNames = {
    "roll_deg",     "pan_deg",          "tilt_deg",           "zoom",          "shift_x_px",
    "shift_y_px",   "occluders",        "spectrum_image",     "spectrum_band", "spectrum_mix",
    "brightness",   "contrast",         "saturation",         "warmth",        "blur_px",
    "shot_noise",   "read_noise",       "plain_noise_of_255", "jpeg_quality",  "cut_out_x_px",
    "cut_out_y_px", "cut_out_width_px", "cut_out_height_px",
};

}  // namespace handforge
