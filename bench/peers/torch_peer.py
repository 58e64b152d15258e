# Promises PyTorch (CPU or CUDA) as a peer of the bench: `torch_peer.py <options as JSON>`, one JSON object a line both ways, in
# the words of engines/protocol.ts. Leaves the work to torch_work.py and torch_model.py.
import json
import math
import platform
import sys
import time

try:
    import torch

    from torch_model import Encoder, batch_of, make_optimizer, read_safetensors, training_step
    from torch_work import PARTS, digest
except ImportError as error:
    sentence = f"{error}; python3 -m venv .venv && .venv/bin/pip install torch numpy"
    print(json.dumps({"type": "failed", "message": sentence}), flush=True)
    sys.exit(1)

options = json.loads(sys.argv[1])
device = options["device"]


def prepare_encoder(work, exchange):
    """What is timed has dropout; what is compared has none, since draws differ from engine to engine."""
    tensors = read_safetensors(f"{exchange}.safetensors")
    encoder, batch = Encoder(tensors, work["shape"], device), batch_of(tensors, device)
    if work["kind"] == "evaluation":

        def logits():
            with torch.inference_mode():
                return {"logits": encoder.logits(batch["ids"]).cpu()}

        return logits, logits
    trained = encoder.open_parameters(work["open"])
    optimizer = make_optimizer(trained.values())

    def compared():
        loss = encoder.loss(batch)
        reached = {name: w for name, w in trained.items() if "pooler" not in name}
        gradients = torch.autograd.grad(loss, reached.values(), allow_unused=True)
        return {"loss": loss, **{name: g for name, g in zip(reached, gradients) if g is not None}}

    return compared, lambda: training_step(encoder, trained, optimizer, batch)


def finite(value):
    """JSON has no NaN: null, as JavaScript writes it."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def settle():
    if device == "cuda":
        torch.cuda.synchronize()


def say(reply):
    print(json.dumps(finite(reply)), flush=True)


def main():
    if device == "cuda" and not torch.cuda.is_available():
        say({"type": "failed", "message": "this PyTorch has no CUDA device"})
        return
    torch.set_default_device(device)
    torch.set_num_threads(options["threads"])
    count = torch.get_num_threads()
    hardware = torch.cuda.get_device_name() if device == "cuda" else f"{count} thread{'s' if count > 1 else ''}"
    facts = f"Python {platform.python_version()}, {hardware}"
    say({"type": "ready", "version": torch.__version__, "description": facts})
    timed = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["type"] == "prepare":
                work = request["work"]
                compared = timed = None
                if work["kind"] in PARTS:
                    compared = timed = PARTS[work["kind"]](work)
                elif work["kind"] in ("step", "evaluation") and "exchange" in request:
                    compared, timed = prepare_encoder(work, request["exchange"])
                if timed is None:
                    say({"type": "unsupported"})
                else:
                    results = compared()
                    say({"type": "prepared", "digests": {name: digest(name, t) for name, t in results.items()}})
            elif request["type"] == "time":
                start = time.perf_counter()
                for _ in range(request["calls"]):
                    timed()
                settle()
                reply = {"type": "timed", "ms": (time.perf_counter() - start) * 1000}
                if device == "cuda":
                    reply["memory"] = {
                        "resident": torch.cuda.memory_allocated(),
                        "peak": torch.cuda.max_memory_allocated(),
                    }
                say(reply)
            else:
                timed = None
                if device == "cuda":
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                say({"type": "released"})
        except Exception as error:
            say({"type": "failed", "message": f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"})


main()
