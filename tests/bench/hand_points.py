"""Hands as {21, 3} points in the project's order, wrist first: sizes, alignment, a detector's points."""
import json

import numpy

WRIST, MIDDLE_MCP = 0, 9
LENGTH_MM = 90  # from wrist to middle MCP, of every hand that is compared


def scaled(points):
    """From the wrist, in mm of a hand of LENGTH_MM."""
    points = numpy.array(points, float)
    points -= points[WRIST]
    return points * (LENGTH_MM / numpy.linalg.norm(points[MIDDLE_MCP]))


def aligned(points, to):
    """Moved, turned and sized, not reflected, so that the squares of the distances are least
    (Umeyama 1991)."""
    a, b = points - points.mean(0), to - to.mean(0)
    u, stretch, vt = numpy.linalg.svd(a.T @ b)
    signs = numpy.array([1, 1, numpy.sign(numpy.linalg.det(u @ vt))])
    scale = (stretch * signs).sum() / (a * a).sum()
    return scale * a @ (u * signs) @ vt + to.mean(0)


def aligned_error(points, truth):
    """Mean distance after alignment."""
    return numpy.linalg.norm(aligned(points, truth) - truth, axis=1).mean()


def read_weights(file):
    """{21, 21}: row i says a detector's point i as a weighted mean of our joints."""
    weights = numpy.array(json.load(open(file))["weights"], float)
    if weights.shape != (21, 21) or numpy.abs(weights.sum(1) - 1).max() > 1e-3:
        raise SystemExit(f"{file}: 'weights' has to be 21 rows of 21 numbers, each row of sum 1")
    return weights
