"""Run inside Blender: depth of exported meshes by Cycles, with the camera of their tuple.

blender --background --threads N --python z_pass.py -- FOLDER [SAMPLES]

FOLDER holds 0.glb, 1.glb, ... and cameras.json: a list of {"fx", "fy", "cx", "cy", "size"}. Writes
0.npy, ...: z in millimetres {size, size}, 0 = background, and prints the seconds of each render.
"""
import json
import os
import sys
import time

import numpy

numpy.bool = bool  # Blender 3.4's glTF importer, numpy 1.24

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scene import add_camera, clear, use_cycles

FAR_MM = 1e6


def write_depth_to(folder):
    scene = bpy.context.scene
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers = tree.nodes.new("CompositorNodeRLayers")
    output = tree.nodes.new("CompositorNodeOutputFile")
    output.base_path = folder
    output.file_slots[0].path = "depth_"
    output.format.file_format = "OPEN_EXR"
    output.format.color_depth = "32"
    tree.links.new(layers.outputs["Depth"], output.inputs[0])


def main():
    arguments = sys.argv[sys.argv.index("--") + 1:]
    folder = arguments[0]
    samples = int(arguments[1]) if len(arguments) > 1 else 1
    cameras = json.load(open(os.path.join(folder, "cameras.json")))
    for i, camera in enumerate(cameras):
        clear()
        bpy.ops.import_scene.gltf(filepath=os.path.join(folder, f"{i}.glb"))
        use_cycles(camera["size"], samples)
        add_camera(camera)
        started = time.monotonic()
        bpy.ops.render.render()
        seconds = time.monotonic() - started
        write_depth_to(folder)
        bpy.ops.render.render()
        exr = os.path.join(folder, "depth_0001.exr")
        image = bpy.data.images.load(exr)
        size = camera["size"]
        pixels = numpy.array(image.pixels[:], dtype=numpy.float32).reshape(size, size, -1)
        z_mm = 1000 * pixels[::-1, :, 0]  # Blender's rows go up
        z_mm[z_mm > FAR_MM] = 0
        numpy.save(os.path.join(folder, f"{i}.npy"), z_mm)
        os.remove(exr)
        print(f"rendered {i} in {seconds:.4f} s", flush=True)


main()
