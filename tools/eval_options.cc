#include "tools/eval_options.h"

namespace handforge {

void EvalOptions::Visit(Fields& fields) {
  fields.Field("data", data, {}, "dataset folders");
  fields.Field("model", model, {}, "model file; empty = the default model");
  fields.Field("pairs", pairs, {}, "encoder->decoder pairs; empty = all the model has");
  fields.Field("protocols", protocols, {"spurr2018", "root", "scale", "pa"}, "3D protocols");
  fields.Field("split", split, {"held_out", "train", "validation", "test", "all"}, "which rows");
  fields.Field("limit", limit, 0, int64_t{1} << 40, "most rows, evenly spaced; 0 = all");
  fields.Field("upright_views",
               upright_views,
               0,
               64,
               "views of pictures turned upright, averaged; 0 = the picture as it is");
  fields.Field("poses", poses, "write every predicted and true pose as CSV into out");
  fields.Field("out", out, {}, "folder for eval.json and plots; empty = only print");
  fields.Field("threads", threads, 0, 4096, "batches at once, 0 = one per core");
}

}  // namespace handforge
