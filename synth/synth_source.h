#pragma once

#include "synth/dataset_writer.h"
#include "synth/synth_world.h"

#include <memory>

namespace handforge {

// Tuples sampled from the model's latent space. `world` must outlive the source.
std::unique_ptr<TupleSource> MakeSynthSource(const SynthWorld& world);
DatasetJob SynthJob(const SynthWorld& world);

// Where the options ask for coverage: plans the codes of all tuples that the job's folder will
// hold, or reads the plan that lies there, and lets the world's sampler follow it.
void PrepareLatentPlan(const DatasetJob& job, SynthWorld* world);

// The tuple that a row records, made again from its index, attempt and latent code.
Tuple RemakeTuple(const SynthWorld& world, const Tuple& row);

}  // namespace handforge
