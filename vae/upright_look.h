#pragma once

#include "vae/hand_vae.h"

#include <vector>

namespace handforge {

// What a model says of pictures that it is shown turned about their centres, turned back.
struct TurnedLooks {
  std::vector<float> mean;     // {rows, latent_dim} of the posterior, of the turned picture
  std::vector<float> logvar;   // {rows, latent_dim}
  std::vector<float> joints3;  // {rows, 21, 3} in the axes of the picture as given
  std::vector<float> joints2;  // {rows, 21, 2} likewise
};

// Row i of `input` {rows, InputSize(modality, rgb_px)}, a picture of a right hand, turned by
// angles_rad[i] from x (right) towards y (down); rows = number of angles. Corners that come in are
// mirrored colours, or depth of the background. `sides` {rows} as of HandVae::Encode. Throws
// UsageError where the model has no encoder of the modality; joints it does not decode stay empty.
TurnedLooks LookTurned(const HandVae& vae,
                       Modality modality,
                       const float* input,
                       const std::vector<double>& angles_rad,
                       const uint8_t* sides = nullptr);

// Mean of the side head's log odds that the pictures, turned likewise, show left hands (each within
// +-14: a probability of 1e-6 says no more). Throws UsageError where the model has no side head.
double LeftLogOddsTurned(const HandVae& vae,
                         Modality modality,
                         const float* input,
                         const std::vector<double>& angles_rad);

// Which way a hand is turned about the optical axis is no part of its pose, and a network that need
// not know all turns learns the rest better. So a picture is looked at twice: once as it is, then
// turned so that the hand just seen stands upright (UprightAngle), and so again a little more and
// less turned: `views` angles, evenly spread over kUprightReachRad to both sides, whose joints are
// averaged. Models are trained for it with `augment.upright`.
//   views  1 or more; 0 = the first look alone
// Joints as of TurnedLooks, one row per picture; `mean` and `logvar` have `views` rows per picture.
TurnedLooks LookUpright(const HandVae& vae,
                        Modality modality,
                        const float* input,
                        int rows,
                        int views,
                        const uint8_t* sides = nullptr);
constexpr double kUprightReachRad = 0.35;  // 20 degrees

// The angles of those views around `upright_rad`.
std::vector<double> UprightViews(double upright_rad, int views);

}  // namespace handforge
