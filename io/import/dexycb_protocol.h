#pragma once

#include "io/core/tuple.h"

namespace handforge {

// The setups of DexYCB (Chao et al. 2021, section 4), which divide it into training, validation
// and test.
enum class DexYcbProtocol {
  kS0,  // a fifth of the sequences apart; all persons, cameras and grasped objects in training too
  kS1,  // persons apart
  kS2,  // cameras apart
  kS3,  // grasped objects apart
};

constexpr int kDexYcbSubjects = 10;
constexpr int kDexYcbSequences = 100;  // of each subject
constexpr int kDexYcbCameras = 8;

// As NVlabs/dex-ycb-toolkit: dex_ycb_toolkit/dex_ycb.py divides it. All count from 0: subjects and
// cameras in the order of that file, sequences of a subject sorted by name.
Split DexYcbSplit(DexYcbProtocol protocol, int subject, int sequence, int camera);

}  // namespace handforge
