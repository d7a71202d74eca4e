#include "synth/import_options.h"

#include "io/import/open_published.h"

namespace handforge {

void ImportOptions::Visit(Fields& fields) {
  fields.Field("dataset", dataset, PublishedDatasetNames(), "which published dataset");
  fields.Field("folder", folder, {}, "where it lies, as its authors publish it");
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("split", split, {"all", "train", "test"}, "which hands, by the published split");
  fields.Field("hands",
               hands,
               {"both", "dominant"},
               "of a picture of two: both, or the one with more pixels (protocol of RHD)");
  fields.Field("camera", camera, {}, "of a dataset that has several; empty = its first");
  fields.Field("protocol",
               protocol,
               {},
               "by which a dataset is divided that has several; empty = its first");
  fields.Field("test_subjects", test_subjects, {}, "numbers of persons held out for tests");
  fields.Field("validation_share",
               validation_share,
               0,
               0.9,
               "of training persons, or sequences, or pictures, that become validation");
  fields.Field("least_in_picture",
               least_in_picture,
               0,
               1,
               "share of a hand's joints that must lie in the picture");
  fields.Field("smallest_px",
               smallest_px,
               0,
               100000,
               "side of the crop in pixels of the picture; smaller hands are left out");
  fields.Field("labelled", labelled, "false: train as if there were no labels");
  fields.Field("count", count, 0, int64_t{1} << 40, "evenly spaced hands, 0 = all");
  fields.Field("image_px", image_px, 32, 2048, "side of depth and mask, the grid of 2D joints");
  fields.Field("rgb_px", rgb_px, 32, 2048, "side of the colour pictures");
  fields.Field("fill", fill, 0.2, 1, "longer side of the box around the joints over the crop's");
  fields.Field("seed", seed, "chooses what is for validation");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
}

}  // namespace handforge
