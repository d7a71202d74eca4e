// Recipes: YAML against an option struct with every kind of field. A first line "--set KEY=VALUE"
// is an override instead.
#include "io/config.h"
#include "tests/fuzz/fuzz_target.h"

#include <stdexcept>

namespace handforge {
namespace {

struct Inner {
  double length_mm = 2;
  std::vector<double> axis = {1, 0, 0};
  void Visit(Fields& fields) {
    fields.Field("length_mm", length_mm, 0, 1e6, "a number");
    fields.Field("axis", axis, -1, 1, "a list of numbers");
  }
};

struct Options {
  int64_t count = 3;
  uint64_t seed = 1;
  bool forearm = true;
  std::string out = "out/a";
  std::string latent = "prior";
  std::vector<std::string> pairs = {"3d->3d"};
  Inner inner;
  void Visit(Fields& fields) {
    fields.Field("count", count, 1, 1000, "a whole number");
    fields.Field("seed", seed, "64 bits");
    fields.Field("forearm", forearm, "yes or no");
    fields.Field("out", out, {}, "any text");
    fields.Field("latent", latent, {"prior", "gaussian", "kernel"}, "one of several texts");
    fields.Field("pairs", pairs, {}, "a list of texts");
    fields.Nested("inner", inner, "a section");
  }
};

}  // namespace

void ReadHostileBytes(const std::string& bytes) {
  Options options;
  const auto visit = [&options](Fields& fields) { fields.Nested("synth", options, "a command"); };
  if (bytes.rfind("--set ", 0) == 0) {
    LoadConfig("", {bytes.substr(6)}, visit);
  } else {
    LoadConfigText(bytes, "recipe.yaml", visit);
  }
  // What was accepted must read back as itself.
  const std::string text = ConfigText(visit);
  LoadConfigText(text, "canonical.yaml", visit);
  if (ConfigText(visit) != text) throw std::logic_error("canonical text changes when read");
}

}  // namespace handforge
