"""Writes pickles that tests read back.

usage: write_pickles.py values FILE PROTOCOL    every kind of value that io/import/pickle.h names
       write_pickles.py rhd FILE PROTOCOL RAW   labels of pictures in the layout of RHD; RAW holds per
                                                picture its number and the numbers of xyz, uv_vis, K
       write_pickles.py refused FOLDER          what must be refused
       write_pickles.py corpus FOLDER           small ones for tests/fuzz/corpus/pickle
"""
import os
import pathlib
import pickle
import sys

import numpy as np


def values():
    grid = np.arange(6, dtype="f4").reshape(2, 3) + np.float32(0.5)
    arrays = {t: np.array([[1, 0, 3], [4, 5, 6]], t) for t in
              ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")}
    for t in ("i1", "i2", "i4", "i8", "f4", "f8"):
        arrays[t] -= 2
    for t in ("u1", "u2", "u4"):
        arrays[t][0, 1] = np.iinfo(t).max
    return {
        "none": None, "flags": [True, False], "float": -0.1,
        "numbers": [0, 255, 256, 65535, 65536, -1, 2**31 - 1, -2**31, 2**31, 2**63 - 1, -2**63],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "text": "hé", "long text": "x" * 300, "bytes": bytes(range(256)), "long bytes": b"\x80" * 300,
        "lists": [[], [1], {}], 7: grid, -7: grid, "shared": [grid, grid],
        "fortran": np.asfortranarray(np.arange(24, dtype="f8").reshape(2, 3, 4)),
        "transposed": grid.T, "scalar": np.array(2.5), "arrays": arrays,
        "numpy numbers": [np.float64(-0.1), np.float32(2.5), np.int16(-7), np.bool_(True)],
        # More than a one-byte memo can number.
        "many": {i: f"text {i}" for i in range(300)}, "again": ["text 299", grid],
    }


def rhd():
    raw = np.fromfile(sys.argv[4], [("number", "i8"), ("xyz", "f4", (42, 3)),
                                    ("uv_vis", "f4", (42, 3)), ("K", "f4", (3, 3))])
    return {int(p["number"]): {key: p[key].copy() for key in ("xyz", "uv_vis", "K")} for p in raw}


class Touch:
    """Leaves a file behind where it is executed."""
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def refused(folder):
    def write(name, value, protocol=4):
        (folder / name).write_bytes(pickle.dumps(value, protocol))

    for protocol in (2, 3, 4, 5):
        write(f"system{protocol}", {1: Touch(folder / "executed")}, protocol)
    write("objects", np.array([None, "a"], object))
    write("big_endian", np.zeros(3, ">f4"))
    write("structures", np.zeros(3, [("a", "f4")]))
    write("long_integer", 2**64)
    write("complex", np.zeros(1, "c8"))
    write("set", {1, 2})


def corpus(folder):
    grid = np.array([[0.5, -1], [2, 3]], "f4")
    value = {7: {"xyz": grid, "K": np.asfortranarray(grid)}, "n": [None, True, -1, 300, 2**40, 0.1],
             "t": ((), (1,), (1, 2)), "b": b"\x80\x00", "s": np.float32(2.5)}
    for protocol in (2, 3, 4, 5):
        (folder / f"protocol{protocol}").write_bytes(pickle.dumps(value, protocol))


if sys.argv[1] in ("refused", "corpus"):
    {"refused": refused, "corpus": corpus}[sys.argv[1]](pathlib.Path(sys.argv[2]))
else:
    pathlib.Path(sys.argv[2]).write_bytes(
        pickle.dumps({"values": values, "rhd": rhd}[sys.argv[1]](), int(sys.argv[3])))
