#!/usr/bin/python3
"""Depth of handforge against the Z pass of Blender's Cycles: the same meshes, the same cameras.

compare_depth.py HANDFORGE FOLDER [COUNT]

Renders COUNT tuples with HANDFORGE (the built command) into FOLDER, exports their meshes, has
Blender render them, and compares. Exit status: 0 within bounds, 1 not, 77 where Blender or h5py is
not installed.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

MEDIAN_MM = 0.05
INTERIOR_MM = 0.5
INTERIOR_SHARE = 0.995
HERE = pathlib.Path(__file__).parent


def run(*command):
    print("$", *command, flush=True)
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def interior(mask):
    """Pixels whose eight neighbours show the hand as well."""
    inside = mask.copy()
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            inside &= numpy.roll(mask, (dy, dx), (0, 1))
    return inside


def near_border(mask):
    """Pixels beside the outline, on either side."""
    grown = numpy.zeros_like(mask)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            grown |= numpy.roll(mask, (dy, dx), (0, 1))
    return grown & ~interior(mask)


def main():
    handforge, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    blender = shutil.which("blender")
    if blender is None:
        print("skipped: blender is not installed")
        sys.exit(77)
    dataset, work = folder / "tuples", folder / "work"
    shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True)
    run(handforge, "render", "--out", dataset, "--count", count, "--seed", 7, "--threads", 1,
        "--set", "render.objects.in_hand=0.5")
    depths, cameras = [], []
    for shard in sorted(dataset.glob("shards/*.h5")):
        with h5py.File(shard) as file:
            depths += list(file["depth"][:] * file["depth"].attrs["scale_mm"])
            cameras += [{"fx": float(k[0, 0]), "fy": float(k[1, 1]), "cx": float(k[0, 2]),
                         "cy": float(k[1, 2]), "size": int(file["depth"].shape[1])}
                        for k in file["K"][:]]
    for i in range(count):
        run(handforge, "export", dataset, "--index", i, "--mesh", work / f"{i}.glb")
    (work / "cameras.json").write_text(json.dumps(cameras))
    log = run(blender, "--background", "--threads", 1, "--python", HERE / "z_pass.py", "--", work, 1)

    differences, silhouette, pixels = [], 0, 0
    for i in range(count):
        ours, theirs = depths[i], numpy.load(work / f"{i}.npy")
        mine, other = ours > 0, theirs > 0
        silhouette += int(((mine != other) & ~near_border(mine)).sum())
        inside = interior(mine) & other
        pixels += int(inside.sum())
        differences.append(numpy.abs(ours - theirs)[inside])
    differences = numpy.concatenate(differences)
    median = float(numpy.median(differences))
    share = float((differences <= INTERIOR_MM).mean())
    seconds = sorted(float(s) for s in re.findall(r"rendered \d+ in ([0-9.]+) s", log))
    print(f"{count} hands, {pixels} interior pixels: median |difference| {median:.4f} mm, "
          f"{100 * share:.2f} % within {INTERIOR_MM} mm, {silhouette} pixels of the silhouettes differ "
          f"off the border; Cycles at 1 sample: median {seconds[len(seconds) // 2]:.4f} s a frame")
    good = median <= MEDIAN_MM and share >= INTERIOR_SHARE and silhouette == 0
    sys.exit(0 if good else 1)


main()
