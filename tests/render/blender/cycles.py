"""Run inside Blender: times Cycles on meshes written by cycles_bench, with its cameras and light.

blender --background --threads N --python cycles.py -- FOLDER HANDS

Prints lines "cycles: {json}": for each hand the seconds of a depth image at 1 sample and of pictures
with all passes at 16, 64 and 256 samples, the same with mesh and light kept from the picture before,
and the pictures' errors over the hand against 1,024 samples, as a share of the hand's mean (the first
ERROR_HANDS hands only).
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

SAMPLES = (16, 64, 256)
REFERENCE = 1024
ERROR_HANDS = 2


def light_by(probe):
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    nodes = world.node_tree.nodes
    texture = nodes.new("ShaderNodeTexEnvironment")
    texture.image = bpy.data.images.load(probe)
    world.node_tree.links.new(texture.outputs["Color"], nodes["Background"].inputs["Color"])
    bpy.context.scene.world = world


def paint(albedo):
    material = bpy.data.materials.new("skin")
    material.use_nodes = True
    surface = material.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*albedo, 1)
    surface.inputs["Roughness"].default_value = 0.5
    surface.inputs["Specular"].default_value = 0.35  # refractive index 1.4
    for mesh in bpy.data.meshes:
        mesh.materials.clear()
        mesh.materials.append(material)
        for polygon in mesh.polygons:
            polygon.use_smooth = True


def all_passes():
    layer = bpy.context.view_layer
    layer.use_pass_z = layer.use_pass_normal = layer.use_pass_uv = True
    layer.use_pass_object_index = layer.use_pass_material_index = layer.use_pass_vector = True


def seconds():
    started = time.monotonic()
    bpy.ops.render.render()
    return time.monotonic() - started


def pixels(folder):
    """Linear RGB of the last picture, and the share of each pixel that shows the hand."""
    path = os.path.join(folder, "picture.exr")
    bpy.data.images["Render Result"].save_render(path)
    image = bpy.data.images.load(path, check_existing=False)
    values = numpy.array(image.pixels[:], dtype=numpy.float64).reshape(-1, 4)
    bpy.data.images.remove(image)
    os.remove(path)
    return values[:, :3], values[:, 3]


def picture_settings(samples, seed):
    scene = bpy.context.scene
    scene.cycles.samples = samples
    scene.cycles.seed = seed
    scene.cycles.max_bounces = 3
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 1
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "32"


def errors_of(folder):
    picture_settings(REFERENCE, 1)
    bpy.ops.render.render()
    reference, alpha = pixels(folder)
    inside = alpha > 0.999
    out = []
    for samples in SAMPLES:
        picture_settings(samples, 2)
        bpy.ops.render.render()
        difference = (pixels(folder)[0] - reference)[inside]
        out.append(float(numpy.sqrt((difference**2).mean()) / reference[inside].mean()))
    return out


def main():
    folder, hands = sys.argv[sys.argv.index("--") + 1:][:2]
    cameras = json.load(open(os.path.join(folder, "cameras.json")))
    albedo = json.load(open(os.path.join(folder, "albedo.json")))
    for i in range(int(hands)):
        clear()
        bpy.ops.import_scene.gltf(filepath=os.path.join(folder, f"{i}.glb"))
        use_cycles(cameras[i]["size"], 1)
        add_camera(cameras[i])
        row = {"depth_s": seconds()}
        paint(albedo)
        light_by(os.path.join(folder, "light.hdr"))
        all_passes()
        row["picture_s"] = []
        for samples in SAMPLES:
            picture_settings(samples, 2)
            row["picture_s"].append(seconds())
        bpy.context.scene.render.use_persistent_data = True
        bpy.ops.render.render()
        row["kept_s"] = []
        for samples in SAMPLES:
            picture_settings(samples, 2)
            row["kept_s"].append(seconds())
        if i < ERROR_HANDS:
            row["error"] = errors_of(folder)
        print("cycles:", json.dumps(row), flush=True)


main()
