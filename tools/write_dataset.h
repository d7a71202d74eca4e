#pragma once

#include "synth/dataset_writer.h"

#include <string>

#include <nlohmann/json.hpp>

namespace handforge {

// What `render` and `synth` share: runs the job with a progress bar, logs and returns the summary
// ({"ok", "out", "tuples", "shards", "rejections", "seconds", "tuples_per_second", ...}).
nlohmann::json RunDatasetJob(DatasetJob job,
                             const TupleSourceFactory& make_source,
                             const std::string& label);

}  // namespace handforge
