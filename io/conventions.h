#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

namespace handforge {

// A named joint order and how it maps to the canonical 21: canonical[i] = source[map[i]], -1 where
// the source has no such joint.
struct Convention {
  std::string name;
  int num_joints = 0;
  std::vector<int> canonical_from_source;  // 21 entries
  std::vector<std::string> joint_names;    // of the source, num_joints entries
  std::string reference;                   // where the order is defined
};

const std::vector<Convention>& Conventions();
// Throws UsageError naming the known ones and the nearest.
const Convention& FindConvention(const std::string& name);

// {num_joints, 3 or 2} -> {21, same}; missing joints become NaN. Throws DataError on a wrong count
// of joints or coordinates.
Eigen::MatrixXd ToCanonical(const Convention& convention, const Eigen::MatrixXd& joints);
// The inverse; source joints that have no canonical counterpart become NaN.
Eigen::MatrixXd FromCanonical(const Convention& convention, const Eigen::MatrixXd& joints);

}  // namespace handforge
