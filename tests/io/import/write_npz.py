"""Writes files of numpy arrays for npz_file_test.cc and tests/fuzz/corpus/npz_file.

usage: write_npz.py values FOLDER    packed.npz and stored.npz, of the same arrays
       write_npz.py refused FOLDER   what must be refused, a file for each case
       write_npz.py corpus FOLDER
"""
import io
import pathlib
import sys
import zipfile

import numpy as np
from numpy.lib import format as npy

GRID = np.arange(6, dtype="f4").reshape(2, 3) + np.float32(0.5)


def values(folder):
    arrays = {t: np.array([[1, 0, 3], [4, 5, 6]], t) for t in
              ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")}
    for t in ("i1", "i2", "i4", "i8", "f4", "f8"):
        arrays[t] -= 2
    arrays.update(fortran=np.asfortranarray(np.arange(24, dtype="f8").reshape(2, 3, 4)),
                  one_axis=np.arange(5, dtype="i4"), single=np.array(2.5), none=np.zeros((0, 3)))
    np.savez_compressed(folder / "packed.npz", **arrays)
    np.savez(folder / "stored.npz", **arrays)
    for version in ((1, 0), (2, 0), (3, 0)):
        write(folder / f"version{version[0]}.npz", as_npy(GRID, version))
    with zipfile.ZipFile(folder / "bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("grid.npy", as_npy(GRID))


def as_npy(array, version=None):
    stream = io.BytesIO()
    npy.write_array(stream, array, version)
    return stream.getvalue()


def write(file, data, name="grid.npy"):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)


def header(text):
    data = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


def refused(folder):
    for name, array in (("big_endian", GRID.astype(">f4")), ("complex", GRID.astype("c8")),
                        ("half", GRID.astype("f2")), ("text", np.full((2, 3), "ab")),
                        ("structures", np.zeros((2, 3), [("a", "f4")])), ("transposed", GRID.T),
                        ("objects", np.full((2, 3), None)), ("flat", GRID.ravel())):
        np.savez_compressed(folder / f"{name}.npz", grid=array)
    write(folder / "bomb.npz", bytes(1 << 28))
    write(folder / "other.npz", as_npy(GRID), "grod.npy")
    with zipfile.ZipFile(folder / "many.npz", "w") as archive:
        for i in range(30):
            archive.writestr(f"array{i:02}\n.npy", b"")
    write(folder / "no_npy.npz", b"not an array")
    write(folder / "empty.npz", b"")
    good = as_npy(GRID)
    write(folder / "short.npz", good[:-1])
    write(folder / "long.npz", good + b"\0")
    write(folder / "version4.npz", good[:6] + b"\x04" + as_npy(GRID, (2, 0))[7:])
    write(folder / "cut_header.npz", good[:60])
    write(folder / "long_header.npz", good[:8] + b"\xff\xff" + good[10:])
    fields = {"descr": "'<f4'", "fortran_order": "False", "shape": "(2, 3)"}
    for name, changes in (("no_descr", {"descr": None}), ("no_order", {"fortran_order": None}),
                          ("no_shape", {"shape": None}), ("negative", {"shape": "(-2, 3)"}),
                          ("huge", {"shape": "(4611686018427387906, 3)"}),
                          ("beyond", {"shape": "(99999999999999999999, 3)"}),
                          ("words", {"shape": "(two, 3)"}), ("odd_order", {"fortran_order": "0"})):
        text = ", ".join(f"'{k}': {v}" for k, v in {**fields, **changes}.items() if v is not None)
        write(folder / f"{name}.npz", header("{" + text + ", }") + GRID.tobytes())
    (folder / "no_zip.npz").write_bytes(good)
    (folder / "nothing.npz").write_bytes(b"")
    (folder / "folder.npz").mkdir()


def corpus(folder):
    np.savez_compressed(folder / "packed", grid=GRID)
    np.savez(folder / "stored", grid=GRID, other=np.zeros(1))


{"values": values, "refused": refused, "corpus": corpus}[sys.argv[1]](pathlib.Path(sys.argv[2]))
