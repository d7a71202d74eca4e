#!/usr/bin/python3
"""Error of `handforge predict` on photographs, against what a detector says of them.

photo_error.py PREDICTIONS LOOKS [POINTS]

PREDICTIONS: predictions.json. LOOKS: JSON of what the detector said of each picture each time that it
was shown it (turned, mirrored, in larger crops; all turned back), those that did not find the hand
left out:
  {"0001.png": {"shown": 13, "looks": [{"handedness": "left", "score": 0.9, "joints_3d": [[x, y, z] * 21]}]}}
in any unit, axes of the picture: x right, y down, z away from the camera.

The reference is the side that has the larger sum of scores and, hands scaled to 90 mm from wrist to
middle MCP, the mean of the looks that say so. Errors are mean distances of the joints after a
similarity transform (Procrustes; no reflection). With POINTS, which fit_points.py writes, predicted
joints are first moved along the bones to where the detector marks its points. A detector errs, too,
where pictures are hard, and much as a prediction does: no error against it is a bound of the error
against the truth. Hands that it always takes for the same one are told from those that it does not or
saw once.
"""
import json
import sys

import numpy

from hand_points import aligned_error, read_shares, scaled, slide


def reference(looks):
    """Side, mean joints in mm, share of the looks that say that side."""
    votes = sum(look["score"] * (1 if look["handedness"] == "right" else -1) for look in looks)
    side = "right" if votes > 0 else "left"
    agreeing = [scaled(look["joints_3d"]) for look in looks if look["handedness"] == side]
    return side, scaled(numpy.mean(agreeing, 0)), len(agreeing) / len(looks)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    predictions, pictures = (json.load(open(file)) for file in sys.argv[1:3])
    moved = slide(read_shares(sys.argv[3]) if len(sys.argv) == 4 else {})
    missing = sorted(set(pictures) - set(predictions))
    if missing:
        sys.exit(f"{sys.argv[1]}: no prediction of {missing[0]} ({len(missing)} of {len(pictures)} lack one)")
    rows = []
    for name, picture in pictures.items():
        side, truth_mm, agree = reference(picture["looks"])
        said = predictions[name]
        rows.append((aligned_error(moved @ numpy.array(said["joints_3d_mm"]), truth_mm),
                     said["handedness"].lower() == side,
                     agree == 1 and len(picture["looks"]) > 1,
                     2 * len(picture["looks"]) >= picture["shown"]))
    error_mm, right, same, often = (numpy.array(column) for column in zip(*rows))
    for what, which in (("all", error_mm >= 0),
                        ("always the same side", same),
                        ("and found in half the looks or more", same & often),
                        ("other hands", ~same)):
        if which.any():
            print(f"{what}: {which.sum()} hands, {error_mm[which].mean():.2f} mm, "
                  f"side told right {100 * right[which].mean():.0f} %")


main()
