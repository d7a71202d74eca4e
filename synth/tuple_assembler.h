#pragma once

#include "render/hand_scene.h"
#include "render/shading.h"
#include "synth/backdrop.h"
#include "synth/hand_placer.h"

#include <memory>
#include <string>

namespace handforge {

// What the RGB decoder says of one hand, on the model's grid.
struct DecodedImage {
  ImageU8 rgb;    // colours not premultiplied
  ImageU8 alpha;  // 255 = hand
};
DecodedImage ImageOfRow(const DecodedBatch& batch, int row, int rgb_px);

// Turns placed hands and decoded images into labelled tuples of right hands: the label is the
// rig's skeleton and its projection; depth, mask and visibility are ray-traced. One per worker
// thread.
class TupleAssembler {
 public:
  explicit TupleAssembler(const SynthWorld& world);

  // "" and the tuple without what tells where it comes from (indices, latent code), or the reason
  // of rejection: "hand_hidden" or "silhouette".
  std::string Assemble(const PlacedHand& hand,
                       const DecodedImage& image,
                       const DrawIdentity& identity,
                       Tuple* tuple);

 private:
  void AddPictures(const DecodedImage& image, const DrawIdentity& identity, Tuple* tuple);
  void AddSmall(Tuple* tuple);

  const SynthWorld& world_;
  const PinholeCamera camera_;
  HandScene scene_;
  std::unique_ptr<HandShader> shader_;  // where rendered pictures are asked for
};

// Share of cells where decoded alpha and traced mask agree that there is hand, of those where one
// of them says so; on alpha's grid, a cell belongs to the mask where more than half of it is hand.
float SilhouetteIou(const ImageU8& alpha, const ImageU8& mask);

}  // namespace handforge
