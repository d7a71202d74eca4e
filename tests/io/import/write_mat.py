"""Writes a MATLAB file for the tests of io/import: by SciPy, or byte by byte what SciPy never writes.

usage: write_mat.py FILE LAYOUT NAME TYPE SHAPE VALUES
  LAYOUT  plain: uncompressed; packed: compressed; v4: version 4
          narrow: class double stored as int16; swapped: class double, bytes in big-endian order
  TYPE    NumPy's name of the type ("float32", "bool", "complex", ...), or "text"
  SHAPE   3,21,5
  VALUES  file of little-endian float64, the last index running fastest
"""

import struct
import sys

import numpy
import scipy.io


def element(order, kind, data):
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def by_hand(name, array, order, kind, storage):
    """One array of class double (6) in an element of type miMATRIX (14)."""
    numbers = array.astype(order + storage).tobytes(order="F")
    matrix = element(order, 6, struct.pack(order + "II", 6, 0))
    matrix += element(order, 5, struct.pack(order + str(array.ndim) + "i", *array.shape))
    matrix += element(order, 1, name.encode()) + element(order, kind, numbers)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100)
    header += b"IM" if order == "<" else b"MI"
    return header + element(order, 14, matrix)


def main():
    path, layout, name, kind, shape, values = sys.argv[1:]
    shape = [int(length) for length in shape.split(",")]
    array = numpy.fromfile(values, dtype="<f8").reshape(shape)
    if layout == "narrow":
        data = by_hand(name, array, "<", 3, "i2")
    elif layout == "swapped":
        data = by_hand(name, array, ">", 9, "f8")
    else:
        data = None
    if data is not None:
        with open(path, "wb") as file:
            file.write(data)
        return
    if kind == "text":
        array = "some words"
    else:
        array = array.astype(kind) * (1 + 1j if kind == "complex" else 1)
    version = "4" if layout == "v4" else "5"
    # NYU's file begins with a cell of names, too.
    names = {} if layout == "v4" else {"names": numpy.array([["a", "bc"]], dtype=object)}
    scipy.io.savemat(path, {**names, name: array}, do_compression=layout == "packed", format=version)


main()
