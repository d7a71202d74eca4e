#!/usr/bin/python3
"""A dataset without labels (io/FORMAT.md) out of your own pictures, for semi-supervised training.

import_pictures.py PICTURES PREDICTIONS OUT [--px 128]

PICTURES: folder of colour pictures. PREDICTIONS: predictions.json that `handforge predict` made of them,
with or without boxes: where the hands are and which side they are. OUT: folder to write, which must
not hold a dataset. Each hand becomes a row with `labelled` 0 and `present` 1 (rgb alone); its crop is
the one that was looked at, its camera a nominal one. Then

  handforge verify OUT
  handforge train ... --set train.data=[LABELLED,OUT] --set train.teachers=[MODEL]

Needs h5py, numpy and OpenCV (Debian: python3-h5py python3-opencv).
"""
import argparse
import hashlib
import json
import pathlib
import sys

import cv2
import h5py
import numpy

GENERATOR = "handforge import_pictures.py"
TUPLES_PER_SHARD = 512
FOCAL_OVER_SIZE = 3.44  # of the crops that the default model is trained on
HAS_RGB, IMPORTED, UNKNOWN = 1, 2, 255
JOINT_NAMES = ["wrist"] + [f"{finger}_{joint}"
                           for finger, joints in [("thumb", ("cmc", "mcp", "ip", "tip"))]
                           + [(finger, ("mcp", "pip", "dip", "tip"))
                              for finger in ("index", "middle", "ring", "little")]
                           for joint in joints]
FINGERS = ("thumb", "index", "middle", "ring", "little")
# What io/FORMAT.md wants every shard to say of itself, in the words of io/shard_writer.cc and
# io/tuple_columns.cc (tests/tools/import_pictures_test.py compares them).
FIXED_ATTRIBUTES = {
    "format_version": numpy.int32(1),
    "units": "mm",
    "conventions":
        "Camera frame: x right, y down, z forward, right-handed, millimetres. "
        "Integer pixel coordinates are pixel centres: an image of width W spans -0.5 to W - 0.5. "
        "depth, mask, joints_2d, bbox and K share one pixel grid; rgb and alpha cover the same field "
        "of view on their own grid, x_rgb = (x + 0.5) * W_rgb / W - 0.5. "
        "depth is z along the optical axis in units of scale_mm, 0 = background. "
        "mask holds part ids (part_names), 18 and above other objects. "
        "visible holds positions in visibility_names, 255 = unknown.",
    "joint_names": JOINT_NAMES,
    "edges": numpy.array([(0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21)], "i4"),
    "part_names": ["background", "palm"] + [
        f"{finger}_{segment}" for finger in FINGERS
        for segment in (("metacarpal" if finger == "thumb" else "proximal"),
                        ("proximal" if finger == "thumb" else "intermediate"), "distal")
    ] + ["forearm", "object", "other_hand"],
    "visibility_names": ["out_of_frame", "visible", "hidden_by_hand", "hidden_by_arm",
                         "hidden_by_occluder", "hidden_by_other_hand", "hidden"],
    "handedness_names": ["left", "right"],
    "split_names": ["train", "validation", "test"],
    "source_names": ["rendered", "decoded", "imported", "pseudo"],
    "present_bits": ["rgb", "depth", "mask", "joints_3d", "joints_2d", "alpha", "rig", "z"],
}
DESCRIPTIONS = {
    "K": "pinhole matrix of the grid of depth and mask, px; pixel centres at integers",
    "attempt": "which attempt was accepted: (seed, index, attempt) replays",
    "bbox": "box around the hand's mask on the grid of depth, px: x, y, w, h",
    "depth": "z along the optical axis in units of scale_mm; 0 = background",
    "frame": "frame within the sequence",
    "gesture": "position in attribute gesture_names; -1 = unknown",
    "handedness": "0 left, 1 right",
    "image_id": "shared by hands of one image; -1 = unknown",
    "index": "number of the tuple in the run",
    "joints_2d": "joints on the grid of depth, px: u, v",
    "joints_3d": "joints in the camera frame, mm: x right, y down, z forward",
    "labelled": "1 = use the labels to train",
    "mask": "part id: 0 background, 1 palm, 2-16 segments, 17 forearm, 18+ other",
    "present": "bit k: modality k of attribute present_bits is there",
    "rgb": "colour image of the same field of view, its own grid",
    "rig_origin": "origin of each bone in the camera frame, mm",
    "rig_rotation": "orientation of each bone, unit quaternion x, y, z, w",
    "rig_scale": "scale of each bone: breadth, thickness, length; 1 = as modelled",
    "seed": "seed of the run",
    "sequence_id": "-1 = no sequence",
    "source": "0 rendered, 1 decoded, 2 imported, 3 pseudo-labelled",
    "split": "0 train, 1 validation, 2 test",
    "subject": "one hand shape and skin; -1 = unknown",
    "view_id": "camera among those of one scene",
    "visible": "per joint, see attribute visibility_names; 255 = unknown",
}


def crops(pictures, predictions):
    """(name, crop_px, side) of each hand, in the order of the names."""
    for name in sorted(predictions):
        hands = predictions[name]
        for hand in hands if isinstance(hands, list) else [hands]:
            if hand is not None:
                yield pictures / name, hand["crop_px"], hand["handedness"]


def cut(picture, crop_px, px):
    """The square {px, px, 3}; beyond its edges the picture is mirrored, as in training."""
    x, y, side = crop_px
    side_px = max(1, round(side))
    left, top = round(x - (side_px - 1) / 2), round(y - (side_px - 1) / 2)
    height, width = picture.shape[:2]
    inside = picture[max(0, top):max(0, top + side_px), max(0, left):max(0, left + side_px)]
    if inside.size == 0:
        return None
    crop = cv2.copyMakeBorder(inside, max(0, -top), max(0, top + side_px - height), max(0, -left),
                              max(0, left + side_px - width), cv2.BORDER_REFLECT_101)
    return cv2.resize(crop, (px, px),
                      interpolation=cv2.INTER_AREA if side_px > px else cv2.INTER_LINEAR)


def read(file):
    """Colours {H, W, 3} in RGB, or none."""
    picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if picture is None or (picture.ndim == 2 and picture.dtype != numpy.uint8):
        return None
    return cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def columns(rows, first, px):
    """All columns of rows [(rgb, side, number of the picture)], by name."""
    count = len(rows)
    focal = FOCAL_OVER_SIZE * px
    camera = numpy.array([[focal, 0, (px - 1) / 2], [0, focal, (px - 1) / 2], [0, 0, 1]], "f4")
    index = numpy.arange(first, first + count)
    zeros = lambda shape, kind: numpy.zeros((count, *shape), kind)
    minus_one = lambda kind: numpy.full(count, -1, kind)
    return {
        "rgb": numpy.stack([rgb for rgb, _, _ in rows]),
        "depth": zeros((px, px), "u2"),
        "mask": zeros((px, px), "u1"),
        "joints_3d": zeros((21, 3), "f4"),
        "joints_2d": zeros((21, 2), "f4"),
        "visible": numpy.full((count, 21), UNKNOWN, "u1"),
        "bbox": zeros((4,), "f4"),
        "K": numpy.broadcast_to(camera, (count, 3, 3)),
        "handedness": numpy.array([0 if side == "left" else 1 for _, side, _ in rows], "u1"),
        "labelled": zeros((), "u1"),
        "present": numpy.full(count, HAS_RGB, "u4"),
        "source": numpy.full(count, IMPORTED, "u1"),
        "split": zeros((), "u1"),
        "index": index.astype("u8"),
        "image_id": numpy.array([picture for _, _, picture in rows], "i8"),
        "seed": zeros((), "u8"),
        "attempt": zeros((), "u4"),
        "view_id": zeros((), "i4"),
        "frame": zeros((), "i4"),
        "gesture": minus_one("i4"),
        "subject": minus_one("i8"),
        "sequence_id": minus_one("i8"),
        "rig_origin": zeros((21, 3), "f4"),
        "rig_rotation": zeros((21, 4), "f4"),
        "rig_scale": zeros((21, 3), "f4"),
    }


def write_shard(file, rows, first, px, run):
    """Whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    with h5py.File(beside, "w", libver=("earliest", "v108")) as shard:
        for name, value in (FIXED_ATTRIBUTES | run).items():
            shard.attrs[name] = value
        shard.attrs["licences"] = numpy.array([], h5py.string_dtype())
        for name, values in columns(rows, first, px).items():
            picture = name in ("rgb", "depth", "mask")
            column = shard.create_dataset(name, data=values, shuffle=True, compression="gzip",
                                          chunks=(1, *values.shape[1:]) if picture else values.shape)
            column.attrs["description"] = DESCRIPTIONS[name]
            if name == "depth":
                column.attrs["scale_mm"] = 0.1
    beside.rename(file)


def description_of_run(predictions_file, wanted, px):
    """What the rows hang on; another import is another run, so that `handforge merge` can join them."""
    content = hashlib.sha256(predictions_file.read_bytes())
    for name in sorted({str(file) for file, _, _ in wanted}):
        content.update(pathlib.Path(name).name.encode())
        if pathlib.Path(name).is_file():
            content.update(hashlib.sha256(pathlib.Path(name).read_bytes()).digest())
    config = f"px: {px}\npictures_and_predictions_sha256: {content.hexdigest()}\n"
    return {"generator": GENERATOR, "command": "import", "config": config,
            "config_sha256": hashlib.sha256(config.encode()).hexdigest(), "model_sha256": "",
            "mesh_sha256": ""}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--px", type=int, default=128, help="side of the crops [128]")
    options = parser.parse_args()
    if not 32 <= options.px <= 2048:
        sys.exit(f"--px {options.px}: expected 32 to 2048")
    if (options.out / "dataset.json").exists() or list(options.out.glob("shards/*.h5")):
        sys.exit(f"{options.out} holds a dataset, or shards of one that was broken off; choose another "
                 "folder or remove it")
    try:
        predictions = json.loads(options.predictions.read_text())
        wanted = list(crops(options.pictures, predictions))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"{options.predictions}: not as `handforge predict` writes it ({error!r})")

    run = description_of_run(options.predictions, wanted, options.px)
    shards, rows, skipped, count = [], [], [], 0
    (options.out / "shards").mkdir(parents=True, exist_ok=True)

    def flush():
        name = f"shards/{len(shards):05d}.h5"
        write_shard(options.out / name, rows, count, options.px, run)
        data = (options.out / name).read_bytes()
        shards.append({"file": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data),
                       "first_index": count, "tuples": len(rows)})
        rows.clear()

    last, picture, number = None, None, -1
    for file, crop_px, side in wanted:
        if file != last:
            last, picture, number = file, read(file), number + 1
        crop = None if picture is None else cut(picture, crop_px, options.px)
        if crop is None:
            skipped.append(str(file))
            continue
        rows.append((crop, side, number))
        if len(rows) == TUPLES_PER_SHARD:
            flush()
            count += TUPLES_PER_SHARD
    if rows:
        last_rows = len(rows)
        flush()
        count += last_rows
    for file in skipped:
        print(f"skipped {file}: no colour picture that can be read, or its hand lies outside",
              file=sys.stderr)
    if count == 0:
        sys.exit(f"{options.predictions}: none of its {len(wanted)} hands could be used")
    manifest = {
        "format_version": 1, "generator": GENERATOR, "command": "import", "seed": 0, "count": count,
        "layout": {"image_px": options.px, "rgb_px": options.px, "latent_dim": 0, "decoded": False},
        "config": run["config"], "config_sha256": run["config_sha256"], "model_sha256": "",
        "mesh_sha256": "", "licences": [], "rejections": {},
        "shards": shards}
    # Written last, and whole or not at all: without it there is no dataset.
    beside = options.out / ".dataset.json.new"
    beside.write_text(json.dumps(manifest, indent=1) + "\n")
    beside.rename(options.out / "dataset.json")
    print(f"wrote {count} unlabelled hands to {options.out}, {len(skipped)} skipped")


if __name__ == "__main__":
    main()
