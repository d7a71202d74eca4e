"""Training steps per second of PyTorch, for vae_bench: the same network, batches and losses.

usage: train_torch.py TOOLS MODEL BATCHES SECONDS THREADS
MODEL is a model or checkpoint of handforge; BATCHES a safetensors file with {rgb or 3d}.input, .noise
and .target of pairs to 3d, and metadata beta, bones_weight, learning_rate, max_gradient_norm. Prints
JSON: {pair: {"first_loss": l, "steps_per_second": s}}.
"""
import json
import sys
import time

sys.path.insert(0, sys.argv[1])
import handforge_model  # noqa: E402
import torch  # noqa: E402
from torch.nn.functional import mse_loss  # noqa: E402


def bones(joints):
    return joints[:, 1:] - joints[:, handforge_model.PARENTS]


class Trainer:
    def __init__(self, model, source, batch, options):
        self.modules = [model.encoders[source], model.decoders["3d"]]
        for module in self.modules:
            module.train()
        self.adams = [
            torch.optim.Adam(m.parameters(), lr=options["learning_rate"]) for m in self.modules
        ]
        self.input, self.noise, self.truth = batch
        self.options = options

    def step(self):
        mean, logvar = self.modules[0](self.input).chunk(2, 1)
        logvar = logvar.clamp(*handforge_model.LOGVAR_RANGE)
        said = self.modules[1](mean + self.noise * torch.exp(0.5 * logvar))
        error = mse_loss(said, self.truth)
        error = error + self.options["bones_weight"] * mse_loss(bones(said), bones(self.truth))
        kl = 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(1).mean()
        loss = error + self.options["beta"] * kl
        for adam in self.adams:
            adam.zero_grad(set_to_none=False)
        loss.backward()
        for module, adam in zip(self.modules, self.adams):
            torch.nn.utils.clip_grad_norm_(module.parameters(), self.options["max_gradient_norm"])
            adam.step()
        return loss.item()


def main():
    torch.set_num_threads(int(sys.argv[5]))
    metadata, arrays = handforge_model.read_file(sys.argv[3])
    options = {key: float(metadata[key]) for key in metadata if key != "payload_sha256"}
    results = {}
    for source in ("rgb", "3d"):
        model = handforge_model.load(sys.argv[2])
        batch = [torch.from_numpy(arrays[f"{source}.{k}"].copy()) for k in ("input", "noise", "target")]
        if source == "rgb":
            batch[0] = batch[0].contiguous(memory_format=torch.channels_last)
        trainer = Trainer(model, source, batch, options)
        first_loss = trainer.step()
        for _ in range(3):
            trainer.step()
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < float(sys.argv[4]):
            trainer.step()
            steps += 1
        rate = steps / (time.perf_counter() - begin)
        results[f"{source}->3d"] = {"first_loss": first_loss, "steps_per_second": rate}
    print(json.dumps(results))


main()
