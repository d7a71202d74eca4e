"""Writes a small HO-3D in the published layout for ho3d_test.cc.

usage: write_ho3d.py FOLDER v2|v3 PROTOCOL
  PROTOCOL  of the pickles: 2 to 5 as Python 3 writes them, python2 as Python 2 did

Joint k (in MANO's order) of frame n of sequence s, in OpenGL's axes and metres:
  x = 0.01 k - 0.1 + 0.001 n    y = 0.05 s - 0.003 k k    z = -(0.5 + 0.002 k + 0.01 n)
and fx = 610 + s, fy = 611 + s, cx = 312.5, cy = 241.25.
"""
import json
import pathlib
import pickle
import struct
import sys

import cv2
import numpy as np

SEQUENCES = ["ABF10", "ABF12", "SM1", "SB10", "SB11", "MPM10"]
TRAIN = ["ABF10/0003", "ABF10/0000", "ABF12/0003", "SM1/0041", "SM1/0040", "SB10/0001"]
EVALUATION = ["SB11/0001", "MPM10/0007", "SB11/0002"]
NOT_LABELLED = "SM1/0040"


def joints(sequence, frame):
    k = np.arange(21)
    return np.stack([0.01 * k - 0.1 + 0.001 * frame,
                     0.05 * sequence - 0.003 * k * k,
                     -(0.5 + 0.002 * k + 0.01 * frame)], axis=1)


def python2(value):
    """What cPickle of Python 2 writes in protocol 2: texts are bytes, flags are numbers."""
    def text(data):
        if len(data) < 256:
            return b"U" + bytes([len(data)]) + data
        return b"T" + struct.pack("<i", len(data)) + data

    def of(value):
        if value is None:
            return b"N"
        if isinstance(value, str):
            return text(value.encode())
        if isinstance(value, (list, tuple)):
            items = b"".join(map(of, value))
            return b"](" + items + b"e" if isinstance(value, list) else b"(" + items + b"t"
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        assert isinstance(value, np.ndarray)
        name = value.dtype.str[1:].encode()
        dtype = (b"cnumpy\ndtype\n" + text(name) + b"K\x00K\x01\x87R(K\x03" + text(b"<")
                 + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
        return (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
                + of(value.shape) + dtype + b"\x89" + text(value.tobytes()) + b"tb")

    items = b"".join(text(key.encode()) + of(item) for key, item in value.items())
    written = b"\x80\x02}(" + items + b"u."
    back = pickle.loads(written, encoding="latin1")
    assert all(np.array_equal(back[key], item) for key, item in value.items())
    return written


def dump(value, protocol):
    return python2(value) if protocol == "python2" else pickle.dumps(value, int(protocol))


def meta(name, evaluation):
    sequence, frame = name.split("/")
    number = SEQUENCES.index(sequence)
    hand = joints(number, int(frame))
    value = {
        "camMat": np.array([[610 + number, 0, 312.5], [0, 611 + number, 241.25], [0, 0, 1.0]]),
        "handJoints3D": hand[0].astype("f4") if evaluation else hand,
        "objRot": np.zeros((3, 1)), "objTrans": np.zeros(3, "f4"), "objName": "021_bleach_cleanser",
        "objLabel": 12, "camIDList": ["1", "4"],
    }
    if evaluation:
        value["handBoundingBox"] = [10, 20, 30, 40]
    if name == NOT_LABELLED:
        value.update(handJoints3D=None, objRot=None, objTrans=None)
    return value


def write_pictures(folder, name, extension, seed):
    sequence, frame = name.split("/")
    x, y = 600 - seed, 7 + seed
    rgb = np.zeros((480, 640, 3), "u1")
    rgb[y - 3:y + 4, x - 3:x + 4] = (10, 120, 230)  # blue, green, red
    cv2.imwrite(str(folder / sequence / "rgb" / f"{frame}.{extension}"), rgb)
    depth = np.zeros((480, 640, 3), "u1")
    depth[y, x] = (77, 15, 200)  # 200 + 256 15 numbers
    depth[y, x + 1] = (77, 204, 210)  # 52434, the last that 16 bits hold in tenths of mm
    depth[y, x + 2] = (77, 204, 211)
    depth[y, x + 3] = (255, 255, 255)
    cv2.imwrite(str(folder / sequence / "depth" / f"{frame}.png"), depth)


def main():
    root, version, protocol = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for split, names in (("train", TRAIN), ("evaluation", EVALUATION)):
        for seed, name in enumerate(names):
            sequence, frame = name.split("/")
            folder = root / split / sequence
            for kind in ("rgb", "depth", "meta"):
                (folder / kind).mkdir(parents=True, exist_ok=True)
            value = meta(name, split == "evaluation")
            (folder / "meta" / f"{frame}.pkl").write_bytes(dump(value, protocol))
            write_pictures(root / split, name, "png" if version == "v2" else "jpg", seed)
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    xyz = []
    for name in EVALUATION:
        sequence, frame = name.split("/")
        xyz.append(joints(SEQUENCES.index(sequence), int(frame)).tolist())
    (root / "evaluation_xyz.json").write_text(json.dumps(xyz))


main()
