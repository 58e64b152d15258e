"""Writes the trajectories that tests/golden/training*.test.ts compare with: PyTorch, transformers and adapters on the CPU.

It leaves the comparison to the tests, and single passes to make_passes.py. Narrow random encoders; every value is computed in float64
from float32 weights and stored as float32. How to run it: CONTRIBUTING.md; about two minutes.

Keys in the files: weights/<Hugging Face name>, inputs/<name>, outputs/<name>, gradients/<Hugging Face name>.
"""

import json
import math
import pathlib

import adapters
import numpy
import torch
from adapters import LoRAConfig, SeqBnInvConfig
from adapters.composition import Stack
from safetensors.numpy import save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
)

DATA = pathlib.Path(__file__).parent / "fixtures"
LAYERS, HIDDEN = 12, 32
# The second language adapter has another non-linearity, as AdapterHub's mBERT adapters do.
LANGUAGES = {"en": "relu", "de": "gelu"}
STEPS, INTERVAL, LPFT_INTERVAL, LEARNING_RATE = 50, 4, 10, 2e-3

COMMON = dict(
    hidden_size=HIDDEN, num_hidden_layers=LAYERS, intermediate_size=64, hidden_act="gelu",
    hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, attn_implementation="eager",
)
ENCODERS = {
    "bert": dict(
        prefix="bert",
        config=BertConfig(vocab_size=97, num_attention_heads=4, max_position_embeddings=24, type_vocab_size=2,
                          layer_norm_eps=1e-12, pad_token_id=0, **COMMON),
        span=BertForQuestionAnswering, classification=BertForSequenceClassification,
        choice=BertForMultipleChoice, mlm=BertForMaskedLM, pretrain=BertForPreTraining,
    ),
    "xlmr": dict(
        prefix="roberta",
        config=XLMRobertaConfig(vocab_size=103, num_attention_heads=2, max_position_embeddings=26, type_vocab_size=1,
                                layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2, **COMMON),
        span=XLMRobertaForQuestionAnswering, classification=XLMRobertaForSequenceClassification,
        choice=XLMRobertaForMultipleChoice, mlm=XLMRobertaForMaskedLM, pretrain=XLMRobertaForMaskedLM,
    ),
}


def fill(model, seed):
    """Every parameter anew, as a function of (seed, name): large enough that logits and gradients are far from zero."""
    for name, value in model.named_parameters():
        generator = torch.Generator().manual_seed((seed * 1_000_003 + sum(ord(c) * 31 ** i % 999_983 for i, c in enumerate(name))) % 2**31)
        draw = torch.randn(value.shape, generator=generator, dtype=torch.float32)
        if "LayerNorm.weight" in name or "layer_norm.weight" in name:
            new = 1 + 0.1 * draw
        elif "adapter" in name or "lora" in name:
            new = 0.15 * draw
        elif value.dim() == 1:
            new = 0.1 * draw
        elif ".query." in name or ".key." in name:
            new = 0.4 * draw
        elif "attention.output" in name or ".value." in name:
            # Small, or twelve layers of averaging make all tokens alike.
            new = 0.1 * draw
        else:
            new = 0.2 * draw
        value.data = new.double()


def build(kind, task, labels=3, adapter="bottleneck"):
    spec = ENCODERS[kind]
    config = spec["config"].__class__.from_dict(spec["config"].to_dict())
    config._attn_implementation = "eager"
    config.num_labels = {"span": 2, "choice": 1}.get(task, labels)
    model = spec[task](config).double()
    adapters.init(model)
    if adapter is not None:
        for code, activation in LANGUAGES.items():
            model.add_adapter(code, config=SeqBnInvConfig(reduction_factor=2, non_linearity=activation))
    if adapter == "bottleneck":
        model.add_adapter("task", config=SeqBnInvConfig(reduction_factor=16, non_linearity="relu"))
    if adapter == "lora":
        model.add_adapter("task", config=LoRAConfig(r=8, alpha=8, dropout=0.0))
    model = model.double()
    fill(model, {"bert": 1, "xlmr": 2}[kind])
    model.eval()
    return model


def names_of_head(model, prefix):
    return [n for n, _ in model.named_parameters() if not n.startswith(prefix + ".")]


def train_task(model, prefix, language="en"):
    """The authors' trainable set: the task's adapters and whatever does not belong to the encoder."""
    model.set_active_adapters(Stack(language, "task"))
    chosen = []
    for name, value in model.named_parameters():
        head = not name.startswith(prefix + ".")
        task = (".adapters.task." in name) or (".loras.task." in name)
        value.requires_grad = head or task
        if value.requires_grad:
            chosen.append(name)
    return chosen


def ids(kind, generator, *shape):
    """Token ids above the special ones, the rows padded at the right by differing amounts (at least one unpadded row)."""
    config = ENCODERS[kind]["config"]
    out = torch.randint(5, config.vocab_size, shape, generator=generator)
    rows, tokens = out.reshape(-1, shape[-1]), shape[-1]
    mask = torch.ones_like(rows)
    for row in range(1, rows.shape[0]):
        keep = tokens - int(torch.randint(0, tokens // 2, (1,), generator=generator))
        rows[row, keep:] = config.pad_token_id
        mask[row, keep:] = 0
    batch = dict(input_ids=rows.reshape(shape), attention_mask=mask.reshape(shape))
    if config.type_vocab_size > 1:
        types = (torch.arange(tokens) >= tokens // 2).long().expand(rows.shape)
        batch["token_type_ids"] = (types * mask).reshape(shape).contiguous()
    return batch


def case_file(name, weights=None, inputs=None, outputs=None, grads=None):
    tensors = {}
    for group, values in (("weights", weights), ("inputs", inputs), ("outputs", outputs), ("gradients", grads)):
        for key, value in (values or {}).items():
            array = value.detach().numpy()
            tensors[f"{group}/{key}"] = numpy.ascontiguousarray(
                array.astype(numpy.int32 if array.dtype.kind == "i" else numpy.float32))
    save_file(tensors, DATA / f"{name}.safetensors")


def head_weights(model, prefix):
    state = dict(model.named_parameters())
    return {n: state[n] for n in names_of_head(model, prefix)}


def encoder_files():
    for kind, spec in ENCODERS.items():
        # The union of what the models have: the pooler, the adapters of both languages and of the task.
        weights = {}
        for task in ("span", "choice"):
            for name, value in build(kind, task).named_parameters():
                if name.startswith(spec["prefix"] + ".") and "task.F" not in name and "task.G" not in name:
                    weights[name] = value
        case_file(f"{kind}-encoder", weights=weights)
        config = {k: v for k, v in spec["config"].to_dict().items() if k in (
            "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "pad_token_id", "initializer_range")}
        (DATA / f"{kind}-config.json").write_text(json.dumps(config, indent=2) + "\n")


# --- tr(F) -----------------------------------------------------------------------------------------------------------


def rows_of_logits(task, out):
    """Logits as rows of one distribution each; for spans the starts of all examples, then the ends."""
    return torch.cat([out.start_logits, out.end_logits]) if task == "span" else out.logits


def layer_squares(model):
    """Per layer, the sum of squared gradients over the layer's task adapter."""
    out = [0.0] * LAYERS
    for name, value in model.named_parameters():
        if ".adapters.task." in name and value.grad is not None:
            out[int(name.split(".layer.")[1].split(".")[0])] += float((value.grad ** 2).sum())
    return out


def draw(probabilities, uniforms):
    """Inverse of the cumulative distribution: the first class whose cumulative probability exceeds the uniform number."""
    cumulative = probabilities.cumsum(-1)
    return (cumulative <= uniforms[:, None]).sum(-1).clamp(max=probabilities.shape[-1] - 1)


def fisher_batch(model, task, batch, uniforms=None):
    """Squared gradients per layer for one batch: of the batch-mean NLL, and of each example's NLL (mean of start and end)."""
    rows = rows_of_logits(task, model(**batch))
    labels = rows.argmax(-1) if uniforms is None else draw(rows.softmax(-1), uniforms)
    losses = torch.nn.functional.cross_entropy(rows, labels, reduction="none")
    examples = batch["input_ids"].shape[0]
    per_example = losses.reshape(-1, examples).mean(0)
    result = dict(labels=labels.tolist(), margin=float(rows.detach().topk(2, -1).values.diff(dim=-1).abs().min()))
    model.zero_grad()
    per_example.mean().backward(retain_graph=True)
    result["batch"] = layer_squares(model)
    result["examples"] = []
    for each in range(examples):
        model.zero_grad()
        per_example[each].backward(retain_graph=True)
        result["examples"].append(layer_squares(model))
    model.zero_grad()
    return result


def all_on(model):
    """Switches every task adapter on and returns what undoes it."""
    before = {n: v.requires_grad for n, v in model.named_parameters()}
    for name, value in model.named_parameters():
        if ".adapters.task." in name:
            value.requires_grad = True
    return lambda: [setattr(v, "requires_grad", before[n]) for n, v in model.named_parameters()]


def select_fun(model, task, batches, uniforms, fidelity):
    """tr(F) per layer. authors-code: mode labels, squared gradient of the batch mean over the batch size, summed over
    batches. paper (Eq. 1): sampled labels, squared gradient per example, mean over all examples."""
    restore = all_on(model)
    total = numpy.zeros(LAYERS)
    for index, batch in enumerate(batches):
        size = batch["input_ids"].shape[0]
        if fidelity == "authors-code":
            total += numpy.array(fisher_batch(model, task, batch)["batch"]) / size
        else:
            total += numpy.array(fisher_batch(model, task, batch, uniforms[index])["examples"]).sum(0) / (size * len(batches))
    restore()
    return total.tolist()


# --- Training --------------------------------------------------------------------------------------------------------


class AdamW:
    """The variant of transformers 4.19: a step count per parameter, epsilon added to the uncorrected root."""

    def __init__(self):
        self.state = {}

    def step(self, named, rate):
        for name, value in named:
            if value.grad is None:
                continue
            state = self.state.setdefault(name, dict(t=0, m=torch.zeros_like(value), v=torch.zeros_like(value)))
            state["t"] += 1
            t, m, v = state["t"], state["m"], state["v"]
            m.mul_(0.9).add_(value.grad, alpha=0.1)
            v.mul_(0.999).addcmul_(value.grad, value.grad, value=0.001)
            size = rate * math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
            value.data.addcdiv_(m, v.sqrt() + 1e-8, value=-size)


def layers_due(method, fidelity, t, unfrozen, fisher):
    """The layers switched on before update t (from 0), per method and fidelity."""
    frozen = [j for j in range(LAYERS) if j not in unfrozen]
    if method == "standard":
        return frozen if t == 0 else []
    if method == "lpft":
        due = t == LPFT_INTERVAL if fidelity == "paper" else t + 1 == LPFT_INTERVAL
        return frozen if due else []
    if fidelity == "paper":
        if t % INTERVAL or t > INTERVAL * LAYERS or not frozen:
            return []
        return [max(frozen)] if method == "gu" else [max(frozen, key=fisher().__getitem__)]
    if t == 0:
        return [LAYERS - 1]
    due, m = (t + 1) % INTERVAL == 0 and (t + 1) // INTERVAL <= LAYERS, (t + 1) // INTERVAL
    if not due or not frozen:
        return []
    if method == "gu":
        return [LAYERS - m] if LAYERS - m in frozen else []
    return [max(frozen, key=fisher().__getitem__)]


def trajectory(kind, task, method, fidelity, batches, fisher_batches, uniforms):
    prefix = ENCODERS[kind]["prefix"]
    model = build(kind, task)
    trainable = train_task(model, prefix)
    named = [(n, v) for n, v in model.named_parameters() if n in trainable]
    for name, value in named:
        value.requires_grad = ".adapters.task." not in name
    optimizer, unfrozen, losses, norms, schedule, selections = AdamW(), [], [], [], [], []
    for t in range(STEPS):
        def fisher():
            trace = select_fun(model, task, fisher_batches, uniforms[len(selections)], fidelity)
            ranked = sorted((trace[j] for j in range(LAYERS) if j not in unfrozen), reverse=True)
            if len(ranked) > 1:
                assert ranked[0] > ranked[1] * 1.001, (kind, method, fidelity, t, ranked)
            selections.append(dict(step=t, trace=trace))
            return trace

        due = layers_due(method, fidelity, t, unfrozen, fisher)
        if due:
            schedule.append([t, due])
            unfrozen += due
        for name, value in named:
            if ".adapters.task." in name:
                value.requires_grad = int(name.split(".layer.")[1].split(".")[0]) in unfrozen
        model.zero_grad()
        loss = model(**batches[t]).loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_([v for _, v in named if v.grad is not None], 1.0)))
        optimizer.step(named, LEARNING_RATE * (STEPS - t) / STEPS)
        losses.append(float(loss))
    digest = {n: dict(norm=float(v.norm()), sum=float(v.sum()), head=v.flatten()[:4].tolist()) for n, v in named}
    return dict(method=method, fidelity=fidelity, losses=losses, norms=norms, schedule=schedule, selections=selections, digest=digest)


def learnable(kind, task, batch, generator):
    """Labels that follow from the tokens, so that a trajectory has a direction to go."""
    words = batch["input_ids"]
    if task == "span":
        lengths = batch["attention_mask"].sum(-1)
        starts = words[:, 0] % 4
        return dict(start_positions=starts, end_positions=torch.minimum(starts + words[:, 1] % 3, lengths - 1))
    return dict(labels=words[:, :3].sum(-1) % 3)


def trajectories():
    for kind, task in (("bert", "classification"), ("xlmr", "span")):
        generator = torch.Generator().manual_seed(14)
        batches, fisher_batches = [], []
        for _ in range(STEPS):
            batch = ids(kind, generator, 4, 10)
            batches.append(batch | learnable(kind, task, batch, generator))
        for _ in range(2):
            fisher_batches.append(ids(kind, generator, 4, 10))
        rows = 8 if task == "span" else 4
        uniforms = torch.rand(LAYERS + 1, 2, rows, generator=generator).double()
        model = build(kind, task)
        train_task(model, ENCODERS[kind]["prefix"])
        fisher = [
            dict(mode=fisher_batch(model, task, b), sampled=fisher_batch(model, task, b, uniforms[0, i]))
            for i, b in enumerate(fisher_batches)
        ]
        runs = []
        for method in ("standard", "gu", "lpft", "fun"):
            for fidelity in ("paper", "authors-code"):
                run = trajectory(kind, task, method, fidelity, batches, fisher_batches, uniforms)
                print(kind, task, method, fidelity, [round(x, 4) for x in run["losses"][::10]], run["schedule"])
                runs.append(run)
        inputs = {k: torch.stack([b[k] for b in batches]) for k in batches[0]}
        inputs |= {f"fisher_{k}": torch.stack([b[k] for b in fisher_batches]) for k in fisher_batches[0]}
        case_file(f"{kind}-training", head_weights(model, ENCODERS[kind]["prefix"]), inputs, dict(uniforms=uniforms))
        (DATA / f"{kind}-training.json").write_text(json.dumps(dict(
            task=task, steps=STEPS, interval=INTERVAL, lpftInterval=LPFT_INTERVAL, learningRate=LEARNING_RATE,
            fisher=fisher, runs=runs), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    DATA.mkdir(exist_ok=True)
    encoder_files()
    trajectories()
    for path in sorted(DATA.iterdir()):
        print(f"{path.stat().st_size:9d} {path.name}")
