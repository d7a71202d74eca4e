#pragma once

#include "io/import/pickle.h"

#include <string>

#include <Eigen/Core>

namespace handforge {

// What pickles of labels are made of. All throw DataError beginning with `place` ("FILE, picture 3:
// ") and naming the field, where it is not there or is something else.

const PickleDict& PickledLabels(const PickleValue& value, const std::string& place);
const PickleValue& PickledField(const PickleDict& labels,
                                const char* key,
                                const std::string& place);
// {rows, 3} numbers; a single row may have one axis.
Eigen::MatrixXd PickledPoints(const PickleDict& labels,
                              const char* key,
                              int rows,
                              const std::string& place);

}  // namespace handforge
