#!/usr/bin/python3
"""`handforge export --coco` and `--webdataset` read by other programs than handforge, against the HDF5.
export_test.py HANDFORGE"""
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

try:
    import cv2
    import h5py
    import numpy
except ImportError as error:
    print(f"skipped: {error.name} is not installed")
    sys.exit(77)

handforge = sys.argv[1]
work = tempfile.TemporaryDirectory()
folder = pathlib.Path(work.name)
COUNT = 40


def run(*arguments, code=0):
    result = subprocess.run([handforge, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == code, (arguments, result.returncode, result.stderr)
    return result


def summary(result):
    return json.loads(result.stdout.splitlines()[-1])


# Left and right hands, pairs of them in one picture; colours on a coarser grid than depth.
data = folder / "data"
run("render", "--out", data, "--count", COUNT, "--seed", "5", "--set", "render.image_px=96",
    "--set", "render.rgb_px=48", "--set", "render.two_hands=0.5", "--set", "render.left_hands=0.5",
    "--set", "render.light.shader=fast", "--set", "render.tuples_per_shard=15")
split = folder / "split"
drawn = summary(run("split", data, "--out", split, "--by", "image", "--validation", "0.2", "--test", "0.2",
                    "--labelled", "0.8", "--json"))
assert min(drawn["split"].values()) > 0, drawn

shards = [h5py.File(path) for path in sorted((split / "shards").glob("*.h5"))]


def column(name):
    return numpy.concatenate([shard[name][:] for shard in shards])


rows = {name: column(name) for name in ("rgb", "depth", "mask", "joints_3d", "joints_2d", "visible", "K",
                                        "handedness", "bbox", "split", "labelled", "image_id", "subject", "present")}
assert len(rows["rgb"]) == COUNT and 0 < rows["labelled"].sum() < COUNT
assert 0 < rows["handedness"].sum() < COUNT and len(set(rows["image_id"])) < COUNT
SPLITS = ("train", "validation", "test")


def on_rgb(points):
    return (numpy.asarray(points, "f8") + 0.5) / 2 - 0.5


def close(a, b, tolerance=1e-4):
    assert numpy.abs(numpy.asarray(a, "f8") - numpy.asarray(b, "f8")).max() <= tolerance, (a, b)


# ---- COCO ----------------------------------------------------------------------------------------------------
coco = folder / "coco"
counts = summary(run("export", split, "--coco", coco, "--threads", "2", "--json"))
images_seen, rows_seen = {}, set()
for number, name in enumerate(SPLITS):
    content = json.loads((coco / f"annotations/{name}.json").read_text())
    (category,) = content["categories"]
    assert len(category["keypoints"]) == 21 and category["keypoints"][5] == "forefinger1"
    assert {a for pair in category["skeleton"] for a in pair} == set(range(1, 22))
    images = {image["id"]: image for image in content["images"]}
    assert len(images) == len(content["images"]) == counts["images"][name]
    assert len(content["annotations"]) == counts["annotations"][name]
    assert len({a["id"] for a in content["annotations"]}) == len(content["annotations"])
    for image in images.values():
        row = int(pathlib.Path(image["file_name"]).stem)
        assert image["id"] >= 1 and rows["split"][row] == number
        rgb = cv2.cvtColor(cv2.imread(str(coco / image["file_name"])), cv2.COLOR_BGR2RGB)
        assert numpy.array_equal(rgb, rows["rgb"][row])
        assert rgb.shape[:2] == (image["height"], image["width"])
        depth = cv2.imread(str(coco / image["depth_file_name"]), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == numpy.uint16 and numpy.array_equal(depth, rows["depth"][row])
        assert abs(image["depth_scale_mm"] - shards[0]["depth"].attrs["scale_mm"]) < 1e-6
        images_seen[name, image["id"]] = row
    for annotation in content["annotations"]:
        row = annotation["id"] - 1
        rows_seen.add(row)
        shown = images_seen[name, annotation["image_id"]]
        assert rows["image_id"][shown] == rows["image_id"][row]
        assert numpy.array_equal(rows["rgb"][shown], rows["rgb"][row])
        assert annotation["category_id"] == category["id"] and annotation["iscrowd"] == 0
        assert annotation["handedness"] == ("left", "right")[rows["handedness"][row]]
        mask = cv2.imread(str(coco / annotation["mask_file_name"]), cv2.IMREAD_UNCHANGED)
        assert numpy.array_equal(mask, rows["mask"][row])
        # Pixels of the mask are half of one of the colours'.
        ys, xs = numpy.nonzero((mask >= 1) & (mask <= 16))
        close(annotation["bbox"],
              numpy.array([xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]) / 2)
        assert annotation["area"] == len(xs) / 4
        assert numpy.array_equal(numpy.array(annotation["joints_3d_mm"], "f4"), rows["joints_3d"][row])
        points = numpy.array(annotation["keypoints"]).reshape(21, 3)
        v = points[:, 2]
        visible = rows["visible"][row]
        assert numpy.array_equal(v, numpy.where(visible == 0, 0, numpy.where(visible == 1, 2, 1)))
        close(points[v > 0, :2], on_rgb(rows["joints_2d"][row])[v > 0])
        assert not points[v == 0].any() and annotation["num_keypoints"] == (v > 0).sum()
        # K projects the joints to the keypoints: one pixel convention, one grid.
        projected = numpy.array(annotation["joints_3d_mm"]) @ numpy.array(annotation["K"]).T
        close((projected[:, :2] / projected[:, 2:])[v > 0], points[v > 0, :2], 0.05)
assert rows_seen == set(numpy.flatnonzero(rows["labelled"])), "annotations of the labelled rows, all of them"
assert len(images_seen) < COUNT, "hands of one picture share it"

# ---- WebDataset ----------------------------------------------------------------------------------------------
tars = folder / "tars"
counts = summary(run("export", split, "--webdataset", tars, "--json"))
FIELDS = ["depth.npy", "json", "mask.png", "rgb.png"]
assert counts["fields"] == FIELDS
keys = set()
for number, name in enumerate(SPLITS):
    with tarfile.open(tars / f"{name}-000000.tar") as tar:
        members = tar.getmembers()
        samples = {}
        for member in members:
            assert member.isreg() and member.mode == 0o444 and member.mtime == member.uid == member.gid == 0
            assert member.uname == member.gname == "" and not member.pax_headers
            key, field = member.name.split(".", 1)  # as the readers split it
            samples.setdefault(key, []).append(field)
        # All of a sample lie together, in one order.
        assert [m.name for m in members] == [f"{k}.{f}" for k in samples for f in samples[k]]
        assert all(fields == FIELDS for fields in samples.values())
        assert len(samples) == counts["samples"][name]
        for key in samples:
            keys.add(key)
            row = int(key)
            read = {f: tar.extractfile(f"{key}.{f}").read() for f in FIELDS}
            assert rows["split"][row] == number
            depth = folder / "depth.npy"
            depth.write_bytes(read["depth.npy"])
            depth = numpy.load(depth, allow_pickle=False)
            assert depth.dtype == numpy.uint16 and numpy.array_equal(depth, rows["depth"][row])
            rgb = cv2.imdecode(numpy.frombuffer(read["rgb.png"], "u1"), cv2.IMREAD_UNCHANGED)
            assert numpy.array_equal(rgb[..., ::-1], rows["rgb"][row])
            mask = cv2.imdecode(numpy.frombuffer(read["mask.png"], "u1"), cv2.IMREAD_UNCHANGED)
            assert numpy.array_equal(mask, rows["mask"][row])
            labels = json.loads(read["json"])
            assert labels["split"] == name and labels["labelled"] == bool(rows["labelled"][row])
            assert labels["handedness"] == ("left", "right")[rows["handedness"][row]]
            assert labels["visible"] == rows["visible"][row].tolist()
            assert labels["image_id"] == rows["image_id"][row] and labels["subject"] == rows["subject"][row]
            assert labels["present"] == ["rgb", "depth", "mask", "joints_3d", "joints_2d"]
            for field, stored in (("joints_2d_px", "joints_2d"), ("bbox", "bbox"), ("K", "K")):
                assert numpy.array_equal(numpy.array(labels["depth"][field], "f4"), rows[stored][row]), field
            assert numpy.array_equal(numpy.array(labels["joints_3d_mm"], "f4"), rows["joints_3d"][row])
            close(labels["rgb"]["joints_2d_px"], on_rgb(rows["joints_2d"][row]))
            assert labels["rgb"]["size_px"] == 48 and labels["depth"]["size_px"] == 96
            assert abs(labels["depth"]["scale_mm"] - 0.1) < 1e-6
assert keys == {f"{row:08d}" for row in range(COUNT)}

# ---- What is refused, what is left ---------------------------------------------------------------------------
assert "is there already and no empty folder" in run("export", split, "--coco", coco, code=2).stderr
assert "is there already" in run("export", split, "--webdataset", split, code=2).stderr
for arguments in ((), ("--coco", folder / "a", "--webdataset", folder / "b"), ("--mesh", "a.obj", "--coco", "b")):
    assert "one of --mesh FILE, --coco DIR and --webdataset DIR" in run("export", split, *arguments, code=2).stderr
assert "--mesh alone" in run("export", split, "--coco", folder / "a", "--index", "1", code=2).stderr
assert "no such folder" in run("export", folder / "nothing", "--coco", folder / "a", code=3).stderr
run("export", split, "--mesh", folder / "hand.obj", "--index", "3")

print("ok")
