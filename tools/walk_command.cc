#include "tools/walk_command.h"

#include "io/assets.h"
#include "io/core/camera.h"
#include "io/core/error.h"
#include "io/drawing.h"
#include "io/files.h"
#include "io/image_file.h"
#include "io/interrupt.h"
#include "io/parallel.h"
#include "io/video_file.h"
#include "tools/progress.h"
#include "tools/recipe.h"
#include "vae/find_model.h"
#include "vae/hand_predictor.h"
#include "vae/latent_path.h"
#include "vae/targets.h"
#if HANDFORGE_WITH_RENDER
#include "synth/mesh_portrait.h"
#endif

#include <atomic>
#include <cmath>
#include <memory>
#include <optional>

#include <spdlog/spdlog.h>

namespace handforge {
namespace {

namespace fs = std::filesystem;

constexpr uint8_t kBackgroundGrey = 60;

struct WalkCommandOptions {
  CommonOptions common;
  std::string images;
  std::string model;
  std::optional<int64_t> samples;
};

WalkOptions ReadOptions(const WalkCommandOptions& command) {
  std::vector<std::string> more;
  if (!command.images.empty()) more.push_back("walk.images=" + QuoteYaml(command.images));
  if (!command.model.empty()) more.push_back("walk.model=" + QuoteYaml(command.model));
  if (command.samples) more.push_back("walk.samples=" + std::to_string(*command.samples));
  WalkOptions options = Recipe::Load(command.common, "walk", more).walk;
  if (options.out.empty()) throw UsageError("nowhere to write: give --out DIR");
  if (options.cell_px % 2 != 0) {
    throw UsageError("walk.cell_px = " + std::to_string(options.cell_px) +
                     "; expected an even number, as video needs");
  }
  return options;
}

// ---- Waypoints ----------------------------------------------------------------------------------

using Codes = std::vector<std::vector<float>>;

Codes CodesOfSamples(const WalkOptions& options, const HandVae& vae) {
  Codes codes;
  const LatentSource source = ParseLatentSource(options.latent);
  for (int64_t i = 0; i < options.samples; ++i) {
    Random random(options.seed, static_cast<uint64_t>(i), 0, Purpose::kLatent);
    codes.push_back(vae.SampleLatent(source, &random, options.temperature));
  }
  return codes;
}

Codes CodesOfPictures(const WalkOptions& options, const HandVae& vae) {
  PredictOptions as_predict;  // tells sides as that command does
  as_predict.handedness = options.handedness;
  const HandPredictor predictor(vae, as_predict.OfPredictor());
  Codes codes;
  for (const fs::path& file : ListImages(options.images)) {
    const ImageFile image = ReadImageFile(file);
    if (image.is_depth()) throw DataError(file.string() + ": depth; a walk starts from colour");
    const CropSquare square = WholeImage(image.rgb.width, image.rgb.height);
    const bool left = predictor.Predict(image.rgb, square).handedness == Handedness::kLeft;
    codes.push_back(EncodeCrop(vae, image.rgb, square, left));
  }
  return codes;
}

// ---- Pictures -----------------------------------------------------------------------------------

// One point of the path: what each decoder says, drawn.
struct Frame {
  std::vector<ImageU8> cells;
};

ImageU8 Empty(int px) { return ImageU8(px, px, 3, kBackgroundGrey); }

// The decoded hand, cut out by its alpha.
ImageU8 DecodedPicture(const std::vector<uint8_t>& rgba, int rgb_px, int cell_px) {
  ImageU8 picture = Empty(rgb_px);
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const double share = rgba[i / 3 * 4 + 3] / 255.0;
    picture.pixels[i] = static_cast<uint8_t>(
        std::lround(share * rgba[i / 3 * 4 + i % 3] + (1 - share) * kBackgroundGrey));
  }
  return ResizeImage(picture, cell_px, cell_px);
}

ImageU8 SkeletonPicture(const Joints2& joints_px, int cell_px) {
  ImageU8 picture = Empty(cell_px);
  std::array<uint8_t, kNumJoints> unknown;
  unknown.fill(kVisibilityUnknown);
  DrawSkeleton(joints_px, unknown, &picture);
  return picture;
}

// Draws frames; each worker has one of its own.
class FramePainter {
 public:
#if HANDFORGE_WITH_RENDER
  FramePainter(const WalkOptions& options, const HandVae& vae, const Rig& rig)
      : cell_px_(static_cast<int>(options.cell_px)), vae_(vae), portrait_(rig) {}
#else
  FramePainter(const WalkOptions& options, const HandVae& vae)
      : cell_px_(static_cast<int>(options.cell_px)), vae_(vae) {}
#endif

  Frame Draw(const std::vector<float>& code) {
    DecodedBatch said;
    vae_.Decode(code.data(), 1, &said);
    const VaeInfo& info = vae_.info();
    const Joints2 joints_px = PixelJoints2(said.joints2.data(), cell_px_, Handedness::kRight);
    Frame frame;
    if (!said.rgba.empty()) {
      frame.cells.push_back(DecodedPicture(said.rgba, info.rgb_px, cell_px_));
    }
    frame.cells.push_back(SkeletonPicture(joints_px, cell_px_));
#if HANDFORGE_WITH_RENDER
    const Joints3 joints_mm =
        MetricJoints3(said.joints3.data(), info.bone_mean_mm, Handedness::kRight);
    frame.cells.push_back(portrait_.Draw(
        joints_mm, joints_px, PinholeCamera::Centred(cell_px_, info.focal_over_size * cell_px_)));
#endif
    return frame;
  }

 private:
  int cell_px_;
  const HandVae& vae_;
#if HANDFORGE_WITH_RENDER
  MeshPortrait portrait_;
#endif
};

std::vector<Frame> DrawFrames(const WalkOptions& options, const HandVae& vae, const Codes& path) {
  const int threads = ResolveThreads(options.threads);
  std::vector<std::unique_ptr<FramePainter>> painters;
#if HANDFORGE_WITH_RENDER
  RigSpec spec = RigSpec::Load(FindResource(options.rig));
  spec.forearm = false;  // the decoders say nothing of it, and it would only hide the hand
  const Rig rig = LoadRig(spec);
  for (int t = 0; t < threads; ++t)
    painters.push_back(std::make_unique<FramePainter>(options, vae, rig));
#else
  for (int t = 0; t < threads; ++t)
    painters.push_back(std::make_unique<FramePainter>(options, vae));
#endif
  std::vector<Frame> frames(path.size());
  Progress progress("walking", "frames", path.size());
  std::atomic<size_t> done{0};
  ParallelFor(path.size(), threads, [&](int worker, size_t i) {
    if (InterruptRequested()) throw Interrupted("interrupted; nothing was written");
    frames[i] = painters[static_cast<size_t>(worker)]->Draw(path[i]);
    progress.Update(++done);
  });
  return frames;
}

// A row for each kind of picture, columns evenly spaced along the path.
ImageU8 Strip(const std::vector<Frame>& frames, int columns) {
  std::vector<ImageU8> cells;
  for (size_t kind = 0; kind < frames[0].cells.size(); ++kind) {
    for (int c = 0; c < columns; ++c) {
      const size_t i =
          static_cast<size_t>(c) * (frames.size() - 1) / static_cast<size_t>(columns - 1);
      cells.push_back(frames[i].cells[kind]);
    }
  }
  return TileImages(cells, columns);
}

void RequireDecoders(const VaeInfo& info, const fs::path& model) {
  for (const Modality modality : {Modality::kJoints3, Modality::kJoints2}) {
    if (info.has_decoder[static_cast<size_t>(modality)]) continue;
    throw DataError(model.string() + ": has no decoder for " + ModalityName(modality) +
                    "; a walk needs 3d and 2d");
  }
}

int RunWalk(const WalkCommandOptions& command) {
  const WalkOptions options = ReadOptions(command);
  const fs::path model = FindModel(options.model);
  const HandVae vae = HandVae::Load(model);
  RequireDecoders(vae.info(), model);
  RequireRightHandsInBoneLengths(vae.info(), "walk");
  const Codes waypoints =
      options.images.empty() ? CodesOfSamples(options, vae) : CodesOfPictures(options, vae);
  const Codes path = LatentPath(waypoints, static_cast<int>(options.frames_per_leg));
  EnsureWritableFolder(options.out);
  spdlog::info("walking past {} waypoints with {}", waypoints.size(), model.string());
  const std::vector<Frame> frames = DrawFrames(options, vae, path);

  const fs::path strip = fs::path(options.out) / "walk.png";
  const fs::path video = fs::path(options.out) / "walk.mp4";
  WritePng(Strip(frames, static_cast<int>(options.strip_columns)), strip);
  std::vector<ImageU8> pictures;
  for (const Frame& frame : frames)
    pictures.push_back(TileImages(frame.cells, static_cast<int>(frame.cells.size())));
  WriteVideo(pictures, options.frames_per_second, video);
  spdlog::info("wrote {} and {}: {} frames", strip.string(), video.string(), frames.size());
  PrintSummary(command.common,
               {{"ok", true},
                {"strip", strip.string()},
                {"video", video.string()},
                {"frames", frames.size()},
                {"waypoints", waypoints.size()},
                {"model", model.string()}});
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace

void SetupWalkCommand(CommandLine& command_line) {
  const auto options = std::make_shared<WalkCommandOptions>();
  CLI::App& app = command_line.Add(
      "walk", "Strip and video of a path through the latent space", options, RunWalk);
  app.add_option("--images", options->images, "Pictures whose hands are the waypoints");
  app.add_option("--model", options->model, "Model file");
  app.add_option("--samples", options->samples, "Waypoints that are samples, without --images")
      ->check(IsCount);
}

}  // namespace handforge
