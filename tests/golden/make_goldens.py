"""Writes narrow random encoders with adapters, whose files make_adapter_files.py saves: PyTorch, transformers and adapters on the CPU.

It leaves single passes to make_passes.py and training to make_trajectories.py. How to run it: CONTRIBUTING.md.

Keys in the files: weights/<Hugging Face name>.
"""

import json
import pathlib

import adapters
import numpy
import torch
from adapters import LoRAConfig, SeqBnInvConfig
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


def encoder_files():
    for kind, spec in ENCODERS.items():
        # The union of what the models have: the pooler, the adapters of both languages and of the task.
        weights = {}
        for task in ("span", "choice"):
            for name, value in build(kind, task).named_parameters():
                if name.startswith(spec["prefix"] + ".") and "task.F" not in name and "task.G" not in name:
                    weights[name] = value
        case_file(f"{kind}-encoder", weights=weights)
        head = {n: v for n, v in build(kind, "classification").named_parameters() if not n.startswith(spec["prefix"] + ".")}
        case_file(f"{kind}-head", weights=head)
        config = {k: v for k, v in spec["config"].to_dict().items() if k in (
            "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "pad_token_id", "initializer_range")}
        (DATA / f"{kind}-config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    DATA.mkdir(exist_ok=True)
    encoder_files()
    for path in sorted(DATA.iterdir()):
        print(f"{path.stat().st_size:9d} {path.name}")
