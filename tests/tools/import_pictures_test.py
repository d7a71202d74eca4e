#!/usr/bin/python3
"""tools/import_pictures.py: pictures made by code, and what becomes of them.
import_pictures_test.py HANDFORGE"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import cv2
    import h5py
    import numpy
except ImportError:
    sys.exit(77)

SCRIPT = pathlib.Path(__file__).parents[2] / "tools/import_pictures.py"
handforge = sys.argv[1]
work = tempfile.TemporaryDirectory()
folder = pathlib.Path(work.name)


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)


def hand(x, y, side_px, side):
    return {"crop_px": [x, y, side_px], "handedness": side, "joints_3d_mm": []}


# A red square in a corner of a green picture, and a picture of depth.
pictures = folder / "pictures"
pictures.mkdir()
green = numpy.zeros((200, 300, 3), "u1")
green[..., 1] = 200
green[:40, :40] = (0, 0, 250)
cv2.imwrite(str(pictures / "a.png"), green)
cv2.imwrite(str(pictures / "depth.png"), numpy.full((50, 50), 700, "u2"))
(pictures / "torn.jpg").write_text("x")
predictions = folder / "predictions.json"
predictions.write_text(json.dumps({
    "a.png": [hand(19.5, 19.5, 40, "left"), None, hand(150, 100, 64, "right"), hand(0, 0, 80, "left")],
    "depth.png": hand(25, 25, 50, "left"),
    "torn.jpg": hand(5, 5, 5, "left")}))
out = folder / "out"
result = run(pictures, predictions, out, "--px", "64")
assert result.returncode == 0, result.stderr
assert "wrote 3 unlabelled hands" in result.stdout, result.stdout
assert "depth.png" in result.stderr and "torn.jpg" in result.stderr, result.stderr

with h5py.File(out / "shards/00000.h5") as shard:
    assert list(shard["handedness"]) == [0, 1, 0]
    assert not any(shard["labelled"]) and set(shard["present"]) == {1} and set(shard["source"]) == {2}
    rgb = shard["rgb"][:].astype(int)
    assert rgb.shape == (3, 64, 64, 3)
    assert abs(rgb[0] - [250, 0, 0]).max() == 0, "the square, in RGB"
    assert abs(rgb[1] - [0, 200, 0]).max() == 0
    # A quarter of the third lies in the picture, the square and its mirror images fill it.
    assert abs(rgb[2] - [250, 0, 0]).max() == 0, "mirrored beyond the edge"
    assert (shard["visible"][:] == 255).all()

    assert list(shard["image_id"]) == [0, 0, 0], "three hands of one picture"

# It says of itself what handforge's own shards do.
rendered = folder / "rendered"
subprocess.run([handforge, "render", "--out", rendered, "--count", "1", "--set", "render.image_px=32",
                "--set", "render.rgb_px=32", "--set", "render.light.shader=fast"], check=True,
               capture_output=True)
with h5py.File(rendered / "shards/00000.h5") as own, h5py.File(out / "shards/00000.h5") as shard:
    for name in ("format_version", "units", "conventions", "joint_names", "edges", "part_names",
                 "visibility_names", "handedness_names", "split_names", "source_names", "present_bits"):
        assert numpy.array_equal(own.attrs[name], shard.attrs[name]), name
    assert set(shard) == set(own) - {"photo"}, set(shard) ^ set(own)
    for name in shard:
        assert shard[name].attrs["description"] == own[name].attrs["description"], name
        assert shard[name].dtype == own[name].dtype, name

audit = subprocess.run([handforge, "verify", out, "--json"], capture_output=True, text=True)
assert audit.returncode == 0, audit.stderr
assert json.loads(audit.stdout.splitlines()[-1])["tuples"] == 3

# The trainer takes them.
trained = subprocess.run([handforge, "train", "--out", folder / "model", "--set", f"train.data=[{out}]",
                          "--set", "train.pairs=[rgb->rgb]", "--set", "train.model.rgb_px=64",
                          "--set", "train.steps=2", "--set", "train.image_batch=2"],
                         capture_output=True, text=True)
assert trained.returncode == 0 and "3 training" in trained.stderr, trained.stderr

# Two imports are two runs of one dataset.
other = folder / "other.json"
other.write_text(json.dumps({"a.png": hand(150, 100, 64, "right")}))
assert run(pictures, other, folder / "out2", "--px", "64").returncode == 0
merged = subprocess.run([handforge, "merge", out, folder / "out2", "--out", folder / "merged"],
                        capture_output=True, text=True)
assert merged.returncode == 0, merged.stderr
audit = subprocess.run([handforge, "verify", folder / "merged", "--json"], capture_output=True, text=True)
assert json.loads(audit.stdout.splitlines()[-1])["tuples"] == 4, audit.stderr

# More than one shard's worth.
many = folder / "many.json"
many.write_text(json.dumps({"a.png": [hand(150, 100, 32, "right")] * 700}))
assert run(pictures, many, folder / "many", "--px", "32").returncode == 0
audit = subprocess.run([handforge, "verify", folder / "many"], capture_output=True, text=True)
assert audit.returncode == 0, audit.stderr

# What is refused.
assert "holds a dataset" in run(pictures, predictions, out).stderr
predictions.write_text('{"a.png": {"x": 1}}')
assert "not as `handforge predict` writes it" in run(pictures, predictions, folder / "n").stderr
predictions.write_text(json.dumps({"torn.jpg": hand(5, 5, 5, "left")}))
refused = run(pictures, predictions, folder / "n")
assert refused.returncode != 0 and "none of its 1 hands" in refused.stderr
assert not (folder / "n/dataset.json").exists()
print("ok")
