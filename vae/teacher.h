#pragma once

#include "vae/hand_vae.h"
#include "vae/samples.h"

#include <cstdint>

namespace handforge {

// Self-training (noisy student; Xie et al. 2020, arXiv 1911.04252): the pictures that have no joint
// labels get what `teacher` says of them as their 3D and 2D joints, looked at upright in
// `kTeacherViews` views (vae/upright_look.h), with the reference bone as long as the teacher's
// mean. Rows without a picture, or with either label, stay as they are. Returns how many rows were
// labelled; the same for any number of `threads`. Throws UsageError where the teacher lacks the
// encoder of rgb or a joint decoder, or sees pictures in another form than the samples'.
int64_t LabelBy(const HandVae& teacher, int threads, SampleSet* samples);
constexpr int kTeacherViews = 3;

}  // namespace handforge
