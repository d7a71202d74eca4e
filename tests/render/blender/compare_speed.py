#!/usr/bin/python3
"""Speed of handforge against Blender's Cycles: the same meshes, size, light and one thread each.

compare_speed.py CYCLES_BENCH FOLDER [HANDS [RUNS]]

CYCLES_BENCH is the built tests/bench/cycles_bench. Runs it and Blender in turn RUNS times (3) on HANDS
hands (6) and prints ratios of median times: depth against Cycles at 1 sample, pictures of 16 samples
with all layers against Cycles at 16 with all passes, and the time to equal noise: that which Cycles
needs, by 1/sqrt(samples), for the error that our picture has against 1,024 samples over the hand,
beside which it prints that of 128 plain samples of our own.
A second line tells the last two without Cycles' preparation (hierarchy, importance map of the light).
Exit status: 0 all bounds met, 1 not, 77 where Blender is not installed.
"""
import json
import math
import pathlib
import shutil
import statistics
import subprocess
import sys

DEPTH_RATIO, PICTURE_RATIO, NOISE_RATIO = 25, 5, 15
SAMPLES = (16, 64, 256)
HERE = pathlib.Path(__file__).parent


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def samples_for(error, rows):
    """Samples at which Cycles' error is `error`."""
    constants = [e * math.sqrt(n) for row in rows if "error" in row
                 for e, n in zip(row["error"], SAMPLES)]
    return (statistics.median(constants) / error) ** 2


def seconds_at(samples, rows, measure="picture_s"):
    """By the straight line through the medians at the fewest and the most samples."""
    few = statistics.median(row[measure][0] for row in rows)
    many = statistics.median(row[measure][-1] for row in rows)
    each = (many - few) / (SAMPLES[-1] - SAMPLES[0])
    return few + each * (samples - SAMPLES[0])


def main():
    bench, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    hands = int(sys.argv[3]) if len(sys.argv) > 3 else 6
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    blender = shutil.which("blender")
    if blender is None:
        print("skipped: blender is not installed")
        sys.exit(77)
    ours, rows = [], []
    for _ in range(runs):
        ours.append(json.loads(run(bench, folder, hands)))
        log = run(blender, "--background", "--threads", 1, "--python", HERE / "cycles.py", "--", folder, hands)
        rows += [json.loads(line[8:]) for line in log.splitlines() if line.startswith("cycles: ")]
    depth_s = statistics.median(o["depth_s"] for o in ours)
    picture_s = statistics.median(o["picture_s"] for o in ours)
    error = statistics.median(o["error"] for o in ours)
    cycles_depth_s = statistics.median(row["depth_s"] for row in rows)
    cycles_picture_s = statistics.median(row["picture_s"][0] for row in rows)
    equal = samples_for(error, rows)
    plain_error = statistics.median(o["plain_error"] for o in ours)
    ratios = (cycles_depth_s / depth_s, cycles_picture_s / picture_s, seconds_at(equal, rows) / picture_s)
    print(f"depth: {1000 * depth_s:.2f} ms against {1000 * cycles_depth_s:.1f} ms: {ratios[0]:.1f} times "
          f"as fast (bound {DEPTH_RATIO})")
    print(f"picture, 16 samples: {1000 * picture_s:.1f} ms against {1000 * cycles_picture_s:.1f} ms: "
          f"{ratios[1]:.1f} times (bound {PICTURE_RATIO})")
    print(f"equal noise ({100 * error:.2f} % of the mean, Cycles needs {equal:.0f} samples): "
          f"{ratios[2]:.1f} times (bound {NOISE_RATIO})")
    print(f"128 plain samples have {100 * plain_error:.2f} % of the mean (bound: no less)")
    kept_s = [seconds_at(n, rows, "kept_s") for n in (16, equal)]
    print(f"the same without Cycles' preparation of mesh and light: picture {kept_s[0] / picture_s:.1f}, "
          f"equal noise {kept_s[1] / picture_s:.1f} times")
    fast = all(r >= b for r, b in zip(ratios, (DEPTH_RATIO, PICTURE_RATIO, NOISE_RATIO)))
    sys.exit(0 if fast and error <= plain_error else 1)


main()
