#!/usr/bin/python3
"""Mean of the weights of models that went on from one another (Izmailov et al., Averaging weights
leads to wider optima and better generalization, UAI 2018).

average_models.py OUT MODEL MODEL [...]

Models are files of handforge (vae/MODEL.md) with the same networks. Metadata and stored posteriors
(`latent.*`) are the first one's. The averaged encoders give other posteriors: make these anew by a
training step from OUT (`train.start`).
"""
import hashlib
import json
import pathlib
import struct
import sys

import numpy

FLOATS = {"F32": "<f4", "F16": "<f2"}


def read(file):
    """Header and payload of a safetensors file."""
    data = pathlib.Path(file).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + size]), data[8 + size:]


def array_of(file, header, payload, name, like):
    entry = header.get(name)
    if entry is None or (entry["dtype"], entry["shape"]) != (like["dtype"], like["shape"]):
        sys.exit(f"{file}: array {name} is {entry and (entry['dtype'], entry['shape'])}; "
                 f"the first model has {like['dtype'], like['shape']}")
    begin, end = entry["data_offsets"]
    return numpy.frombuffer(payload[begin:end], FLOATS[like["dtype"]]).astype(float)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    out, files = sys.argv[1], sys.argv[2:]
    models = [read(file) for file in files]
    header, payload = models[0][0], bytearray(models[0][1])
    for name, entry in header.items():
        if entry.get("dtype") not in FLOATS or name.startswith("latent."):
            continue
        arrays = [array_of(file, *model, name, entry) for file, model in zip(files, models)]
        begin, end = entry["data_offsets"]
        payload[begin:end] = numpy.mean(arrays, 0).astype(FLOATS[entry["dtype"]]).tobytes()
    header["__metadata__"]["payload_sha256"] = hashlib.sha256(payload).hexdigest()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    pathlib.Path(out).write_bytes(struct.pack("<Q", len(text)) + text + payload)


main()
