#include "render/render_options.h"

#include "io/core/error.h"

// Only option structs: this file links without the renderer, so that every build reads a whole
// recipe.

namespace handforge {

void PosePriorOptions::Visit(Fields& fields) {
  fields.Field("gestures", gestures, {}, "gesture file");
  fields.Field("between", between, 0, 1, "share of gesture poses between two gestures");
  fields.Field("mixed", mixed, 0, 1, "of these, share whose digits go their own way");
  fields.Field("free", free, 0, 1, "share of poses drawn finger by finger from the joint ranges");
  fields.Field(
      "draped", draped, 0, 1, "share of poses that bend at the knuckles instead of in the fingers");
  fields.Field("noise_deg", noise_deg, 0, 40, "deviation of the noise on each angle");
  fields.Field("wrist_deg", wrist_deg, 0, 40, "deviation of wrist flexion");
  fields.Field("bent_fingers", bent_fingers, 0, 4, "most of the four fingers that may be bent");
  fields.Field("max_penetration_mm",
               max_penetration_mm,
               0,
               100,
               "deeper self-collisions are parted, or else drawn again");
}

void ShapeOptions::Visit(Fields& fields) {
  fields.Field("palm_length", palm_length, 0, 0.2, "deviation of the palm's length");
  fields.Field("finger_length", finger_length, 0, 0.2, "deviation of each finger's length");
  fields.Field("segment_length", segment_length, 0, 0.2, "deviation of each segment's length");
  fields.Field("girth", girth, 0, 0.2, "deviation of the whole hand's girth");
  fields.Field("finger_girth", finger_girth, 0, 0.2, "deviation of each finger's girth");
  fields.Field("segment_girth", segment_girth, 0, 0.2, "deviation of each segment's girth");
}

void CameraOptions::Visit(Fields& fields) {
  fields.Field("sphere", sphere, 0, 1000, "weight of views from any direction");
  fields.Field("egocentric", egocentric, 0, 1000, "weight of views from the wearer's eyes");
  fields.Field("tabletop", tabletop, 0, 1000, "weight of views from above");
  fields.Field("frontal", frontal, 0, 1000, "weight of views straight on");
  fields.Field("frontal_deg", frontal_deg, 0, 90, "half-angle of the frontal views");
  fields.Field("frontal_back", frontal_back, 0, 1, "share of frontal views on the back");
  fields.Field("nearest_mm", nearest_mm, 150, 5000, "nearest distance of the hand's centre");
  fields.Field("furthest_mm", furthest_mm, 150, 5000, "furthest distance of the hand's centre");
  fields.Field(
      "smallest_fill", smallest_fill, 0.05, 1, "smallest extent of the joints / picture side");
  fields.Field(
      "largest_fill", largest_fill, 0.05, 1, "largest extent of the joints / picture side");
  fields.Field(
      "off_centre", off_centre, 0, 0.3, "deviation of the hand from the axis / picture side");
}

void CameraOptions::Check() const {
  const auto fail = [](const std::string& what) { throw UsageError("camera: " + what); };
  if (furthest_mm < nearest_mm) {
    fail("furthest_mm " + std::to_string(furthest_mm) + " must not be below nearest_mm " +
         std::to_string(nearest_mm));
  }
  if (largest_fill < smallest_fill) {
    fail("largest_fill " + std::to_string(largest_fill) + " must not be below smallest_fill " +
         std::to_string(smallest_fill));
  }
  if (sphere + egocentric + tabletop + frontal <= 0) {
    fail("one of sphere, egocentric, tabletop and frontal must be above 0");
  }
}

void LightOptions::Visit(Fields& fields) {
  fields.Field("shader", shader, {"path", "fast"}, "path tracing, or light gathered at vertices");
  fields.Field("samples", samples, 4, 4096, "path: paths of light per pixel, a power of 4");
  fields.Field("bounces", bounces, 1, 64, "path: bounces of light between parts of the scene");
  fields.Field("denoise", denoise, "path: remove the noise of the paths");
  fields.Field("lamp", lamp, 0, 1, "path: share of pictures with a lamp beside the probe");
  fields.Field("lights", lights, 8, 1024, "fast: distant lights that stand for a light probe");
  fields.Field("tilt_deg", tilt_deg, 0, 180, "largest tilt of the world against the picture");
  fields.Field("plain_backdrop", plain_backdrop, 0, 1, "share of plain backgrounds");
  fields.Field("photographs", photographs, {}, "folder of photographs for backgrounds");
  fields.Field("photograph_backdrop",
               photograph_backdrop,
               0,
               1,
               "share of photographs among the backgrounds that are not plain");
}

void LightOptions::Check() const {
  int64_t power = 4;
  while (power < samples) power *= 4;
  if (power != samples) {
    throw UsageError("render.light.samples " + std::to_string(samples) +
                     " must be a power of 4: 4, 16, 64, 256, 1024 or 4096");
  }
}

void PhotoOptions::Visit(Fields& fields) {
  fields.Field("darkest", darkest, 0.05, 10, "smallest exposure");
  fields.Field("brightest", brightest, 0.05, 10, "largest exposure");
  fields.Field("metering", metering, 0, 1, "how far exposure follows the skin's own tone");
  fields.Field("warmth", warmth, 0, 1, "largest error of the white balance, ln of the red gain");
  fields.Field("blur_px", blur_px, 0, 20, "largest deviation of the lens blur");
  fields.Field("noise", noise, 0, 100, "largest deviation of the noise on mid grey, 8-bit steps");
  fields.Field("jpeg", jpeg, 0, 1, "share of pictures that are compressed");
  fields.Field("lowest_quality", lowest_quality, 5, 95, "lowest JPEG quality");
}

void PhotoOptions::Check() const {
  if (brightest < darkest) {
    throw UsageError("photo.brightest " + std::to_string(brightest) +
                     " must not be below darkest " + std::to_string(darkest));
  }
}

void ObjectOptions::Visit(Fields& fields) {
  fields.Field("in_hand", in_hand, 0, 1, "share of scenes with an object in the hand");
  fields.Field("beneath", beneath, 0, 1, "share of the other scenes of a hand lying on a thing");
  fields.Field("sleeve", sleeve, 0, 1, "share of scenes whose forearm is in a sleeve");
  fields.Field("before_hand", before_hand, 0, 1, "share of views with an object before the hand");
  fields.Field("other_hand", other_hand, 0, 1, "share of scenes of one hand beside another");
  fields.Field("shapes",
               shapes,
               {"box", "cylinder", "sphere", "capsule", "torus", "mug"},
               "built-in shapes of the objects");
  fields.Field("files", files, {}, "3D files with shapes of objects");
}

void HoldOutOptions::Visit(Fields& fields) {
  fields.Field("part", part, {"all", "train", "test"}, "which side of the hold-out is drawn");
  fields.Field("gestures", gestures, 0, 1, "share of gestures held out, by name");
  fields.Field("probes", probes, 0, 1, "share of light probes held out, by name");
  fields.Field("every_nth_tone",
               every_nth_tone,
               0,
               10,
               "every n-th band of skin tone is held out, 0 = none");
}

void RenderOptions::Visit(Fields& fields) {
  fields.Field("out", out, {}, "dataset folder to write");
  fields.Field("count", count, 1, int64_t{1} << 40, "tuples to write");
  fields.Field("seed", seed, "seed of every random number");
  fields.Field("threads", threads, 0, 1024, "worker threads, 0 = all that this process may use");
  fields.Field("tuples_per_shard", tuples_per_shard, 1, 100000, "tuples in a shard");
  fields.Field("image_px", image_px, 32, 2048, "side of depth and mask");
  fields.Field("rgb_px", rgb_px, 16, 2048, "side of rgb; divides image_px");
  fields.Field("rig", rig, {}, "rig specification");
  fields.Nested("pose", pose, "pose prior");
  fields.Nested("shape", shape, "how persons' proportions vary");
  fields.Nested("camera", camera, "camera distribution");
  fields.Nested("light", light, "light and background");
  fields.Nested("objects", objects, "things in or before the hand");
  fields.Nested("hold_out", hold_out, "what test data alone show");
  fields.Nested("photo", photo, "what the camera does to the light");
  fields.Field("subjects", subjects, 1, int64_t{1} << 40, "persons: one hand shape and skin each");
  fields.Field("validation", validation, 0, 1, "share of persons in the validation split");
  fields.Field("left_hands", left_hands, 0, 1, "share of left hands");
  fields.Field("two_hands", two_hands, 0, 1, "share of scenes with both hands");
  fields.Field("views", views, 1, 1000, "cameras that look at each scene");
  fields.Field("sequence_frames", sequence_frames, 1, 10000, "frames of each scene, 1 = stills");
  fields.Field("layers",
               layers,
               {"instance", "normals", "correspondence", "previous_2d", "visible_fraction"},
               "optional columns");
  fields.Field("depth_sensor",
               depth_sensor,
               {"off", "ideal", "kinect", "intel_creative", "kinect2", "realsense"},
               "depth camera of the column depth_sensor");
  fields.Field("deflate_level", deflate_level, 0, 9, "compression of the images");
  fields.Field("max_attempts", max_attempts, 1, 100000, "draws per tuple before giving up");
}

void RenderOptions::Check() const {
  camera.Check();
  if (hold_out.part != "all" && hold_out.every_nth_tone == 1) {
    throw UsageError(
        "render.hold_out.every_nth_tone 1 holds out every skin tone; 0 for none, or 2 to 10");
  }
  photo.Check();
  light.Check();
  if (objects.in_hand + objects.before_hand > 0 && objects.shapes.empty() &&
      objects.files.empty()) {
    throw UsageError("render.objects wants objects, but names neither shapes nor files");
  }
  if (objects.beneath > 0 && sequence_frames > 1) {
    throw UsageError("render.objects.beneath " + std::to_string(objects.beneath) +
                     " is for stills: hands that move would pass through what they lie on; make it "
                     "0, or render.sequence_frames 1");
  }
  if (image_px % rgb_px != 0) {
    throw UsageError("render.rgb_px " + std::to_string(rgb_px) + " must divide render.image_px " +
                     std::to_string(image_px));
  }
}

}  // namespace handforge
