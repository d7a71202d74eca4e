#pragma once

#include "render/kinematics.h"

namespace handforge {

// What a decoder says is near a hand, not one: bones are a little off, hinges bend a little
// sideways, angles leave their range. The label is the hand nearest to it that the rig can be.
struct NearestHandOptions {
  // How far a finger bone may depart from the rig's proportions (relative to the palm's length),
  // and the palm's breadth from its length; 0.15 = 15 %.
  double proportion_play = 0.15;
  // Parts deeper inside each other than this are moved apart, mm.
  double max_penetration_mm = 5;
  // Gauss-Newton steps on the joint angles.
  int64_t steps = 4;
};

struct NearestHand {
  BonePoses poses;    // frame of the given joints; angles inside their limits, hinges are hinges
  double rms_mm = 0;  // distance of its joints from the given ones
  double penetration_mm = 0;
};

// Fits the rig exactly (FitRig), takes angles and proportions from that, brings them into their
// ranges, then minimises the distance to the given joints over angles and rigid motion. `wrist_*`
// as in FitRig. Throws DataError as FitRig does.
NearestHand FindNearestHand(const Rig& rig,
                            const Joints3& joints_mm,
                            double wrist_flexion_deg,
                            double wrist_deviation_deg,
                            const NearestHandOptions& options);

}  // namespace handforge
