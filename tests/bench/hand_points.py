"""Hands as {21, 3} points in the project's order, wrist first: sizes, alignment, a detector's points."""
import json

import numpy

WRIST, MIDDLE_MCP = 0, 9
LENGTH_MM = 90  # from wrist to middle MCP, of every hand that is compared

# Points that a detector may mark elsewhere along a bone, each with the joints that the bone joins:
# a share s says that it marks s of the bone's length beyond `point`, away from or towards the end.
SLIDING = {
    "wrist": [(0, MIDDLE_MCP, 0)],  # on, from the middle MCP
    "thumb_cmc": [(1, 1, 2)],
    "finger_mcp": [(first, first, first + 1) for first in range(5, 21, 4)],
    "tip": [(first + 3, first + 2, first + 3) for first in range(1, 21, 4)],
}


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


def slide(shares):
    """{21, 21} that takes joints to joints moved along the bones by the shares of SLIDING. No phalanx
    is turned by it."""
    moved = numpy.eye(21)
    for name, share in shares.items():
        for point, begin, end in SLIDING[name]:
            moved[point, begin] -= share
            moved[point, end] += share
    return moved


def read_shares(file):
    """What fit_points.py writes."""
    shares = json.load(open(file))
    if set(shares) != set(SLIDING) or not all(isinstance(share, (int, float)) and abs(share) < 1
                                              for share in shares.values()):
        raise SystemExit(f"{file}: {json.dumps(shares)[:80]}; expected shares between -1 and 1 of "
                         + ", ".join(SLIDING))
    return shares
