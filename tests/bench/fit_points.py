#!/usr/bin/python3
"""How what a detector marks differs, by rule, from the joints that handforge labels.

fit_points.py DATASET LOOKS OUT

DATASET: rendered tuples. LOOKS: JSON of what the detector said of their pictures, by row, as
photo_error.py reads it: {"0000.png": {"looks": [{"handedness": "left", "joints_3d": [[x, y, z] * 21]}]}}.
More pairs of DATASET and LOOKS may follow before OUT.

Each of its points is fitted as a weighted mean of our joints: its own, the others of its finger, wrist,
index and little MCP, weights alike for x, y and z. That takes in other definitions of a joint ("MCP" may
be the knuckle or where the finger leaves the palm) and the detector's own bias alike, such as bent
fingers read as straighter: a prediction that such weights bring nearer to the detector's points has
not been shown to be nearer to the truth. Least squares of what is left after alignment, damped
towards the joint itself, large residuals counted less (Huber); looks that say the other side are left
out. Written: {"weights": [[21] * 21]}.

Printed: how far the detector's points lie from the labels on the rendered hands, of odd rows with
weights fitted on even ones.
"""
import glob
import json
import sys

import h5py
import numpy

from hand_points import aligned, aligned_error, scaled

RIDGE_MM2 = 20.0
HUBER_MM = 6.0
ROUNDS = 6
INDEX_MCP, LITTLE_MCP = 5, 17


def support(point):
    """Joints, beside the wrist, that a point is a mean of."""
    if point == 0:
        return [1, 5, 9, 17]
    first = 1 + (point - 1) // 4 * 4
    return sorted({first, first + 1, first + 2, first + 3, INDEX_MCP, LITTLE_MCP})


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


def offset_weights(joints, offsets):
    """Weights {S} of joints {N, S, 3} whose sum is nearest to offsets {N, 3}."""
    a = joints.transpose(0, 2, 1).reshape(-1, joints.shape[1])
    b = offsets.reshape(-1)
    trust = numpy.ones(len(b))
    for _ in range(ROUNDS):
        damped = a.T @ (a * trust[:, None]) + RIDGE_MM2 * len(b) * numpy.eye(a.shape[1])
        weights = numpy.linalg.solve(damped, a.T @ (trust * b))
        trust = numpy.minimum(1, HUBER_MM / numpy.maximum(numpy.abs(b - a @ weights), 1e-9))
    return weights


def fit(pairs):
    joints = numpy.array([pair[0] for pair in pairs])
    weights = numpy.eye(21)
    for _ in range(ROUNDS):
        points = numpy.array([aligned(said, weights @ labelled) for labelled, said in pairs])
        for i in range(21):
            used = support(i)
            weights[i] = 0
            weights[i, used] = offset_weights(joints[:, used], points[:, i] - joints[:, i])
            weights[i, i] += 1
            weights[i, 0] += 1 - weights[i].sum()
    return weights


def distance_mm(pairs, weights):
    return numpy.mean([aligned_error(weights @ labelled, said) for labelled, said in pairs])


def main():
    if len(sys.argv) < 4 or len(sys.argv) % 2:
        sys.exit(__doc__)
    pairs = [pair for i in range(1, len(sys.argv) - 1, 2)
             for pair in read_pairs(*sys.argv[i:i + 2])]
    if len(pairs) < 100:
        sys.exit(f"{len(pairs)} looks say the side that is labelled; at least 100 are needed")
    held_out = pairs[1::2]
    print(f"{len(pairs)} looks; labels lie {distance_mm(held_out, numpy.eye(21)):.2f} mm from the detector's "
          f"points, weighted {distance_mm(held_out, fit(pairs[::2])):.2f} mm")
    weights = fit(pairs).round(4)
    weights[:, 0] += 1 - weights.sum(1)
    rows = ",\n".join(json.dumps(row) for row in weights.round(4).tolist())
    with open(sys.argv[-1], "w") as out:
        out.write(f'{{"weights": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
