#pragma once

#include "vae/hand_vae.h"
#include "vae/samples.h"

#include <cstdint>
#include <string>
#include <vector>

namespace handforge {

// Self-training (noisy student; Xie et al. 2020, arXiv 1911.04252): the pictures that have no joint
// labels get what `teachers`, one at least, say of them as their 3D and 2D joints: the mean over
// teachers, each looking upright in `kTeacherViews` views (vae/upright_look.h), with the reference
// bone as long as the mean of theirs. A teacher looks at the depth of a picture where there is one
// and it has an encoder of depth, which errs less (cross-modal distillation; Gupta et al. 2016,
// arXiv 1507.00448), and at its colours otherwise. Rows without a picture, or with either label,
// stay as they are. Returns how many rows were labelled; the same for any number of `threads`.
// Throws UsageError where a teacher lacks the encoder of rgb (unless it has one of depth and every
// row has depth) or a joint decoder, or sees pictures in another form than the samples', naming it
// by its place in `names`.
int64_t LabelBy(const std::vector<HandVae>& teachers,
                const std::vector<std::string>& names,
                int threads,
                SampleSet* samples);
constexpr int kTeacherViews = 3;

}  // namespace handforge
