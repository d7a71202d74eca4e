#!/usr/bin/python3
"""Share of the real poses of ICVL's test set that a dataset has within 12 mm RMS.

icvl_coverage.py DATASET LABELS [ESTIMATES ...]

LABELS: icvl_test_groundtruth_label.txt (`u v d` of 16 points a line) of the collection
xinghaochen/awesome-hand-pose-estimation; ESTIMATES: published methods' results on the same frames,
of the same form. A label's own error, some millimetres at each point, is no pose, and estimates err
in other ways: where they are given, a frame's pose is the middle of its label and their mean.

ICVL labels centres of hand parts, not joints. Each centre is taken as a weighted mean of the wrist
and the joints of its finger (the palm: of the four MCPs); the weights are fitted to the frames of
one of its two persons and used for the other, so that what is measured was not fitted. Hands are
scaled to 90 mm from wrist to middle MCP; the size of a person of ICVL, whose wrist is not labelled,
is fitted to that person's frames. What the definitions differ by and the labels' own errors stay in
the distance, so the share of labels is a lower bound. That with estimates need not be one: networks
trained on the set also draw rare poses towards usual ones.
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


def icvl_poses(labels, estimates):
    """Part centres as of right hands, mm: the labels, or the middle of them and the estimates."""
    parts = icvl_parts(labels)
    if not estimates:
        return parts
    said = [icvl_parts(file) for file in estimates]
    apart = [numpy.linalg.norm(a - b, axis=-1).mean() for i, a in enumerate(said) for b in said[:i]]
    off = [numpy.linalg.norm(one - parts, axis=-1).mean() for one in said]
    print(f"estimates lie {numpy.mean(off):.1f} mm from the labels and "
          f"{numpy.mean(apart) if apart else 0:.1f} mm from each other")
    return (parts + numpy.mean(said, 0)) / 2


def icvl_parts(file):
    """Part centres as of right hands (the set shows left ones), mm."""
    uvd = numpy.loadtxt(file).reshape(-1, 16, 3)
    assert len(uvd) == PERSONS[-1].stop, f"{file}: {len(uvd)} frames; expected {PERSONS[-1].stop}"
    xy = (uvd[..., :2] - CENTRE_PX) * uvd[..., 2:] / FOCAL_PX
    return numpy.concatenate([-xy[..., :1], xy[..., 1:], uvd[..., 2:]], -1)


def middles():
    """First guess of the part centres: the middle of each segment, and of wrist and MCPs."""
    weights = numpy.zeros((16, 4))
    weights[0] = 1 / 8
    for k in range(3):
        weights[1 + k::3, k] = weights[1 + k::3, k + 1] = 1 / 2
    return weights


def parts_of(hands, weights):
    """The wrist has what is missing of each centre's weights to 1."""
    return numpy.stack([hands[:, WRIST] + numpy.einsum("njk,j->nk", hands[:, source] - hands[:, :1], w)
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
    """Weights of the part centres and the person's size, from the nearest 70 % of its frames."""
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
            joints = hands[index[good]]
            basis = (joints[:, source] - joints[:, :1]).transpose(0, 2, 1).reshape(-1, 4)
            wanted = (laid[good][:, p] - joints[:, WRIST]).reshape(-1)
            ridge = 10 * len(wanted)  # mm^2: weights that the frames say little of stay as they were
            weights[p] = numpy.linalg.solve(basis.T @ basis + ridge * numpy.eye(4),
                                            basis.T @ wanted + ridge * first[p])
    return weights, size


def main():
    hands, frames = dataset_hands(sys.argv[1]), icvl_poses(sys.argv[2], sys.argv[3:])
    fits = [calibrate(frames[person][::6], hands) for person in PERSONS]
    distances = []
    for person, (_, size), (weights, _) in zip(PERSONS, fits, fits[::-1]):
        distances.append(nearest(frames[person] * size, parts_of(hands, weights))[1])
    for name, rms in zip(["first person", "second", "both"], distances + [numpy.concatenate(distances)]):
        print(f"{name}: {len(rms)} frames, {100 * (rms <= LIMIT_MM).mean():.1f} % within {LIMIT_MM} mm; "
              f"median {numpy.median(rms):.1f}, 90 % {numpy.percentile(rms, 90):.1f} mm")


main()
