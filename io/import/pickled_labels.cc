#include "io/import/pickled_labels.h"

#include "io/core/error.h"

#include <vector>

namespace handforge {

const PickleDict& PickledLabels(const PickleValue& value, const std::string& place) {
  const auto* labels = std::get_if<PickleDict*>(&value);
  if (labels == nullptr) throw DataError(place + "is no dict of labels");
  return **labels;
}

const PickleValue& PickledField(const PickleDict& labels,
                                const char* key,
                                const std::string& place) {
  const auto item = labels.items.find(std::string_view(key));
  if (item == labels.items.end()) throw DataError(place + "has no '" + key + "'");
  return item->second;
}

Eigen::MatrixXd PickledPoints(const PickleDict& labels,
                              const char* key,
                              int rows,
                              const std::string& place) {
  using Shape = std::vector<size_t>;
  const PickleValue& value = PickledField(labels, key, place);
  const auto* array = std::get_if<PickleArray*>(&value);
  const auto fits = [rows](const Shape& shape) {
    return shape == Shape{static_cast<size_t>(rows), 3} || (rows == 1 && shape == Shape{3});
  };
  if (array == nullptr || !fits((*array)->shape)) {
    throw DataError(place + "'" + key + "' is no array of " + std::to_string(rows) +
                    " x 3 numbers");
  }
  const std::vector<double> numbers = (*array)->Doubles();
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, 3, Eigen::RowMajor>>(
      numbers.data(), rows, 3);
}

}  // namespace handforge
