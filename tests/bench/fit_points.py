#!/usr/bin/python3
"""Where along the bones a detector marks what it calls wrist, thumb CMC, finger MCP and tip.

fit_points.py DATASET LOOKS OUT

DATASET: rendered tuples. LOOKS: JSON of what the detector said of their pictures, by row, as
photo_error.py reads it: {"0000.png": {"looks": [{"handedness": "left", "joints_3d": [[x, y, z] * 21]}]}}.
More pairs of DATASET and LOOKS may follow before OUT.

Four shares of bones (SLIDING in hand_points.py), the same for all fingers, so that the labels moved by
them lie nearest to the detector's points after alignment: mean distance, so hands that the detector
reads wrongly count little. Looks that say the other side are left out. As no phalanx is turned, the
shares hold nothing of how far the detector bends fingers. Written: {"wrist": 0.2, ...}.

Printed: how far the detector's points lie from the labels on the rendered hands, of odd rows with
shares fitted on even ones.
"""
import glob
import json
import sys

import h5py
import numpy

from hand_points import SLIDING, aligned, aligned_error, scaled, slide

ROUNDS = 20
LEAST_MM = 1.0  # residuals below it weigh no more


def read_pairs(dataset, looks_file):
    """(labelled joints, detector's points), both scaled."""
    files = sorted(glob.glob(dataset + "/shards/*.h5"))
    if not files:
        sys.exit(f"{dataset}: no shards/*.h5 in it; give a folder that `handforge render` wrote")
    joints, right = [], []
    for file in files:
        with h5py.File(file) as shard:
            joints.extend(shard["joints_3d"][:])
            right.extend(shard["handedness"][:])
    pairs = []
    for name, picture in sorted(json.load(open(looks_file)).items()):
        row = int(name.split(".")[0])
        if row >= len(joints):
            sys.exit(f"{looks_file}: {name} is of row {row}, but {dataset} has {len(joints)} rows")
        for look in picture["looks"]:
            if look["handedness"] == ("right" if right[row] else "left"):
                pairs.append((scaled(joints[row]), scaled(look["joints_3d"])))
    return pairs


def distance_mm(pairs, shares):
    moved = slide(shares)
    return numpy.mean([aligned_error(moved @ labelled, said) for labelled, said in pairs])


def fit(pairs):
    """Least mean distance, by least squares whose residuals r are weighted by 1 / |r|."""
    labelled = numpy.array([pair[0] for pair in pairs])
    steps = [(slide({name: 1}) - numpy.eye(21)) @ labelled for name in SLIDING]  # {N, 21, 3} each
    shares = dict.fromkeys(SLIDING, 0.0)
    for _ in range(ROUNDS):
        moved = slide(shares) @ labelled
        left = numpy.array([aligned(said, hand) for (_, said), hand in zip(pairs, moved)]) - moved
        trust = 1 / numpy.maximum(numpy.linalg.norm(left, axis=2, keepdims=True), LEAST_MM)
        normal = [[(trust * a * b).sum() for b in steps] for a in steps]
        more = numpy.linalg.solve(normal, [(trust * a * left).sum() for a in steps])
        shares = {name: shares[name] + step for name, step in zip(SLIDING, more)}
    return {name: round(float(share), 3) for name, share in shares.items()}


def main():
    if len(sys.argv) < 4 or len(sys.argv) % 2:
        sys.exit(__doc__)
    pairs = [pair for i in range(1, len(sys.argv) - 1, 2)
             for pair in read_pairs(*sys.argv[i:i + 2])]
    if len(pairs) < 100:
        sys.exit(f"{len(pairs)} looks say the side that is labelled; at least 100 are needed")
    held_out = pairs[1::2]
    print(f"{len(pairs)} looks; labels lie {distance_mm(held_out, {}):.2f} mm from the detector's "
          f"points, moved along the bones {distance_mm(held_out, fit(pairs[::2])):.2f} mm")
    with open(sys.argv[-1], "w") as out:
        out.write(json.dumps(fit(pairs), indent=1) + "\n")


if __name__ == "__main__":
    main()
