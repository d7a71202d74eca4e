#pragma once

#include "io/core/image.h"
#include "io/core/skeleton.h"
#include "vae/crop_square.h"
#include "vae/hand_vae.h"
#include "vae/posture_prior.h"
#include "vae/upright_look.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace handforge {

// The posterior mean {latent_dim} of the hand in a crop of `rgb` {H, W, 3}; `mirrored` for a left
// hand. Throws DataError for a picture of another form.
std::vector<float> EncodeCrop(const HandVae& vae,
                              const ImageU8& rgb,
                              const CropSquare& square,
                              bool mirrored);

// For crops of one hand, whatever made them; `handforge predict`, for photographs, sets
// `refinements` to 1 and `posture_prior`.
struct PredictorOptions {
  // "left", "right", or "auto": the side under which the model's looks agree most with each other,
  // weighed against what its side head says, where it has one. A model with side_input = 2 does not
  // care: the side has to be said, for the result.
  std::string handedness = "auto";
  // Length of the bone from middle MCP to PIP, which sets the scale; 0 = mean of the training data,
  // or what a model with metric_scale says.
  double bone_mm = 0;
  // Look at the image in its four quarter turns first and average.
  bool turns = true;
  // Then look at it turned upright, so many views (vae/upright_look.h), whose average is the
  // prediction; 0 = the first looks are.
  int upright_views = 5;
  // Sizes of the crop that the averaged views are of, spread evenly in logarithm from 1/1.18 of the
  // given one to 1.18 times that; 1 = the given one alone.
  int crop_sizes = 1;
  // Times that the crop is made anew around the hand just found, where it is framed otherwise than
  // those of the training data. Of models with a decoder of 2D.
  int refinements = 0;
  // Draws from the posterior per look, for the spread.
  int draws = 4;
  // Pictures are photographs of people, taken upright: how hands are turned in such (PosturePrior)
  // counts where the side is not said. Of colour pictures and models with a side head alone.
  bool posture_prior = false;
  // Probability that two hands beside each other in one picture are a left and a right one
  // (vae/hand_pairs.h), of hands that are asked for together; 0.5 = each is told by itself.
  double opposite_pairs = 0.85;
  uint64_t seed = 1;
};

// What speaks for a left hand (> 0) or for a right one (< 0), natural logarithms.
struct SideEvidence {
  // Log odds by the side head, which sees the whole picture.
  double head = 0;
  // A hand read as the wrong one looks different each time it is turned: ratio of the looks'
  // disagreement when taken for a right hand to that when taken for a left one.
  double agreement = 0;
  // How much likelier people's left hands are turned as it was read as one than their right hands
  // as it was read as one; none unless asked for by
  // PredictorOptions::posture_prior.
  std::optional<double> posture;
  // What the other hand of a pair adds; 0 where there is none.
  double other_hand = 0;

  // Log odds of all. Head and agreement are weighed by logistic regression on 3,900 renderings of
  // configs/benchmark-test.yaml, of MakeHuman hands and of hands with things (configs/models;
  // tests/bench/side_quality.cc); beside `posture`, in photographs, three fifths of that, as they
  // say too much there (configs/models: a logistic slope of 0.63 on 227 hands).
  double LeftLogOdds() const;
};

struct HandPrediction {
  Handedness handedness = Handedness::kRight;
  // What chose it, and the probability, 0.5 to 1, that it is the right one; none where the side was
  // said, or the model has no side head.
  std::optional<SideEvidence> side_evidence;
  std::optional<double> handedness_probability;
  // What was looked at in the end: the square asked for, or the last one made around the hand.
  CropSquare square;
  Joints3 joints_in_crop_mm = Joints3::Zero();  // relative to the wrist, axes of that crop's camera
  // In the whole image; NaN where the model has no decoder of 2D.
  Joints2 joints_px = Joints2::Zero();
  bool HasJoints2() const { return joints_px.allFinite(); }
  // RMS distance of the joints said by single looks and posterior draws from their mean: of all
  // joints and of each. A measure of doubt, not calibrated: errors are larger.
  double spread_mm = 0;
  std::array<double, kNumJoints> joint_spread_mm{};
  // exp(-spread_mm / 20): near 1 where all looks and draws agree.
  double confidence = 0;
};

// Finds the poses of hands in crops of an image or of a depth map, one in each. Immutable; may be
// used by several threads.
class HandPredictor {
 public:
  // Keeps a reference to `vae`. Throws UsageError where the model lacks both image encoders or
  // the decoder of 3D, or an option is out of range (draws and crop_sizes are at least 1,
  // opposite_pairs is a probability, the others are not negative).
  HandPredictor(const HandVae& vae, const PredictorOptions& options);

  // Whether there is an encoder of it, kRgb or kDepth.
  bool Sees(Modality modality) const;
  // `rgb` {H, W, 3}, and where its hands are; the prediction of each, in that order. A pure
  // function of (model, options, image, squares). Throws UsageError where the model does not see
  // it, DataError for a picture of another form.
  std::vector<HandPrediction> Predict(const ImageU8& rgb,
                                      const std::vector<CropSquare>& squares) const;
  // `depth` {H, W} along the optical axis in steps of `unit_mm`, 0 = nothing measured. The hand is
  // what is nearest (NormaliseDepth in vae/targets.h).
  std::vector<HandPrediction> Predict(const ImageU16& depth,
                                      double unit_mm,
                                      const std::vector<CropSquare>& squares) const;
  // Of one hand.
  HandPrediction Predict(const ImageU8& rgb, const CropSquare& square) const;
  HandPrediction Predict(const ImageU16& depth, double unit_mm, const CropSquare& square) const;

 private:
  struct Picture;
  struct Views;
  struct Estimate;
  struct Reading;
  std::vector<HandPrediction> Predict(const Picture& picture,
                                      const std::vector<CropSquare>& squares) const;
  Reading Read(const Picture& picture, const CropSquare& square) const;
  HandPrediction Choose(const Reading& reading) const;
  Views Show(const Picture& picture,
             const CropSquare& square,
             const std::vector<double>& sizes,
             const std::vector<double>& angles_rad,
             bool mirrored) const;
  static Joints2 InImage(const TurnedLooks& looks, const Views& views, bool mirrored);
  Estimate Look(const Picture& picture, const CropSquare& square, bool left) const;
  std::array<double, kNumJoints> Spread(const TurnedLooks& looks,
                                        const std::vector<double>& angles_rad,
                                        const Joints3& average) const;
  Estimate LookAgain(const Picture& picture, CropSquare square, bool left) const;
  void WeighPairs(const std::vector<CropSquare>& squares, std::vector<Reading>* readings) const;
  SideEvidence CompareSides(const Picture& picture,
                            const Estimate& as_right,
                            const Estimate& as_left) const;
  double UnitMm(const Estimate& estimate) const;

  const HandVae& vae_;
  PredictorOptions options_;
  std::optional<PosturePrior> posture_;
};

}  // namespace handforge
