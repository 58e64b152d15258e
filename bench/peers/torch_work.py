# Promises the parts of the bench in PyTorch: matrix products, a copy, LayerNorm with GELU, attention, one encoder layer, AdamW, on the
# inputs of work/inputs.ts, whose twin stands here. Leaves whole encoders to torch_model.py and speaking with the bench to torch_peer.py.
import math

import numpy
import torch
import torch.nn.functional as F

from torch_model import attention

LAYER_NORM_EPSILON = 1e-5
SAMPLE_SIZE = 256
TASK_REDUCTION, LANGUAGE_REDUCTION, LORA_RANK = 16, 2, 8


def values(length, seed, scale=1.0):
    """work/inputs.ts values(): the same generator, filled by doubling."""
    states = numpy.empty(length, numpy.uint32)
    multiplier, increment, mask = 1664525, 1013904223, 0xFFFFFFFF
    states[0] = (multiplier * seed + increment) & mask
    filled = 1
    while filled < length:
        count = min(filled, length - filled)
        states[filled : filled + count] = states[:count] * numpy.uint32(multiplier) + numpy.uint32(increment)
        increment = (multiplier * increment + increment) & mask
        multiplier = (multiplier * multiplier) & mask
        filled += count
    floats = (states.astype(numpy.float64) / 4294967296 * 2 - 1) * scale
    return torch.from_numpy(floats.astype(numpy.float32)).to(torch.get_default_device())


def weight(rows, cols, seed):
    return values(rows * cols, seed, 1 / math.sqrt(rows)).view(rows, cols)


def layer_weights(shape):
    hidden, wide = shape["hidden"], shape["feedForward"]
    return {
        "queryWeight": weight(hidden, hidden, 101),
        "keyWeight": weight(hidden, hidden, 102),
        "valueWeight": weight(hidden, hidden, 103),
        "outputWeight": weight(hidden, hidden, 104),
        "upWeight": weight(hidden, wide, 110),
        "downWeight": weight(wide, hidden, 111),
        "queryBias": values(hidden, 125, 0.02),
        "keyBias": values(hidden, 126, 0.02),
        "valueBias": values(hidden, 127, 0.02),
        "outputBias": values(hidden, 128, 0.02),
        "downBias": values(hidden, 129, 0.02),
        "upBias": values(wide, 140, 0.02),
        "gain1": 1 + values(hidden, 160, 0.1),
        "gain2": 1 + values(hidden, 161, 0.1),
        "shift1": values(hidden, 172, 0.1),
        "shift2": values(hidden, 173, 0.1),
    }


def bottleneck(name, hidden, reduction, seed):
    size = hidden // reduction
    return {
        f"{name}DownWeight": weight(hidden, size, seed),
        f"{name}DownBias": values(size, seed + 1, 0.02),
        f"{name}UpWeight": weight(size, hidden, seed + 2),
        f"{name}UpBias": values(hidden, seed + 3, 0.02),
    }


def layer_adapters(shape, mode):
    """Frozen and trained additions of a mode."""
    hidden = shape["hidden"]
    if mode == "lora":
        return {}, {
            "queryA": weight(hidden, LORA_RANK, 200),
            "queryB": values(LORA_RANK * hidden, 211, 0.05).view(LORA_RANK, hidden),
            "valueA": weight(hidden, LORA_RANK, 202),
            "valueB": values(LORA_RANK * hidden, 213, 0.05).view(LORA_RANK, hidden),
        }
    if mode == "mad-x":
        return bottleneck("language", hidden, LANGUAGE_REDUCTION, 220), bottleneck("task", hidden, TASK_REDUCTION, 230)
    return {}, {}


def natural(named):
    """Weights as PyTorch keeps them, [out, in]; F.linear then reads them in place. LoRA's factors stay [in, out]."""
    return {name: w.t().contiguous() if name.endswith("Weight") else w for name, w in named.items()}


def encoder_layer(x, w, shape):
    def dense(name, value):
        return F.linear(value, w[f"{name}Weight"], w[f"{name}Bias"])

    def projected(name):
        y = dense(name, x)
        return y + (x @ w[f"{name}A"]) @ w[f"{name}B"] if f"{name}A" in w else y

    def norm(value, which):
        return F.layer_norm(value, (shape["hidden"],), w[f"gain{which}"], w[f"shift{which}"], LAYER_NORM_EPSILON)

    context = attention(projected("query"), dense("key", x), projected("value"), shape["heads"])
    a = norm(x + dense("output", context), 1)
    y = dense("down", F.gelu(dense("up", a)))
    for name in ("language", "task"):
        if f"{name}UpWeight" in w:
            y = dense(f"{name}Up", F.relu(dense(f"{name}Down", norm(y + a, 2)))) + y
    return norm(y + a, 2)


def prepare_matmul(work):
    layout, batch, m, n, k = (work[name] for name in ("layout", "batch", "m", "n", "k"))
    leading = [batch] if batch > 1 else []
    a = values(batch * m * k, 1).view(*leading, *([k, m] if layout[0] == "T" else [m, k]))
    b = values(batch * k * n, 2).view(*leading, *([n, k] if layout[1] == "T" else [k, n]))
    a = a.transpose(-1, -2) if layout[0] == "T" else a
    b = b.transpose(-1, -2) if layout[1] == "T" else b
    return lambda: {"y": a @ b}


def prepare_flat(work):
    """Of the kernels alone only the copy: it shows the memory's speed."""
    if work["kernel"] != "copy":
        return None
    x = values(work["rows"] * work["cols"], 10)
    y = torch.empty_like(x)
    return lambda: {"out": y.copy_(x)}


def prepare_layer_norm_gelu(work):
    rows, cols = work["rows"], work["cols"]
    x, gain, shift = values(rows * cols, 3, 2).view(rows, cols), 1 + values(cols, 4, 0.1), values(cols, 5, 0.1)
    return lambda: {"y": F.gelu(F.layer_norm(x, (cols,), gain, shift, LAYER_NORM_EPSILON))}


def prepare_attention(work):
    shape = [work["batch"], work["heads"], work["tokens"], work["headSize"]]
    q, k, v, seed = (values(math.prod(shape), number).view(shape) for number in (6, 7, 8, 9))
    if not work["gradients"]:
        return lambda: {"y": F.scaled_dot_product_attention(q, k, v)}
    for leaf in (q, k, v):
        leaf.requires_grad_()

    def run():
        y = F.scaled_dot_product_attention(q, k, v)
        return dict(zip(("dq", "dk", "dv"), torch.autograd.grad(y, (q, k, v), seed)))

    return run


def prepare_layer(work):
    shape, mode = work["shape"], work["mode"]
    frozen, trained = layer_adapters(shape, mode)
    weights, adapters = natural({**layer_weights(shape), **frozen}), natural(trained)
    dimensions = (shape["batch"], shape["tokens"], shape["hidden"])
    x, seed = values(math.prod(dimensions), 300).view(dimensions), values(math.prod(dimensions), 301).view(dimensions)
    if mode == "forward":
        return lambda: {"y": encoder_layer(x, weights, shape)}
    leaves = {"x": x, **(weights if mode == "all" else adapters)}
    for leaf in leaves.values():
        leaf.requires_grad_()

    def run():
        loss = (encoder_layer(x, {**weights, **adapters}, shape) * seed).sum()
        return {"loss": loss, **dict(zip(leaves, torch.autograd.grad(loss, leaves.values())))}

    return run


def prepare_adamw(work):
    parameters = []
    for i in range(work["tensors"]):
        parameter = values(work["size"], 400 + i).requires_grad_()
        parameter.grad = values(work["size"], 500 + i, 0.01)
        parameters.append(parameter)
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0, fused=True)

    def run():
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return {"first": parameters[0], "last": parameters[-1]}

    return run


PARTS = {
    "matmul": prepare_matmul,
    "flat": prepare_flat,
    "layer-norm-gelu": prepare_layer_norm_gelu,
    "attention": prepare_attention,
    "layer": prepare_layer,
    "adamw": prepare_adamw,
}


def digest(name, tensor):
    """engines/digest.ts: sums in float64 and a fixed sample. Weights go back to [in, out]."""
    tensor = tensor.detach()
    if name.endswith("Weight"):
        tensor = tensor.t()
    flat = tensor.reshape(-1).double().cpu()
    length = flat.numel()
    if length <= SAMPLE_SIZE:
        positions = list(range(length))
    else:
        positions = [
            math.floor((i + (i * 0.6180339887498949) % 1) * length / (SAMPLE_SIZE + 1)) for i in range(SAMPLE_SIZE)
        ]
    return {
        "length": length,
        "sum": flat.sum().item(),
        "norm": flat.norm().item(),
        "sample": flat[positions].tolist(),
    }
