#!/usr/bin/python3
"""photo_error.py on hands whose errors are known."""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError:
    sys.exit(77)

SCRIPT = pathlib.Path(__file__).with_name("photo_error.py")
random = numpy.random.default_rng(1)


def run(predictions, pictures):
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("predictions.json", "looks.json")]
        for file, content in zip(files, (predictions, pictures)):
            file.write_text(json.dumps(content))
        return subprocess.run([SCRIPT, *files], capture_output=True, text=True)


def look(handedness, score, joints):
    return {"handedness": handedness, "score": score, "joints_3d": joints.tolist()}


def moved(joints):
    """In another size, place and turn."""
    turn, _ = numpy.linalg.qr(random.normal(size=(3, 3)))
    turn *= numpy.sign(numpy.linalg.det(turn))
    return 2.5 * joints @ turn + random.normal(size=3)


def line(text, what):
    (found,) = [row for row in text.splitlines() if row.startswith(what + ":")]
    return found.split(": ")[1]


hand = random.normal(size=(21, 3))
hand *= 90 / numpy.linalg.norm(hand[9] - hand[0])
noise = random.normal(size=(21, 3))
noise[[0, 9]] = 0  # keeps the size
mirrored = hand * [-1, 1, 1]
pictures = {
    # The looks' errors cancel; one says the other side, more weakly.
    "a.png": {"shown": 3, "looks": [look("left", 0.9, hand + noise), look("left", 0.9, hand - noise),
                                    look("right", 1.0, mirrored)]},
    # In metres: sizes of looks do not matter.
    "b.png": {"shown": 3, "looks": [look("right", 0.6, hand / 1000), look("right", 0.7, 3 * hand)]},
    "c.png": {"shown": 3, "looks": [look("right", 0.8, hand)]},
}
predictions = {
    "a.png": {"handedness": "left", "joints_3d_mm": moved(hand).tolist()},
    "b.png": {"handedness": "Right", "joints_3d_mm": moved(hand).tolist()},
    "c.png": {"handedness": "left", "joints_3d_mm": moved(mirrored).tolist()},
}
done = run(predictions, pictures)
assert done.returncode == 0, done.stderr
assert line(done.stdout, "always the same side") == "1 hands, 0.00 mm, side told right 100 %", done.stdout
assert line(done.stdout, "and found in half the looks or more").startswith("1 hands, 0.00 mm"), done.stdout
count, error, side = line(done.stdout, "other hands").split(", ")
assert count == "2 hands" and side == "side told right 50 %", done.stdout
assert float(error.split()[0]) > 5, "a mirrored hand is another hand: " + done.stdout
assert line(done.stdout, "all").startswith("3 hands"), done.stdout

# A known error: one joint moved far less than the alignment can answer.
near = hand.copy()
near[20, 0] += 0.21
predictions["b.png"]["joints_3d_mm"] = moved(near).tolist()
error = float(line(run(predictions, pictures).stdout, "always the same side").split(", ")[1].split()[0])
assert 0.01 <= error <= 0.03, error

del predictions["c.png"]
done = run(predictions, pictures)
assert done.returncode != 0 and "c.png" in done.stderr, (done.returncode, done.stderr)
