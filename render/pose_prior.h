#pragma once

#include "io/config.h"
#include "io/core/random.h"
#include "render/kinematics.h"
#include "render/pose_library.h"

#include <string>
#include <vector>

namespace handforge {

struct PosePriorOptions {
  // Gesture file, relative to the working directory.
  std::string gestures = "configs/poses/gestures.yaml";
  // Share of gesture poses that lie between two gestures.
  double between = 0.7;
  // Share of those whose digits each go their own part of the way: people bend and spread their
  // fingers in far more combinations than have names.
  double mixed = 0.7;
  // Share of poses drawn finger by finger from the joint ranges, not from gestures.
  double free = 0.15;
  // Share of poses that bend at the knuckles rather than in the fingers, as those of hands that lie
  // on something or hold something flat do: up to 60 degrees of flexion, the same for all fingers,
  // move from PIP (DIP: two thirds) to MCP, as far as the fingers have them.
  double draped = 0;
  // Deviation of the noise on each angle, degrees; abduction and twist get less.
  double noise_deg = 7;
  // Deviation of the wrist's flexion, degrees (deviation: half of it).
  double wrist_deg = 15;
  // Most fingers, the thumb aside, that may be bent: MCP and PIP flexion together above
  // kBentFingerDeg. 4 = fists and all; 0 = open and half-open hands. Other poses are drawn again,
  // up to 64 times; the least bent of them stands where none will do.
  int64_t bent_fingers = 4;
  // Parts of the hand that pass deeper into each other are moved apart (SettlePose); poses where
  // that fails are drawn again, mm.
  double max_penetration_mm = 2.5;

  void Visit(Fields& fields);
};

constexpr double kBentFingerDeg = 110;

// Of the four fingers, those bent beyond kBentFingerDeg.
int BentFingers(const HandAngles& angles_deg);

struct SampledPose {
  HandAngles angles_deg{};
  int gesture = -1;  // the nearer one (mixed: on average); -1 for free poses
};

// Within the joint limits; not checked for collisions (see SettlePose).
SampledPose SamplePose(const std::vector<Gesture>& gestures,
                       const PosePriorOptions& options,
                       Random& random);

// Where parts of a posed hand pass deeper than `max_penetration_mm` into each other, moves its
// angles, within their limits, by the least that parts them: minimum-norm Gauss-Newton steps on the
// depths of the contacts. Fists, pinches and long fingers would otherwise be refused far more often
// than open hands, and a prior by refusal would hardly hold any. Wrist and contact-free poses stay
// as they are. Returns the penetration that is left; what is above the limit then is to be refused.
double SettlePose(const Rig& rig,
                  const HandShape& shape,
                  double max_penetration_mm,
                  HandAngles* angles_deg);

// Deviations of a person's proportions, relative, each cut off at twice as much: beside what length
// and breadth of the hand vary.
struct ShapeOptions {
  double palm_length = 0.03;
  double finger_length = 0.025;
  double segment_length = 0.02;  // of a finger's segment, beside the finger's
  double girth = 0.04;           // of the whole hand
  double finger_girth = 0;
  double segment_girth = 0;  // of a finger's segment, beside the finger's

  void Visit(Fields& fields);
};

// Proportions of an adult hand: length and breadth of 1988 U.S. Army personnel, half men, half
// women (Gordon et al., 1988 Anthropometric Survey of U.S. Army Personnel: hand length 193.8 +- 9.8
// and 180.5 +- 9.7 mm, breadth 90.4 +- 4.2 and 79.4 +- 3.8 mm), its parts varied by `options`.
HandShape SampleShape(const Rig& rig, const ShapeOptions& options, Random& random);

}  // namespace handforge
