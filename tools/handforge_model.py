"""Reads a model of handforge (vae/MODEL.md) and rebuilds its networks in PyTorch.

    model = handforge_model.load("model.safetensors")
    mean, logvar = model.encode("rgb", images)        # float (N, px, px, 3) in [0, 1]
    joints = model.decode("3d", mean)                 # (N, 21, 3) palm-centred, in bone lengths

Modalities and their units are those of vae/modality.h: right hands; joints of the crop camera.
Models with side_input show and say left hands as they are; with metric_scale 3D is in `unit_mm`.
Needs numpy and torch (Debian: python3-torch).
"""
import collections
import json
import struct

import numpy as np
import torch
from torch import nn

NUM_JOINTS = 21
DECODER_START_PX = 8
ENCODER_END_PX = 4
MAX_WIDENING = 8
MIN_DECODER_WIDTH = 16
SUB_PIXELS = 4
LOGVAR_RANGE = (-12.0, 6.0)
BONES_AT_PX = 32
BONE_PLANES = 41
BONES_WIDTH = 48
BONE_DEVIATIONS = [0.20, 0.17, 0.155, 0.14]
BESIDE_BONE = 3.0
BEHIND_BONE = 0.2
JOINT_MAP_PX = 16
FOUND_WIDTH = 256
APPEARANCE_PX = 32
APPEARANCE_WIDTH = 16
JOINT_SCALE = {"2d": 1 / 0.35, "3d": 1.0}
JOINT_AXES = {"2d": 2, "3d": 3}
METRIC_UNIT_MM = 45.0
PLANES_IN = {"rgb": 3, "depth": 1}
PLANES_OUT = {"rgb": 4, "depth": 1}
PARENTS = [0 if joint % 4 == 1 else joint - 1 for joint in range(1, NUM_JOINTS)]
DTYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def read_file(path):
    """Metadata (dict of texts) and arrays (dict of numpy arrays) of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin : 8 + size + end]
        arrays[name] = np.frombuffer(raw, DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, arrays


def named(*layers):
    return nn.Sequential(collections.OrderedDict(layers))


def perceptron(inputs, width, hidden_layers, outputs):
    layers = []
    for i in range(hidden_layers):
        layers.append((f"hidden{i}", nn.Linear(width if i else inputs, width)))
        layers.append((f"relu{i}", nn.ReLU()))
    layers.append(("head", nn.Linear(width if hidden_layers else inputs, outputs)))
    return named(*layers)


def conv3x3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ConvNorm(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = ConvNorm(outputs, outputs, 3, 1)
        if inputs != outputs or stride != 1:
            self.shortcut = ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x):
        shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
        return torch.relu(self.second(torch.relu(self.first(x))) + shortcut)


class JointEncoder(nn.Module):
    def __init__(self, modality, options):
        super().__init__()
        self.scale = JOINT_SCALE[modality]
        self.layers = perceptron(
            NUM_JOINTS * JOINT_AXES[modality],
            options["mlp_width"],
            options["mlp_encoder_layers"],
            2 * options["pose_dim"],
        )

    def forward(self, x):
        return self.layers(x.flatten(1) * self.scale)


class JointDecoder(nn.Module):
    def __init__(self, modality, options):
        super().__init__()
        self.scale = JOINT_SCALE[modality]
        self.axes = JOINT_AXES[modality]
        self.pose_dim = options["pose_dim"]
        self.layers = perceptron(
            self.pose_dim,
            options["mlp_width"],
            options["mlp_decoder_layers"],
            NUM_JOINTS * self.axes,
        )

    def forward(self, z):
        return self.layers(z[:, : self.pose_dim]).view(-1, NUM_JOINTS, self.axes) / self.scale


class JointMaps(nn.Module):
    """Where an encoder's images show each joint (vae/joint_maps.h)."""

    def __init__(self, at16, at8, at4, width):
        super().__init__()
        self.from4 = ConvNorm(at4, SUB_PIXELS * width, 1, 1)
        self.from8 = ConvNorm(at8, width, 1, 1)
        self.at8 = ConvNorm(width, width, 3, 1)
        self.up8 = ConvNorm(width, SUB_PIXELS * width, 1, 1)
        self.from16 = ConvNorm(at16, width, 1, 1)
        self.at16 = ConvNorm(width, width, 3, 1)
        self.head = nn.Conv2d(width, 2 * NUM_JOINTS, 1)

    def forward(self, at16, at8, at4):
        x = nn.functional.pixel_shuffle(self.from4(at4), 2) + self.from8(at8)
        x = torch.relu(self.at8(torch.relu(x)))
        x = nn.functional.pixel_shuffle(self.up8(x), 2) + self.from16(at16)
        x = torch.relu(self.at16(torch.relu(x)))
        maps = self.head(x).flatten(2)
        share = maps[:, :NUM_JOINTS].softmax(2)
        z = (share * maps[:, NUM_JOINTS:]).sum(2, keepdim=True)
        line = (2 * torch.arange(JOINT_MAP_PX, dtype=x.dtype) + 1) / JOINT_MAP_PX - 1
        columns = line.view(1, -1).expand(JOINT_MAP_PX, -1)
        xy = share @ torch.stack([columns, columns.t()], 2).view(-1, 2)
        return torch.cat([xy, z], 2), (share @ x.flatten(2).transpose(1, 2)).flatten(1)


class ImageEncoder(nn.Module):
    def __init__(self, modality, options):
        super().__init__()
        self.colour = modality == "rgb"
        planes = PLANES_IN[modality]
        width = options[f"{modality}_encoder_width"]
        stride = options["rgb_encoder_stride"]
        if stride:
            layers = [("stem", ConvNorm(planes, width, 5, stride)), ("relu", nn.ReLU())]
        else:
            layers = [
                ("stem", ConvNorm(planes, width // 2, 3, 2)),
                ("relu", nn.ReLU()),
                ("stem2", ConvNorm(width // 2, width, 3, 2)),
                ("relu2", nn.ReLU()),
                ("stem3", ResidualBlock(width, width, 1)),
            ]
        channels, px, stage = width, options["rgb_px"] // (stride or 4), 0
        while px > ENCODER_END_PX:
            outputs = min(2 * channels, MAX_WIDENING * width)
            for block in range(options.get(f"{modality}_encoder_blocks", options["rgb_encoder_blocks"])):
                layers.append(
                    (
                        f"stage{stage}block{block}",
                        ResidualBlock(channels, outputs, 1 if block else 2),
                    )
                )
                channels = outputs
            px, stage = px // 2, stage + 1
        layers.append(("last", ResidualBlock(channels, channels, 1)))
        self.stages = named(*layers)
        features = found = channels * ENCODER_END_PX**2
        self.maps = None
        if options["joint_map_width"]:
            widest = MAX_WIDENING * width
            pixels = width * options["rgb_px"] // (stride or 4)
            fine = [min(pixels // px, widest) for px in (JOINT_MAP_PX, JOINT_MAP_PX // 2)]
            self.maps = JointMaps(*fine, channels, options["joint_map_width"])
            found = FOUND_WIDTH
            self.found = nn.Sequential(
                nn.Linear(features + NUM_JOINTS * (3 + options["joint_map_width"]), found),
                nn.ReLU(),
                nn.Linear(found, found),
                nn.ReLU(),
            )
        self.told = options["side_input"] == 1
        self.head = nn.Linear(found + 2 * self.told, 2 * options["pose_dim"])
        if options["side_head"]:
            self.side_head = nn.Linear(features, 1)

    def images(self, x):
        """The stages' last images, by their size in pixels."""
        x = (x - 0.45) * 4 if self.colour else x
        images = {}
        for stage in self.stages:
            x = stage(x)
            images[x.shape[2]] = x
        return images

    def forward(self, x, sides=None):
        images = self.images(x)
        features = images[ENCODER_END_PX].flatten(1)
        if self.maps:
            coarse_to_fine = [images[px] for px in (JOINT_MAP_PX, JOINT_MAP_PX // 2, ENCODER_END_PX)]
            places, seen = self.maps(*coarse_to_fine)
            features = self.found(torch.cat([features, places.flatten(1), seen], 1))
        if self.told:
            features = torch.cat([features, sides], 1)
        return self.head(features)

    def left(self, x):
        features = self.images(x)[ENCODER_END_PX].flatten(1)
        return torch.sigmoid(self.side_head(features)).squeeze(1)


class AppearanceEncoder(nn.Module):
    def __init__(self, options):
        super().__init__()
        width = APPEARANCE_WIDTH
        self.layers = nn.Sequential(
            ConvNorm(3, width, 3, 2),
            nn.ReLU(),
            ConvNorm(width, 2 * width, 3, 2),
            nn.ReLU(),
            ConvNorm(2 * width, 4 * width, 3, 2),
            nn.ReLU(),
        )
        self.head = nn.Linear(4 * width, 2 * options["appearance_dim"])

    def forward(self, x):
        small = nn.functional.adaptive_avg_pool2d(x, APPEARANCE_PX)
        return self.head(self.layers((small - 0.45) * 4).mean((2, 3)))


def draw_bones(joints2, joints3, px):
    """Planes (N, 41, px, px) as of DrawBones in vae/networks.h: soft lines of the bones, the share
    of each in what is seen, the depth seen."""
    centres = (2 * torch.arange(px, dtype=joints2.dtype) + 1) / px - 1
    x, y = centres.view(1, 1, 1, px), centres.view(1, 1, px, 1)
    ends2, starts2 = joints2[:, 1:, :, None, None], joints2[:, PARENTS, :, None, None]
    along = ends2 - starts2
    from_x, from_y = x - starts2[:, :, 0], y - starts2[:, :, 1]
    length2 = (along**2).sum(2) + 1e-6
    t = ((from_x * along[:, :, 0] + from_y * along[:, :, 1]) / length2).clamp(0, 1)
    distance2 = (from_x - t * along[:, :, 0]) ** 2 + (from_y - t * along[:, :, 1]) ** 2

    def spread(joints):
        xy = joints[:, :, :2]
        return ((xy - xy.mean(1, keepdim=True)) ** 2).sum((1, 2)) + 1e-4

    deviations = torch.tensor(BONE_DEVIATIONS * 5, dtype=joints2.dtype).view(1, -1, 1, 1)
    bone2 = (spread(joints2) / spread(joints3)).view(-1, 1, 1, 1)
    lines = torch.exp(-0.5 * distance2 / (bone2 * deviations**2))
    z_starts, z_ends = joints3[:, PARENTS, 2, None, None], joints3[:, 1:, 2, None, None]
    z = z_starts + t * (z_ends - z_starts)
    shares = (-(z - BESIDE_BONE * lines) / BEHIND_BONE).softmax(1) * lines
    return torch.cat([lines, shares, (shares * z).sum(1, keepdim=True)], 1)


class ImageDecoder(nn.Module):
    def __init__(self, modality, options, bones_of=None):
        super().__init__()
        self.width = options[f"{modality}_decoder_width"]
        self.code_dim = options["latent_dim"] if modality == "rgb" else options["pose_dim"]
        self.bones_of = bones_of  # z -> planes, or None
        self.stem = perceptron(
            self.code_dim,
            options["mlp_width"],
            options["rgb_decoder_layers"],
            self.width * DECODER_START_PX**2,
        )
        self.stem_conv = conv3x3(self.width, self.width)
        channels, px, self.num_stages = self.width, DECODER_START_PX, 0
        while 2 * px < options["rgb_px"]:
            channels = self.behind_bones(channels, px)
            outputs = max(channels // 2, MIN_DECODER_WIDTH)
            stage = conv3x3(channels, SUB_PIXELS * outputs)
            self.add_module(f"stage{self.num_stages}", stage)
            channels, px, self.num_stages = outputs, 2 * px, self.num_stages + 1
        channels = self.behind_bones(channels, px)
        if self.bones_of:
            self.fine = conv3x3(channels, channels)
        self.head = conv3x3(channels, SUB_PIXELS * PLANES_OUT[modality])

    def behind_bones(self, channels, px):
        """Channels behind the convolution that sees the bones, where it belongs at this size."""
        if not self.bones_of or px != BONES_AT_PX:
            return channels
        self.bones_conv = conv3x3(channels + BONE_PLANES, BONES_WIDTH)
        return BONES_WIDTH

    def with_bones(self, x, z):
        if not self.bones_of or x.shape[2] != BONES_AT_PX:
            return x
        return torch.relu(self.bones_conv(torch.cat([x, self.bones_of(z)], 1)))

    def forward(self, z):
        x = torch.relu(self.stem(z[:, : self.code_dim]))
        x = torch.relu(self.stem_conv(x.view(-1, self.width, DECODER_START_PX, DECODER_START_PX)))
        for i in range(self.num_stages):
            stage = getattr(self, f"stage{i}")
            x = nn.functional.pixel_shuffle(torch.relu(stage(self.with_bones(x, z))), 2)
        x = self.with_bones(x, z)
        if self.bones_of:
            x = torch.relu(self.fine(x))
        return nn.functional.pixel_shuffle(self.head(x), 2)


class HandVae:
    """`encoders` and `decoders` are torch modules by modality; `metadata` the texts of the file."""

    def __init__(self, metadata, arrays):
        if metadata.get("format") != "handforge.vae":
            raise ValueError("no model of handforge")
        self.metadata = metadata
        self.info = json.loads(metadata["info"])
        self.options = {
            "appearance_dim": 0,
            "side_head": 0,
            "side_input": 0,
            "metric_scale": 0,
            "joint_map_width": 0,
            "rgb_decoder_bones": 0,
            "depth_encoder_width": 0,
            "depth_decoder_width": 0,
            **json.loads(metadata["model"]),
        }
        self.options["pose_dim"] = self.options["latent_dim"] - self.options["appearance_dim"]
        self.encoders = {name: self._encoder(name) for name in self.info["encoders"]}
        self.decoders = {}
        for name in sorted(self.info["decoders"]):  # 2d and 3d first
            self.decoders[name] = self._decoder(name)
        self.appearance = None
        if any(name.startswith("encoder.appearance.") for name in arrays):
            self.appearance = AppearanceEncoder(self.options)
        self._load(arrays)

    def _encoder(self, modality):
        kind = JointEncoder if modality in JOINT_AXES else ImageEncoder
        return kind(modality, self.options)

    def _decoder(self, modality):
        if modality in JOINT_AXES:
            return JointDecoder(modality, self.options)
        bones = self.options["rgb_decoder_bones"] and {"2d", "3d"} <= set(self.decoders)
        shown = self._bones if modality == "rgb" and bones else None
        return ImageDecoder(modality, self.options, shown)

    def _bones(self, z):
        return draw_bones(self.decoders["2d"](z), self.decoders["3d"](z), BONES_AT_PX)

    def _load(self, arrays):
        modules = {f"encoder.{name}.": module for name, module in self.encoders.items()}
        modules.update({f"decoder.{name}.": module for name, module in self.decoders.items()})
        if self.appearance:
            modules["encoder.appearance."] = self.appearance
        for prefix, module in modules.items():
            state = {}
            for name, array in arrays.items():
                if name.startswith(prefix):
                    kind = np.int64 if array.dtype.kind == "i" else np.float32
                    state[name[len(prefix) :]] = torch.from_numpy(array.astype(kind))
            module.load_state_dict(state)  # every array, no other
            module.eval()

    @property
    def unit_mm(self):
        """Millimetres in a unit of 3D joints; None where that is the hand's reference bone."""
        return METRIC_UNIT_MM if self.options["metric_scale"] else None

    @torch.no_grad()
    def encode(self, modality, x, left=None):
        """Posterior mean and log-variance, (N, latent_dim) each. Images are (N, px, px, 3) colours
        in [0, 1] or (N, px, px) relative depth; joints (N, 21, 2 or 3). `left` (N) says which images
        show left hands, for models that are told (side_input = 1)."""
        planes = self._planes(modality, x)
        told = ()
        if self.options["side_input"] == 1 and modality in PLANES_IN:
            if left is None:
                raise ValueError(f"the encoder of {modality} has to be told which hands are left")
            bits = torch.as_tensor(left, dtype=torch.float32)
            told = (torch.stack([bits, 1 - bits], 1),)
        mean, logvar = self.encoders[modality](planes, *told).chunk(2, 1)
        if self.options["appearance_dim"]:
            skin = torch.zeros(len(mean), 2 * self.options["appearance_dim"])
            if modality == "rgb" and self.appearance:
                skin = self.appearance(planes)
            mean = torch.cat([mean, skin.chunk(2, 1)[0]], 1)
            logvar = torch.cat([logvar, skin.chunk(2, 1)[1]], 1)
        return mean, logvar.clamp(*LOGVAR_RANGE)

    @torch.no_grad()
    def left(self, modality, x):
        """Probability (N) that an image, not mirrored, shows a left hand."""
        return self.encoders[modality].left(self._planes(modality, x))

    @torch.no_grad()
    def decode(self, modality, z):
        """Joints (N, 21, 2 or 3); depth (N, px, px); colours and alpha in [0, 1] (N, px, px, 4)."""
        said = self.decoders[modality](torch.as_tensor(z, dtype=torch.float32))
        if modality == "rgb":
            return torch.sigmoid(said).permute(0, 2, 3, 1)
        return said.squeeze(1) if modality == "depth" else said

    @staticmethod
    def _planes(modality, x):
        x = torch.as_tensor(x, dtype=torch.float32)
        if modality == "rgb":
            return x.permute(0, 3, 1, 2).contiguous()
        return x.unsqueeze(1) if modality == "depth" else x


def load(path):
    return HandVae(*read_file(path))
