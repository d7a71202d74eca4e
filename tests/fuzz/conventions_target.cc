// Joint orders: a name, then a count of joints and of coordinates.
#include "io/conventions.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {

void ReadHostileBytes(const std::string& bytes) {
  const size_t end = bytes.find('\n');
  const Convention& convention = FindConvention(bytes.substr(0, end));
  const auto byte = [&](size_t i) {
    return end == std::string::npos || end + i >= bytes.size()
               ? 0
               : static_cast<uint8_t>(bytes[end + i]);
  };
  const Eigen::MatrixXd joints = Eigen::MatrixXd::Constant(byte(1), byte(2) % 4, 1);
  const Eigen::MatrixXd canonical = ToCanonical(convention, joints);
  if (canonical.rows() != 21) throw std::logic_error("not 21 joints");
  FromCanonical(convention, canonical);
}

}  // namespace handforge
