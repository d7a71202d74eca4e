#!/usr/bin/python3
"""fit_points.py on a detector that marks known places on the bones."""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError:
    sys.exit(77)

from hand_points import aligned_error, slide

FOLDER = pathlib.Path(__file__).parent
random = numpy.random.default_rng(2)


def turned(points):
    """In another size, place and turn."""
    turn, _ = numpy.linalg.qr(random.normal(size=(3, 3)))
    turn *= numpy.sign(numpy.linalg.det(turn))
    return 0.01 * points @ turn + random.normal(size=3)


def hand():
    """Fingers of three phalanges in one plane each, bent at random."""
    joints = numpy.zeros((21, 3))
    for finger in range(5):
        at = numpy.array([20.0 * (finger - 2), -90 + 25 * (finger == 0), 0])
        across = random.normal(0, 0.2)
        bend = random.uniform(0, 0.5)
        for level in range(4):
            joints[1 + 4 * finger + level] = at
            angle = (level + 1) * bend
            at = at + (45 - 8 * level) * numpy.array(
                [numpy.sin(across), -numpy.cos(angle) * numpy.cos(across), numpy.sin(angle)])
    return joints + random.normal(0, 1, (21, 3))


SHARES = {"wrist": 0.2, "thumb_cmc": -0.1, "finger_mcp": 0.25, "tip": -0.15}
TRUTH = slide(SHARES)
# In words: away from the middle MCP, and from the CMC joint away from the thumb's end.
labelled = hand()
assert numpy.allclose((TRUTH @ labelled)[0], labelled[0] + 0.2 * (labelled[0] - labelled[9]))
assert numpy.allclose((TRUTH @ labelled)[1], labelled[1] - 0.1 * (labelled[2] - labelled[1]))
assert numpy.allclose((TRUTH @ labelled)[13], labelled[13] + 0.25 * (labelled[14] - labelled[13]))
assert numpy.allclose((TRUTH @ labelled)[20], labelled[20] - 0.15 * (labelled[20] - labelled[19]))
assert numpy.allclose((TRUTH @ labelled)[[2, 3, 6, 7]], labelled[[2, 3, 6, 7]])

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    joints = numpy.array([hand() for _ in range(400)])
    right = random.integers(0, 2, 400).astype("u1")
    pathlib.Path(folder, "set/shards").mkdir(parents=True)
    for part in range(2):
        with h5py.File(folder / f"set/shards/{part}.h5", "w") as shard:
            shard["joints_3d"] = joints[200 * part:200 * (part + 1)].astype("f4")
            shard["handedness"] = right[200 * part:200 * (part + 1)]

    def look(row, side, points):
        return {"handedness": ("left", "right")[side], "score": 1.0, "joints_3d": turned(points).tolist()}

    looks = {f"{row:04}.png": {"shown": 1, "looks": [look(row, right[row], TRUTH @ joints[row])]}
             for row in range(400)}
    # What it says of the other side is wrong, and left out; a few looks are wrong all over.
    for row in range(0, 60):
        looks[f"{row:04}.png"]["looks"] = [look(row, 1 - right[row], joints[row] * [-1, 1, 1])]
    for row in range(60, 80):
        looks[f"{row:04}.png"]["looks"] = [look(row, right[row], hand())]
    (folder / "looks.json").write_text(json.dumps(looks))

    def run(script, *arguments):
        return subprocess.run([FOLDER / script, *arguments], capture_output=True, text=True)

    out = folder / "points.json"
    done = run("fit_points.py", folder / "set", folder / "looks.json", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("340 looks"), done.stdout
    fitted = json.loads(out.read_text())
    assert fitted.keys() == SHARES.keys(), fitted
    for name, share in SHARES.items():
        assert abs(fitted[name] - share) < 0.02, fitted

    # photo_error.py then knows the detector's points from ours.
    pictures = {name: looks[name] for name in list(looks)[100:120]}
    predictions = {f"{row:04}.png": {"handedness": "left", "joints_3d_mm": joints[row].tolist()}
                   for row in range(100, 120)}
    (folder / "some.json").write_text(json.dumps(pictures))
    (folder / "predictions.json").write_text(json.dumps(predictions))

    def error_mm(*extra):
        done = run("photo_error.py", folder / "predictions.json", folder / "some.json", *extra)
        assert done.returncode == 0, done.stderr
        return float(done.stdout.split(" hands, ")[1].split()[0])

    assert error_mm() > 2, error_mm()
    assert error_mm(out) < 0.5, error_mm(out)

    for content in ({"wrist": 0.1}, {**SHARES, "tip": 1.5}, {**SHARES, "tip": "far"}):
        out.write_text(json.dumps(content))
        done = run("photo_error.py", folder / "predictions.json", folder / "some.json", out)
        assert done.returncode != 0 and "between -1 and 1" in done.stderr, done.stderr

    done = run("fit_points.py", folder / "nothing", folder / "looks.json", out)
    assert done.returncode != 0 and "no shards" in done.stderr, done.stderr
    (folder / "looks.json").write_text(json.dumps({"0400.png": looks["0000.png"]}))
    done = run("fit_points.py", folder / "set", folder / "looks.json", out)
    assert done.returncode != 0 and "0400.png is of row 400" in done.stderr, done.stderr
