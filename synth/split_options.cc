#include "synth/split_options.h"

#include "io/core/error.h"
#include "synth/split_draw.h"

#include <sstream>

namespace handforge {
namespace {

std::string Text(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

}  // namespace

void SplitOptions::Visit(Fields& fields) {
  fields.Field("data", data, {}, "dataset folders");
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("validation_share", validation_share, 0, 1, "of the groups, for validation");
  fields.Field("test_share", test_share, 0, 1, "of the groups, for tests");
  fields.Field(
      "by",
      by,
      {"subject", "sequence", "image", "tuple"},
      "what stays together, a group: the rows of a person, a scene, a picture, or one row");
  fields.Field("labelled_share",
               labelled_share,
               0,
               1,
               "of the training groups, those that keep their labels");
  fields.Field("part", part, {"all", "train", "validation", "test"}, "which rows are written");
  fields.Field("seed", seed, "draws which groups are for what");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
}

void SplitOptions::Check() const {
  CheckFields([this](Fields& fields) { SplitOptions(*this).Visit(fields); });
  if (data.empty()) throw UsageError("split.data is empty; name one dataset folder or more");
  const double sum = validation_share + test_share;
  if (sum > 1 + kShareRounding) {
    throw UsageError("split.validation_share = " + Text(validation_share) +
                     " and split.test_share = " + Text(test_share) + " add up to " + Text(sum) +
                     "; together they may be 1 at most");
  }
  const bool is_empty = (part == "train" && sum > 1 - kShareRounding) ||
                        (part == "validation" && validation_share <= kShareRounding) ||
                        (part == "test" && test_share <= kShareRounding);
  if (is_empty) {
    throw UsageError("split.part = " + part + " would have no rows: split.validation_share is " +
                     Text(validation_share) + ", split.test_share " + Text(test_share) +
                     "; give that part a share");
  }
}

}  // namespace handforge
