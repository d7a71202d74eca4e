"""Writes a small DexYCB in the published layout for dexycb_test.cc.

usage: write_dexycb.py FOLDER

Two of the ten persons, with all of their 100 sequences, of which three have two frames and the
others none. Joint j of frame n as camera c sees it, in metres:
  x = 0.01 j - 0.1 + 0.001 n    y = 0.002 j j - 0.05 c    z = 0.5 + 0.003 j + 0.02 s
with s = 0, 1, 2 for those sequences (numbers 3, 4 and 79); fx = 610 + c, fy = 611 + c,
ppx = 312 + c, ppy = 241.5.
"""
import pathlib
import sys

import cv2
import numpy as np

SUBJECTS = {"20200813-subject-02": "20200813_14", "20201002-subject-08": "20201002_10"}
SERIALS = ["836212060125", "839512060362", "840412060917", "841412060263",
           "932122060857", "932122060861", "932122061900", "932122062010"]
FILLED = [3, 4, 79]
FRAMES = 2


def write_frame(folder, camera, sequence, frame, save):
    j = np.arange(21)
    joints = np.stack([0.01 * j - 0.1 + 0.001 * frame, 0.002 * j * j - 0.05 * camera,
                       0.5 + 0.003 * j + 0.02 * sequence], axis=1).astype("f4")
    if sequence == 1 and frame == 0 and camera < 3:
        joints[:] = -1
    if sequence == 1 and frame == 1 and camera == 0:
        joints[0] = -1  # one joint behind the camera is no frame without a hand
    seg = np.zeros((480, 640), "u1")
    seg[100:110, 200:220] = 255
    seg[105, 210] = 21
    save(folder / f"labels_{frame:06d}.npz", seg=seg, pose_y=np.zeros((2, 3, 4), "f4"),
         pose_m=np.zeros((1, 51), "f4"), joint_3d=joints[None], joint_2d=np.zeros((1, 21, 2), "f4"))


def write_pictures(folder, frame):
    rgb = np.zeros((480, 640, 3), "u1")
    rgb[97:104, 596:605] = (10, 120, 230)  # blue, green, red
    cv2.imwrite(str(folder / f"color_{frame:06d}.jpg"), rgb)
    depth = np.zeros((480, 640), "u2")
    depth[100, 206:210] = (1234, 6553, 6554, 65535)
    depth[99, 206] = depth[105, 210] = 1000  # the room, an object
    cv2.imwrite(str(folder / f"aligned_depth_to_color_{frame:06d}.png"), depth)


def main():
    root = pathlib.Path(sys.argv[1])
    intrinsics = root / "calibration" / "intrinsics"
    intrinsics.mkdir(parents=True)
    for c, serial in enumerate(SERIALS):
        (intrinsics / f"{serial}_640x480.yml").write_text(
            f"color:\n  fx: {610 + c}.0\n  fy: {611 + c}.0\n  ppx: {312 + c}.0\n  ppy: 241.5\n"
            "depth:\n  fx: 380.0\n  fy: 380.0\n  ppx: 320.0\n  ppy: 240.0\n")
    for subject, stem in SUBJECTS.items():
        for number in range(100):
            folder = root / subject / f"{stem}{number:04d}"
            folder.mkdir(parents=True)
            side = "left" if number == 4 else "right"
            frames = FRAMES if number in FILLED else 0
            (folder / "meta.yml").write_text(
                f"serials:\n- '{SERIALS[0]}'\nnum_frames: {frames}\nextrinsics: 20200702_151821\n"
                f"mano_calib:\n- 20200709-subject-01_{side}\nmano_sides:\n- {side}\n"
                "ycb_grasp_ind: 0\nycb_ids:\n- 1\n- 11\n")
            for c, serial in enumerate(SERIALS if frames else []):
                (folder / serial).mkdir()
                for frame in range(frames):
                    save = np.savez_compressed if c % 2 == 0 else np.savez
                    write_frame(folder / serial, c, FILLED.index(number), frame, save)
                    write_pictures(folder / serial, frame)


main()
