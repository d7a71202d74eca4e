#include "io/import/open_published.h"

#include "io/config.h"
#include "io/core/error.h"
#include "io/import/dexycb.h"
#include "io/import/freihand.h"
#include "io/import/ho3d.h"
#include "io/import/interhand.h"
#include "io/import/msra.h"
#include "io/import/nyu.h"
#include "io/import/rhd.h"
#include "io/import/stb.h"

#include <algorithm>

namespace handforge {
namespace {

std::string Joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// Position of what was chosen among the kind's, 0 where it has none. `what`: "camera".
int PositionOf(const PublishedKind& kind,
               const std::vector<std::string>& choices,
               const std::string& chosen,
               const std::string& what) {
  if (chosen.empty()) return 0;
  const auto found = std::find(choices.begin(), choices.end(), chosen);
  if (found != choices.end()) return static_cast<int>(found - choices.begin());
  throw UsageError("import." + what + " is '" + chosen + "'; " + kind.name +
                   (choices.empty() ? " has one " + what + " alone: leave the key out"
                                    : " has " + Joined(choices)));
}

}  // namespace

const std::vector<PublishedKind>& PublishedKinds() {
  static const std::vector<PublishedKind> kinds = {
      {"rhd", "Rendered Handpose Dataset (Zimmermann and Brox, ICCV 2017)", {}, true},
      {"stb",
       "Stereo Tracking Benchmark (Zhang et al., 2016)",
       {"left", "right", "both", "colour", "depth"},
       false,
       "wrist = middle_mcp + 2 (palm_centre - middle_mcp)"},
      {"freihand", "FreiHAND (Zimmermann et al., ICCV 2019)", {}},
      {"interhand", "InterHand2.6M (Moon et al., ECCV 2020)", {}},
      {"nyu", "NYU Hand Pose Dataset (Tompson et al., 2014)", {"1", "2", "3"}},
      {"msra", "MSRA15 (Sun et al., CVPR 2015)", {}},
      {"ho3d", "HO-3D (Hampali et al., CVPR 2020)", {}},
      {"dexycb", "DexYCB (Chao et al., CVPR 2021)", {}, false, "", {"s0", "s1", "s2", "s3"}},
  };
  return kinds;
}

std::vector<std::string> PublishedDatasetNames() {
  std::vector<std::string> names;
  for (const PublishedKind& kind : PublishedKinds()) names.push_back(kind.name);
  return names;
}

const PublishedKind& FindPublishedKind(const std::string& name) {
  const auto& kinds = PublishedKinds();
  const auto found = std::find_if(
      kinds.begin(), kinds.end(), [&name](const PublishedKind& kind) { return kind.name == name; });
  if (found != kinds.end()) return *found;
  const std::string near = NearestName(name, PublishedDatasetNames());
  throw UsageError("unknown dataset '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") +
                   "; known: " + Joined(PublishedDatasetNames()));
}

std::unique_ptr<PublishedDataset> OpenPublished(const std::string& name,
                                                const std::filesystem::path& folder,
                                                const PublishedChoice& choice) {
  const PublishedKind& kind = FindPublishedKind(name);
  const int camera = PositionOf(kind, kind.cameras, choice.camera, "camera");
  const int protocol = PositionOf(kind, kind.protocols, choice.protocol, "protocol");
  if (choice.dominant_only && !kind.has_dominant_hands) {
    throw UsageError("import.hands = dominant: only rhd says which of two hands that is");
  }
  if (name == "stb") return OpenStb(folder, static_cast<StbCamera>(camera));
  if (name == "freihand") return OpenFreihand(folder);
  if (name == "interhand") return OpenInterhand(folder);
  if (name == "nyu") return OpenNyu(folder, 1 + camera);
  if (name == "msra") return OpenMsra(folder);
  if (name == "ho3d") return OpenHo3d(folder, choice.threads);
  if (name == "dexycb") {
    return OpenDexYcb(folder, static_cast<DexYcbProtocol>(protocol), choice.threads);
  }
  const auto hands = choice.dominant_only ? HandsOfPicture::kDominant : HandsOfPicture::kBoth;
  return OpenRhd(folder, hands, choice.threads);
}

}  // namespace handforge
