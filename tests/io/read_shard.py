"""Reads a shard with h5py and compares it, value by value, with raw columns beside an index.

usage: read_shard.py SHARD EXPECTED
EXPECTED/columns.txt holds a line per column: "NAME NUMPY_TYPE DIM0,DIM1,..."; the values lie in
EXPECTED/NAME.raw. EXPECTED/attributes.json holds text and list attributes of the root.
"""
import json
import pathlib
import sys

import h5py
import numpy as np


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def main():
    shard, expected = sys.argv[1], pathlib.Path(sys.argv[2])
    lines = (expected / "columns.txt").read_text().splitlines()
    attributes = json.loads((expected / "attributes.json").read_text())
    with h5py.File(shard, "r") as file:
        assert sorted(file) == sorted(line.split()[0] for line in lines), sorted(file)
        for line in lines:
            name, dtype, shape = line.split()
            shape = tuple(int(extent) for extent in shape.split(","))
            want = np.fromfile(expected / f"{name}.raw", dtype=dtype).reshape(shape)
            column = file[name]
            assert column.shape == shape, (name, column.shape, shape)
            assert column.dtype == np.dtype(dtype), (name, column.dtype, dtype)
            assert column.chunks is not None and not column.is_virtual and not column.external
            assert column.attrs["description"], name
            assert np.array_equal(column[...], want), name
        for name, value in attributes.items():
            assert plain(file.attrs[name]) == value, (name, file.attrs[name], value)
        assert file["depth"].attrs["scale_mm"] == 0.1
        assert file.attrs["edges"].shape == (20, 2)
    print("equal", len(lines))


main()
