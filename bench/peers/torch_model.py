# Promises the encoder of the bench in PyTorch: post-norm layers, MAD-X adapters, invertible block, span head, from a safetensors
# file under Hugging Face's names. Leaves timing to torch_peer.py and torch_step.py, which run the same functions.
import json
import struct

import numpy
import torch
import torch.nn.functional as F

LAYER_NORM_EPSILON = 1e-12


def read_safetensors(path):
    """Tensors of a file by name; the format is a length, a JSON header and the bytes."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    types = {"F32": numpy.float32, "I32": numpy.int32, "F16": numpy.float16}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).copy()
        tensors[name] = torch.from_numpy(array).reshape(entry["shape"])
    return tensors


def attention(q, k, v, heads, dropout=0.0):
    """[B, T, H] each; PyTorch's own fused attention."""
    batch, tokens, hidden = q.shape

    def split(x):
        return x.view(batch, tokens, heads, hidden // heads).transpose(1, 2)

    y = F.scaled_dot_product_attention(split(q), split(k), split(v), dropout_p=dropout)
    return y.transpose(1, 2).reshape(batch, tokens, hidden)


class Encoder:
    """All weights by name; nothing trains until `open_parameters` says so."""

    def __init__(self, tensors, shape, device="cpu"):
        self.shape = shape
        self.device = device
        self.weights = {
            name: tensor.to(device) for name, tensor in tensors.items() if not name.startswith("batch/")
        }
        self.has_adapters = any(".adapters." in name for name in self.weights)

    def open_parameters(self, opened):
        """Task adapters of the top `opened` layers and the head, or "all" weights. Returns them by name."""
        layers = self.shape["layers"]

        def trains(name):
            if opened == "all" or name.startswith("qa_outputs"):
                return True
            return ".adapters.task." in name and int(name.split(".layer.")[1].split(".")[0]) >= layers - opened

        trained = {}
        for name, weight in self.weights.items():
            weight.requires_grad_(trains(name))
            if weight.requires_grad:
                trained[name] = weight
        return trained

    def _dense(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name, x):
        gain, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.layer_norm(x, (self.shape["hidden"],), gain, shift, LAYER_NORM_EPSILON)

    def _coupling(self, name, x):
        return self._dense(f"{name}.2", F.relu(self._dense(f"{name}.0", x)))

    def _invertible(self, x):
        x1, x2 = x.chunk(2, dim=-1)
        y1 = x1 + self._coupling("bert.invertible_adapters.en.F", x2)
        return torch.cat([y1, x2 + self._coupling("bert.invertible_adapters.en.G", y1)], dim=-1)

    def _layer(self, index, x, dropout):
        name = f"bert.encoder.layer.{index}"

        def drop(value):
            return F.dropout(value, dropout) if dropout > 0 else value

        q, k, v = (self._dense(f"{name}.attention.self.{which}", x) for which in ("query", "key", "value"))
        context = attention(q, k, v, self.shape["heads"], dropout)
        attended = drop(self._dense(f"{name}.attention.output.dense", context))
        a = self._norm(f"{name}.attention.output.LayerNorm", attended + x)
        y = drop(self._dense(f"{name}.output.dense", F.gelu(self._dense(f"{name}.intermediate.dense", a))))
        if self.has_adapters:
            for adapter in ("en", "task"):
                path = f"{name}.output.adapters.{adapter}"
                inner = F.relu(self._dense(f"{path}.adapter_down.0", self._norm(f"{name}.output.LayerNorm", y + a)))
                y = self._dense(f"{path}.adapter_up", inner) + y
        return self._norm(f"{name}.output.LayerNorm", y + a)

    def logits(self, ids, dropout=0.0):
        """Start and end scores, [2·B, T]."""
        table = "bert.embeddings"
        positions = torch.arange(ids.shape[1], device=ids.device)
        x = F.embedding(ids, self.weights[f"{table}.word_embeddings.weight"])
        x = x + self.weights[f"{table}.token_type_embeddings.weight"][0]
        x = x + F.embedding(positions, self.weights[f"{table}.position_embeddings.weight"])
        x = self._norm(f"{table}.LayerNorm", x)
        if dropout > 0:
            x = F.dropout(x, dropout)
        if self.has_adapters:
            x = self._invertible(x)
        for index in range(self.shape["layers"]):
            x = self._layer(index, x, dropout)
        both = self._dense("qa_outputs", x)
        return torch.cat([both[..., 0], both[..., 1]])

    def loss(self, batch, dropout=0.0):
        """Mean of the starts' and the ends' cross-entropies."""
        return F.cross_entropy(self.logits(batch["ids"], dropout).float(), batch["targets"])


def batch_of(tensors, device="cpu"):
    """What our engine wrote beside the weights."""
    targets = torch.cat([tensors["batch/startPositions"], tensors["batch/endPositions"]])
    return {"ids": tensors["batch/inputIds"].long().to(device), "targets": targets.long().to(device)}


def make_optimizer(parameters):
    return torch.optim.AdamW(list(parameters), lr=1e-6, weight_decay=0.0, fused=True)


def training_step(encoder, trained, optimizer, batch, dropout=0.1):
    """Forward, backward, clipping to norm 1 and AdamW, as our engine's step."""
    loss = encoder.loss(batch, dropout)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach()
