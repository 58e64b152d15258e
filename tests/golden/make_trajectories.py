"""Writes what tests/golden/trajectories.ts compares with: 200 steps of training by PyTorch, transformers and adapters on the CPU.

For each encoder: task adapters and LoRA under every method in both fidelities, full fine-tuning, and masked-language modelling of a
language adapter. Weights and batches follow from names and numbers (formula.py), draws from the same counter-based generator as ours;
stored are the order of unfreezing, some losses, and a digest of every trained parameter at the end. How to run it: CONTRIBUTING.md.
"""

import json
import math

import numpy
import torch
from safetensors.numpy import save_file
from transformers import BertConfig, DebertaV2Config, XLMRobertaConfig

import make_passes
from make_passes import DATA, LABELS, build, digest, numbers, train

LAYERS, STEPS, INTERVAL, LPFT_INTERVAL, LEARNING_RATE, SEED = 4, 200, 12, 30, 2e-3, 7
EXAMPLES, TOKENS, BATCHES = 4, 8, 20
NARROW = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=LAYERS, hidden_act="gelu", hidden_dropout_prob=0.1,
              attention_probs_dropout_prob=0.1)
make_passes.ENCODERS = ENCODERS = {
    "bert": ("Bert", "bert", BertConfig(
        vocab_size=61, num_attention_heads=4, max_position_embeddings=16, type_vocab_size=2, **NARROW)),
    "xlmr": ("XLMRoberta", "roberta", XLMRobertaConfig(
        vocab_size=67, num_attention_heads=2, max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=1, **NARROW)),
    "deberta": ("DebertaV2", "deberta", DebertaV2Config(
        vocab_size=59, num_attention_heads=4, max_position_embeddings=24, type_vocab_size=0, layer_norm_eps=1e-7,
        relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type="p2c|c2p", position_biased_input=False, **NARROW)),
}
OBJECTIVES = dict(bert="classification", xlmr="span", deberta="classification")


def philox_words(seed, purpose, step, sub, count):
    """core/random.ts: Philox 4x32-10 with counter [i / 4, step, sub, FNV-1a of the purpose] and key [seed, 0]."""
    c3 = 0x811C9DC5
    for letter in purpose:
        for byte in (ord(letter) & 255, ord(letter) >> 8):
            c3 = ((c3 ^ byte) * 0x01000193) % 2**32
    words = []
    for block in range(math.ceil(count / 4)):
        x, key = [block, step, sub, c3], [seed, 0]
        for _ in range(10):
            a, b = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
            x = [(b >> 32) ^ x[1] ^ key[0], b % 2**32, (a >> 32) ^ x[3] ^ key[1], a % 2**32]
            key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
        words += x
    return words[:count]


def batch_of(encoder, objective, number):
    """Labels follow from the tokens, so that training has a direction to go."""
    config = ENCODERS[encoder][2]
    ids = 5 + numbers(2000 + number, config.vocab_size - 5, EXAMPLES, TOKENS)
    mask = torch.ones_like(ids)
    for row in range(1, EXAMPLES):
        less = (row + number) % 3
        if less:
            ids[row, -less:] = config.pad_token_id
            mask[row, -less:] = 0
    batch = dict(input_ids=ids, attention_mask=mask)
    if objective == "span":
        return batch | dict(start_positions=ids[:, 0] % 4, end_positions=ids[:, 0] % 4 + ids[:, 1] % 2)
    if objective == "mlm":
        chosen = (numbers(3000 + number, 4, EXAMPLES, TOKENS) == 0) & (mask == 1)
        return batch | dict(labels=torch.where(chosen, ids, -100))
    return batch | dict(labels=ids[:, :3].sum(-1) % LABELS)


def layer_of(name):
    return int(name.split(".layer.")[1].split(".")[0])


def is_task(name):
    return ".adapters.task." in name or ".loras.task." in name


def traces(model, objective, batches, fidelity, step):
    """tr(F) of every layer with all task adapters on; see repro/training/fisher.ts."""
    before = {n: v.requires_grad for n, v in model.named_parameters()}
    for name, value in model.named_parameters():
        if is_task(name):
            value.requires_grad = True
    total, examples = numpy.zeros(LAYERS), 0

    def squares(loss):
        model.zero_grad()
        loss.backward(retain_graph=True)
        out = numpy.zeros(LAYERS)
        for name, value in model.named_parameters():
            if is_task(name):
                out[layer_of(name)] += float((value.grad ** 2).sum())
        return out

    for index, batch in enumerate(batches):
        out = model(**{k: v for k, v in batch.items() if k in ("input_ids", "attention_mask")})
        rows = torch.cat([out.start_logits, out.end_logits]) if objective == "span" else out.logits
        if fidelity == "authors-code":
            labels = rows.argmax(-1)
        else:
            uniforms = torch.tensor(philox_words(SEED, "fisher-labels", step, index, len(rows))).double() / 2**32
            labels = (rows.softmax(-1).cumsum(-1) <= uniforms[:, None]).sum(-1).clamp(max=rows.shape[-1] - 1)
        losses = torch.nn.functional.cross_entropy(rows, labels, reduction="none")
        if fidelity == "authors-code":
            total += squares(losses.mean()) / EXAMPLES
        else:
            for example in range(EXAMPLES):
                total += squares(losses.reshape(-1, EXAMPLES)[:, example].sum())
        examples += EXAMPLES
    model.zero_grad()
    for name, value in model.named_parameters():
        value.requires_grad = before[name]
    return total if fidelity == "authors-code" else total / examples


def layers_due(method, fidelity, t, unfrozen, trace):
    """The layers that open before update t, as authors-code.md and Algorithm 1 have it."""
    frozen = [j for j in range(LAYERS) if j not in unfrozen]
    top = LAYERS - 1
    coded = fidelity == "authors-code"
    if method == "standard":
        return frozen if t == 0 else []
    if method == "lpft":
        return frozen if (t + 1 if coded else t) == LPFT_INTERVAL else []
    opened = [top] if coded and t == 0 else []
    count = t + 1 if coded else t
    m = count // INTERVAL
    if count % INTERVAL or m > LAYERS or not frozen:
        return opened
    if method in ("gu", "rev"):
        place = m - 1 if coded else m
        order = list(range(LAYERS)) if method == "rev" else list(range(LAYERS))[::-1]
        chosen = order[place:place + 1]
    elif method == "rand":
        left = [j for j in frozen if j not in opened]
        chosen = [left[philox_words(SEED, "rand-schedule", t, 0, 1)[0] * len(left) // 2**32]]
    else:
        found = trace()
        ranked = sorted((found[j] for j in frozen), reverse=True)
        assert len(ranked) == 1 or ranked[0] > ranked[1] * 1.001, (method, fidelity, t, ranked)
        chosen = [max(frozen, key=found.__getitem__)]
    return opened + [j for j in chosen if j in frozen and j not in opened]


def update(state, named, rate, fidelity):
    """authors-code: AdamW of transformers 4.19. paper: as published. One step count a parameter in both."""
    for name, value in named:
        if value.grad is None:
            continue
        own = state.setdefault(name, dict(t=0, m=torch.zeros_like(value), v=torch.zeros_like(value)))
        own["t"] += 1
        t, m, v = own["t"], own["m"], own["v"]
        m.mul_(0.9).add_(value.grad, alpha=0.1)
        v.mul_(0.999).addcmul_(value.grad, value.grad, value=0.001)
        first, second = 1 - 0.9 ** t, math.sqrt(1 - 0.999 ** t)
        if fidelity == "authors-code":
            value.data.addcdiv_(m, v.sqrt() + 1e-8, value=-rate * second / first)
        else:
            value.data.addcdiv_(m, v.sqrt() / second + 1e-8, value=-rate / first)


def trajectory(encoder, objective, kind, method, fidelity):
    prefix = ENCODERS[encoder][1]
    model = build(encoder, objective, kind)
    train(model, prefix, kind)
    named = [(n, v) for n, v in model.named_parameters() if v.requires_grad]
    batches = [batch_of(encoder, objective, number) for number in range(BATCHES)]
    fisher = [batch_of(encoder, objective, 100 + number) for number in range(2)]
    state, unfrozen, losses, schedule = {}, [], [], []
    for t in range(STEPS):
        due = layers_due(method, fidelity, t, unfrozen, lambda: traces(model, objective, fisher, fidelity, t))
        if due:
            schedule.append([t, due])
            unfrozen += due
        if kind in ("madx", "lora"):
            for name, value in named:
                if is_task(name):
                    value.requires_grad = layer_of(name) in unfrozen
        model.zero_grad()
        loss = model(**batches[t % BATCHES]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([v for _, v in named if v.grad is not None], 1.0)
        update(state, named, LEARNING_RATE * (STEPS - t) / STEPS, fidelity)
        losses.append(float(loss))
    end = torch.stack([digest(v) for _, v in named])
    return dict(names=[n for n, _ in named], schedule=schedule, losses=losses[::20] + losses[-1:], end=end)


def kinds(encoder):
    objective = OBJECTIVES[encoder]
    for kind in ("madx", "lora"):
        yield objective, kind, "standard", "authors-code"
        for method in ("gu", "lpft", "rand", "fun", "rev"):
            for fidelity in ("paper", "authors-code"):
                yield objective, kind, method, fidelity
    yield objective, "none", "standard", "paper"
    yield "mlm", "language", "standard", "paper"


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs, tensors = [], {}
    for encoder in ENCODERS:
        for objective, kind, method, fidelity in kinds(encoder):
            found = trajectory(encoder, objective, kind, method, fidelity)
            key = "-".join((encoder, objective, kind, method, fidelity))
            print(key, [round(x, 3) for x in found["losses"][::3]], found["schedule"], flush=True)
            runs.append(dict(encoder=encoder, objective=objective, adapter=kind, method=method, fidelity=fidelity,
                             schedule=found["schedule"], names=None if kind in ("none", "language") else found["names"]))
            # Names are the same for all methods of an adapter: they are stored once, sorted as PyTorch lists them.
            tensors[f"{key}/losses"] = numpy.array(found["losses"], numpy.float32)
            tensors[f"{key}/end"] = found["end"].numpy().astype(numpy.float32)
            runs[-1]["names"] = found["names"]
    names = {}
    for each in runs:
        key = "-".join((each["encoder"], each["objective"], each["adapter"]))
        names.setdefault(key, each["names"])
        assert names[key] == each.pop("names")
    configs = {encoder: {k: v for k, v in config.to_dict().items() if config.__class__().to_dict().get(k) != v
                         or k in NARROW or k in ("model_type", "vocab_size", "max_position_embeddings",
                                                 "type_vocab_size", "pad_token_id")}
               for encoder, (_, _, config) in ENCODERS.items()}
    save_file(tensors, DATA / "trajectories.safetensors")
    (DATA / "trajectories.json").write_text(json.dumps(dict(
        layers=LAYERS, steps=STEPS, interval=INTERVAL, lpftInterval=LPFT_INTERVAL, learningRate=LEARNING_RATE, seed=SEED,
        examples=EXAMPLES, tokens=TOKENS, batches=BATCHES, configs=configs, names=names, runs=runs),
        separators=(",", ":")) + "\n")
