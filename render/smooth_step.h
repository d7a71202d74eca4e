#pragma once

#include <algorithm>

namespace handforge {

// 0 up to `low`, 1 from `high` on, smooth between: 3 t^2 - 2 t^3.
template <typename Real>
Real SmoothStep(Real low, Real high, Real x) {
  const Real t = std::clamp((x - low) / (high - low), Real(0), Real(1));
  return t * t * (3 - 2 * t);
}

}  // namespace handforge
