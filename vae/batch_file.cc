#include "vae/batch_file.h"

#include "io/core/error.h"

#include <string>
#include <vector>

namespace handforge {
namespace {

// Calls visit(name, values, rows) for each array.
template <typename AnyBatch, typename Visit>
void ForEachArray(AnyBatch* batch, const Visit& visit) {
  const int shown = batch->rows + batch->left_rows;
  visit("input", &batch->input, shown);
  for (size_t m = 0; m < batch->targets.size(); ++m) {
    visit(std::string("target.") + ModalityName(static_cast<Modality>(m)),
          &batch->targets[m],
          batch->rows);
  }
  visit("appearance", &batch->appearance, shown);
  visit("turns", &batch->turns, batch->rows);
  visit("backgrounds", &batch->backgrounds, batch->decoded_rows);
  visit("sides", &batch->sides, batch->rows);
  visit("noise", &batch->noise, batch->rows);
  visit("has_alpha", &batch->has_alpha, batch->rows);
}

int64_t Number(const TensorFile& file, const std::string& key) {
  const std::string& text = file.Text(key);
  try {
    size_t end = 0;
    const int64_t number = std::stoll(text, &end);
    if (end == text.size() && number >= 0) return number;
  } catch (const std::logic_error&) {  // said below
  }
  throw DataError(file.source + ": " + key + " = \"" + text + "\" is not a count");
}

}  // namespace

TensorFile BatchToFile(const Batch& batch) {
  TensorFile file;
  file.metadata["step"] = std::to_string(batch.step);
  file.metadata["pair"] = batch.pass.Name();
  file.metadata["rows"] = std::to_string(batch.rows);
  file.metadata["left_rows"] = std::to_string(batch.left_rows);
  file.metadata["decoded_rows"] = std::to_string(batch.decoded_rows);
  ForEachArray(&batch, [&file](const std::string& name, const auto* values, int rows) {
    if (values->empty()) return;
    file.AddFloats(name, {rows, static_cast<int64_t>(values->size()) / rows}, values->data());
  });
  return file;
}

Batch BatchFromFile(const TensorFile& file) {
  Batch batch;
  batch.step = Number(file, "step");
  batch.pass = ParsePasses({file.Text("pair")}).front();
  batch.rows = static_cast<int>(Number(file, "rows"));
  batch.left_rows = static_cast<int>(Number(file, "left_rows"));
  batch.decoded_rows = static_cast<int>(Number(file, "decoded_rows"));
  ForEachArray(&batch, [&file](const std::string& name, auto* values, int rows) {
    if (file.Has(name)) *values = file.Floats(name, {rows, -1});
  });
  return batch;
}

}  // namespace handforge
