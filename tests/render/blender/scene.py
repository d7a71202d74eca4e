"""What the scripts that run inside Blender share: an empty scene, Cycles, a tuple's camera."""
import math

import bpy


def clear():
    bpy.ops.wm.read_factory_settings(use_empty=True)


def use_cycles(size, samples):
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0
    # Rays through pixel centres.
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 0.01
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    bpy.context.view_layer.use_pass_z = True


def add_camera(camera):
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = 36
    data.lens = camera["fx"] * 36 / camera["size"]
    # Shifts are shares of the picture's side; Blender's y points up.
    data.shift_x = -(camera["cx"] - (camera["size"] - 1) / 2) / camera["size"]
    data.shift_y = (camera["cy"] - (camera["size"] - 1) / 2) / camera["size"]
    data.clip_start, data.clip_end = 1e-3, 1e3
    node = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(node)
    # The importer turns y up into z up: the camera turns with it.
    node.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.scene.camera = node
