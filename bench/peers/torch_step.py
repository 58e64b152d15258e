# Promises PyTorch's speed on this machine's best device, by itself: the bench's layer and whole training steps in float32, TF32
# and bfloat16 autocast, with tokens per second, TFLOP/s and peak memory, as JSON lines; first it checks that it computes what our
# engine does. Leaves the work's definition and its FLOP counts to the files that `bench/bundle.ts` writes (work.json, check.*).
#
#   python3 torch_step.py FOLDER [--device cpu|cuda] [--only WORDS] [--rounds N]      FOLDER holds work.json and check.*
import argparse
import contextlib
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time

import torch

from torch_model import Encoder, batch_of, make_optimizer, read_safetensors, training_step
from torch_work import PARTS, digest

TOLERANCE = 2e-3


def say(line):
    print(json.dumps(line), flush=True)


def driver():
    """What nvidia-smi says of the card and its driver; None without one."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


@contextlib.contextmanager
def precision(name, device):
    """float32 with full products, float32 with TF32 products, or bfloat16 autocast."""
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    torch.backends.cudnn.allow_tf32 = name == "tf32"
    with torch.autocast(device, torch.bfloat16, enabled=name == "bf16"):
        yield


def random_encoder(shape, bare, device):
    """Weights of the right names and shapes; their values do not matter to the time."""
    hidden, wide = shape["hidden"], shape["feedForward"]
    generator = torch.Generator(device).manual_seed(1)
    tensors = {}

    def dense(name, out, into):
        tensors[f"{name}.weight"] = torch.randn(out, into, generator=generator, device=device) * 0.02
        tensors[f"{name}.bias"] = torch.zeros(out, device=device)

    def norm(name):
        tensors[f"{name}.LayerNorm.weight"] = torch.ones(hidden, device=device)
        tensors[f"{name}.LayerNorm.bias"] = torch.zeros(hidden, device=device)

    for table, rows in (("word", shape["vocabulary"]), ("position", 512), ("token_type", 2)):
        name = f"bert.embeddings.{table}_embeddings.weight"
        tensors[name] = torch.randn(rows, hidden, generator=generator, device=device) * 0.02
    norm("bert.embeddings")
    for index in range(shape["layers"]):
        layer = f"bert.encoder.layer.{index}"
        for which in ("query", "key", "value"):
            dense(f"{layer}.attention.self.{which}", hidden, hidden)
        dense(f"{layer}.attention.output.dense", hidden, hidden)
        norm(f"{layer}.attention.output")
        dense(f"{layer}.intermediate.dense", wide, hidden)
        dense(f"{layer}.output.dense", hidden, wide)
        norm(f"{layer}.output")
        if not bare:
            for adapter, reduction in (("en", 2), ("task", 16)):
                path = f"{layer}.output.adapters.{adapter}"
                dense(f"{path}.adapter_down.0", hidden // reduction, hidden)
                dense(f"{path}.adapter_up", hidden, hidden // reduction)
    if not bare:
        for which in ("F", "G"):
            path = f"bert.invertible_adapters.en.{which}"
            dense(f"{path}.0", hidden // 4, hidden // 2)
            dense(f"{path}.2", hidden // 2, hidden // 4)
    dense("qa_outputs", 2, hidden)
    return Encoder(tensors, shape, device)


def random_batch(shape, device):
    generator = torch.Generator(device).manual_seed(2)
    size = (shape["batch"], shape["tokens"])
    ids = torch.randint(1, shape["vocabulary"], size, generator=generator, device=device)
    targets = torch.randint(0, shape["tokens"], (2 * shape["batch"],), generator=generator, device=device)
    return {"ids": ids, "targets": targets}


def check(folder, device):
    """Loss and gradients of a small encoder against our engine's digests. Returns whether they agree."""
    with open(os.path.join(folder, "check.json")) as file:
        expected = json.load(file)
    tensors = read_safetensors(os.path.join(folder, "check.safetensors"))
    encoder, batch = Encoder(tensors, expected["work"]["shape"], device), batch_of(tensors, device)
    trained = encoder.open_parameters(expected["work"]["open"])
    with precision("fp32", device):
        loss = encoder.loss(batch)
        results = {"loss": loss, **dict(zip(trained, torch.autograd.grad(loss, trained.values())))}
    worst, where = 0.0, ""
    for name, ours in expected["digests"].items():
        theirs = digest(name, results[name])
        scale = ours["norm"] / math.sqrt(ours["length"]) or 1.0
        for a, b in zip(ours["sample"], theirs["sample"]):
            deviation = abs(a - b) / scale
            if not deviation <= worst:
                worst, where = deviation, name
    agrees = worst <= TOLERANCE
    say({"type": "check", "agrees": agrees, "deviation": worst, "where": where, "outputs": len(expected["digests"])})
    return agrees


def prepare(entry, device):
    """The function that one call of the work is, or None."""
    work = entry["work"]
    if work["kind"] == "step":
        encoder = random_encoder(work["shape"], work["open"] == "all", device)
        batch, trained = random_batch(work["shape"], device), encoder.open_parameters(work["open"])
        optimizer = make_optimizer(trained.values())
        return lambda: training_step(encoder, trained, optimizer, batch)
    return PARTS[work["kind"]](work) if work["kind"] in PARTS else None


def measure(entry, mode, device, rounds):
    run = prepare(entry, device)
    if run is None:
        return
    settle = torch.cuda.synchronize if device == "cuda" else lambda: None
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with precision(mode, device):
        for _ in range(3):
            run()
        settle()
        start = time.perf_counter()
        run()
        settle()
        calls = max(1, math.ceil(0.05 / (time.perf_counter() - start)))
        samples = []
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(calls):
                run()
            settle()
            samples.append((time.perf_counter() - start) * 1000 / calls)
    ms = statistics.median(samples)
    say({
        "type": "result",
        "name": entry["name"],
        "precision": mode,
        "ms": ms,
        "samples": samples,
        "tflops": entry["flops"] / ms / 1e9 if entry["flops"] else None,
        "tokensPerSecond": entry["tokens"] / ms * 1000 if entry["tokens"] else None,
        "peakBytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
    })


def names(word, entry):
    """As the bench picks: a whole name, or its beginning up to a "/" or "-"."""
    return entry["name"] == word or entry["name"].startswith((f"{word}/", f"{word}-"))


def main():
    parser = argparse.ArgumentParser(description="PyTorch on the bench's layer and training steps")
    parser.add_argument("folder", help="holds work.json, check.json and check.safetensors")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--only", default="", help="names or their beginnings, separated by commas")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    device = options.device
    torch.set_default_device(device)
    say({
        "type": "header",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "driver": driver(),
        "tolerance": TOLERANCE,
    })
    if not check(options.folder, device):
        print("torch_step: PyTorch and our engine disagree; no time is worth comparing", file=sys.stderr)
        return 1
    words = [word for word in options.only.split(",") if word]
    with open(os.path.join(options.folder, "work.json")) as file:
        entries = [entry for entry in json.load(file) if not words or any(names(word, entry) for word in words)]
    for entry in entries:
        for mode in ("fp32", "tf32", "bf16") if device == "cuda" else ("fp32", "bf16"):
            try:
                measure(entry, mode, device, options.rounds)
            except torch.OutOfMemoryError as error:
                say({"type": "failed", "name": entry["name"], "precision": mode, "message": str(error).splitlines()[0]})
            if device == "cuda":
                torch.cuda.empty_cache()
    return 0


sys.exit(main())
