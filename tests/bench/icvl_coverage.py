#!/usr/bin/python3
"""Share of the real poses of ICVL's test set that a dataset has within 12 mm RMS.

icvl_coverage.py DATASET LABELS

LABELS: icvl_test_groundtruth_label.txt (`u v d` of 16 points a line) of the collection
xinghaochen/awesome-hand-pose-estimation.

ICVL labels centres of hand parts, not joints: that of the palm lies in the flesh, those of fingers
beside the bones. Each is taken as a weighted mean of the wrist and the joints of its finger (the
palm: of the four MCPs) plus an offset fixed in the palm's frame. Weights and offsets are fitted to
the frames of one of the set's two persons and used for the other, so that what is measured was not
fitted: how a person holds the hand does not pass, what the labels mean does. How well the two
persons' offsets agree is printed. Hands are scaled to 90 mm from wrist to middle MCP; the size of a
person of ICVL, whose wrist is not labelled, is fitted to that person's frames. The labels' own
errors stay in the distance.
"""
import pathlib
import sys

import h5py
import numpy

LIMIT_MM = 12
WRIST, MIDDLE_MCP, MCPS = 0, 9, [5, 9, 13, 17]
FOCAL_PX, CENTRE_PX = numpy.array([240.99, 240.96]), numpy.array([160, 120])
PERSONS = [slice(0, 702), slice(702, 1596)]
SOURCES = [MCPS] + [[1 + 4 * finger + k for k in range(4)] for finger in range(5) for _ in range(3)]


def dataset_hands(folder):
    """Right hands, 90 mm from wrist to middle MCP."""
    hands = []
    for file in sorted(pathlib.Path(folder, "shards").glob("*.h5")):
        with h5py.File(file) as shard:
            joints = shard["joints_3d"][:].astype(float)
            joints[shard["handedness"][:] == 0, :, 0] *= -1
            hands.append(joints)
    hands = numpy.concatenate(hands)
    return hands * (90 / numpy.linalg.norm(hands[:, MIDDLE_MCP] - hands[:, WRIST], axis=1))[:, None, None]


def icvl_parts(file):
    """Part centres as of right hands (the set shows left ones), mm."""
    uvd = numpy.loadtxt(file).reshape(-1, 16, 3)
    assert len(uvd) == PERSONS[-1].stop, f"{file}: {len(uvd)} frames; expected {PERSONS[-1].stop}"
    xy = (uvd[..., :2] - CENTRE_PX) * uvd[..., 2:] / FOCAL_PX
    return numpy.concatenate([-xy[..., :1], xy[..., 1:], uvd[..., 2:]], -1)


def middles():
    """First guess of the part centres: the middle of each segment, and of wrist and MCPs."""
    parts = numpy.zeros((16, 7))
    parts[0, :4] = 1 / 8
    for k in range(3):
        parts[1 + k::3, k] = parts[1 + k::3, k + 1] = 1 / 2
    return parts


def palm_axes(hands):
    """(N, 3, 3): rows along the palm, out of its plane, across it."""
    along = hands[:, MIDDLE_MCP] - hands[:, WRIST]
    along /= numpy.linalg.norm(along, axis=1, keepdims=True)
    out = numpy.cross(along, hands[:, MCPS[-1]] - hands[:, MCPS[0]])
    out /= numpy.linalg.norm(out, axis=1, keepdims=True)
    return numpy.stack([along, out, numpy.cross(along, out)], 1)


def basis_of(hands, source):
    """(N, 3, 7) whose product with a part's row of `weights` leads from the wrist to its centre:
    4 weights of joints, of which the wrist has what is missing to 1, and an offset in mm."""
    joints = hands[:, source] - hands[:, :1]
    return numpy.concatenate([joints, palm_axes(hands)], 1).transpose(0, 2, 1)


def parts_of(hands, weights):
    return numpy.stack([hands[:, WRIST] + basis_of(hands, source) @ w
                        for source, w in zip(SOURCES, weights)], 1)


def centred(points):
    return points - points.mean(-2, keepdims=True)


def nearest(frames, parts):
    """Of each frame: the nearest of `parts`, RMS distance, and the frame laid over it."""
    candidates = centred(parts)
    found = []
    for frame in centred(frames):
        u, s, v = numpy.linalg.svd(numpy.einsum("jk,njl->nkl", frame, candidates))
        turn = numpy.sign(numpy.linalg.det(u) * numpy.linalg.det(v))
        gain = s[:, 0] + s[:, 1] + turn * s[:, 2]
        squared = (frame**2).sum() + (candidates**2).sum((1, 2)) - 2 * gain
        i = squared.argmin()
        rotation = u[i] @ numpy.diag([1, 1, turn[i]]) @ v[i]
        found.append((i, numpy.sqrt(max(0, squared[i]) / 16), frame @ rotation + parts[i].mean(0)))
    index, rms, laid = zip(*found)
    return numpy.array(index), numpy.array(rms), numpy.stack(laid)


def calibrate(frames, hands, rounds=6):
    """What part centres are and the person's size, from the nearest 70 % of its frames."""
    first = weights = middles()
    size = 1.3
    for _ in range(rounds):
        parts = parts_of(hands, weights)
        index, rms, laid = nearest(frames * size, parts)
        good = rms < numpy.percentile(rms, 70)
        a, b = centred(laid[good]), centred(parts[index[good]])
        size *= (a * b).sum() / (a * a).sum()
        weights = numpy.empty_like(first)
        for p, source in enumerate(SOURCES):
            basis = basis_of(hands[index[good]], source).reshape(-1, 7)
            wanted = (laid[good][:, p] - hands[index[good], WRIST]).reshape(-1)
            # What the frames say little of stays as it was: weights (mm^2) and offsets.
            ridge = len(wanted) * numpy.diag([10] * 4 + [0.02] * 3)
            weights[p] = numpy.linalg.solve(basis.T @ basis + ridge,
                                            basis.T @ wanted + ridge @ first[p])
    return weights, size


def main():
    hands, frames = dataset_hands(sys.argv[1]), icvl_parts(sys.argv[2])
    fits = [calibrate(frames[person][::6], hands) for person in PERSONS]
    offsets = [weights[:, 4:] for weights, _ in fits]
    print(f"offsets: {numpy.linalg.norm(offsets, axis=-1).mean():.1f} mm; of the two persons "
          f"{numpy.linalg.norm(offsets[0] - offsets[1], axis=-1).mean():.1f} mm apart")
    distances = []
    for person, (_, size), (weights, _) in zip(PERSONS, fits, fits[::-1]):
        distances.append(nearest(frames[person] * size, parts_of(hands, weights))[1])
    for name, rms in zip(["first person", "second", "both"], distances + [numpy.concatenate(distances)]):
        print(f"{name}: {len(rms)} frames, {100 * (rms <= LIMIT_MM).mean():.1f} % within {LIMIT_MM} mm; "
              f"median {numpy.median(rms):.1f}, 90 % {numpy.percentile(rms, 90):.1f} mm")


main()
