#pragma once

#include "render/tuple_renderer.h"
#include "synth/dataset_writer.h"

#include <memory>

namespace handforge {

// Rendered tuples for the pipeline. `world` must outlive the source.
std::unique_ptr<TupleSource> MakeRenderSource(const RenderWorld& world);

// The job that writes `world.options` as a dataset.
DatasetJob RenderJob(const RenderWorld& world);

}  // namespace handforge
