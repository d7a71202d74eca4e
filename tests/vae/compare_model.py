"""Compares tools/handforge_model.py with what HandVae said of the same numbers.

usage: compare_model.py TOOLS MODEL FOLDER
FOLDER holds float32 files: encode_M.input, encode_M.mean, encode_M.logvar of each modality M with
an encoder, z of {rows, latent_dim}, decode_M of each with a decoder (rgb: uint8).
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
import handforge_model  # noqa: E402

TOLERANCE = 1e-4
LEFT = [True, False, False, True, False]  # for models that are told


def main():
    model = handforge_model.load(sys.argv[2])
    folder = pathlib.Path(sys.argv[3])
    px, dim = model.options["rgb_px"], model.options["latent_dim"]
    shapes = {"rgb": (px, px, 3), "depth": (px, px), "2d": (21, 2), "3d": (21, 3)}

    def read(name, shape, dtype="<f4"):
        return np.fromfile(folder / name, dtype).reshape(-1, *shape)

    def check(name, said, expected, tolerance):
        worst = np.abs(np.asarray(said, np.float64) - expected).max()
        scale = max(1.0, np.abs(expected).max())
        print(f"{name}: {len(expected)} rows, worst difference {worst:.2e}, scale {scale:.2f}")
        assert expected.std() > 0, f"{name} is constant"
        assert worst <= tolerance * scale, name

    for name in model.info["encoders"]:
        mean, logvar = model.encode(name, read(f"encode_{name}.input", shapes[name]), LEFT)
        check(f"mean of {name}", mean, read(f"encode_{name}.mean", (dim,)), TOLERANCE)
        check(f"logvar of {name}", logvar, read(f"encode_{name}.logvar", (dim,)), TOLERANCE)
    codes = read("z", (dim,))
    for name in model.info["decoders"]:
        said = model.decode(name, codes)
        if name == "rgb":  # HandVae rounds to bytes
            expected = read("decode_rgb", (px, px, 4), np.uint8).astype(np.float64) / 255
            check("colours", said, expected, 0.5 / 255 + TOLERANCE)
        else:
            check(f"decoded {name}", said, read(f"decode_{name}", shapes[name]), TOLERANCE)


main()
