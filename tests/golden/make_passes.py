"""Writes what tests/golden/passes.ts compares with: single passes of PyTorch, transformers and adapters on the CPU.

For each encoder, adapter and objective: logits, loss, every trainable gradient, and tr(F) per layer in both fidelities. Weights
follow from their names (formula.py); values are computed in float64 from float32 weights and stored as float32. Gradients of whole
encoders are stored as digests. It leaves training to make_trajectories.py. How to run it: CONTRIBUTING.md.

Keys: <case>/inputs/<name>, <case>/outputs/<name>, <case>/gradients/<Hugging Face name>, <case>/digests/<name>, <case>/fisher/…
"""

import json
import pathlib

import adapters
import numpy
import torch
from adapters import LoRAConfig, SeqBnInvConfig
from adapters.composition import Stack
from safetensors.numpy import save_file
import transformers
from transformers import BertConfig, DebertaV2Config, DistilBertConfig, XLMRobertaConfig

from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from formula import mixed, weights

DATA = pathlib.Path(__file__).parent / "fixtures"
LABELS = 3
# The second language adapter has another non-linearity, as AdapterHub's mBERT adapters do.
LANGUAGES = {"en": "relu", "de": "gelu"}

NARROW = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=12, hidden_act="gelu", hidden_dropout_prob=0.1,
              attention_probs_dropout_prob=0.1)
ENCODERS = {
    "bert": ("Bert", "bert", BertConfig(
        vocab_size=61, num_attention_heads=4, max_position_embeddings=16, type_vocab_size=2, **NARROW)),
    "xlmr": ("XLMRoberta", "roberta", XLMRobertaConfig(
        vocab_size=67, num_attention_heads=2, max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=1, **NARROW)),
    # Few buckets, so that distances of a short input share rows.
    "deberta": ("DebertaV2", "deberta", DebertaV2Config(
        vocab_size=59, num_attention_heads=4, max_position_embeddings=24, type_vocab_size=0, layer_norm_eps=1e-7,
        relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type="p2c|c2p", position_biased_input=False, **NARROW)),
    "distilbert": ("DistilBert", "distilbert", DistilBertConfig(
        vocab_size=61, dim=32, hidden_dim=48, n_layers=6, n_heads=4, max_position_embeddings=16)),
    # BERT's shape with XLM-R's tokenizer: heads of 32, no token types given, padding that is not token 0.
    "minilm": ("Bert", "bert", BertConfig(
        vocab_size=67, num_attention_heads=2, max_position_embeddings=16, type_vocab_size=2,
        **NARROW | dict(hidden_size=64, num_hidden_layers=3))),
}
CLASSES = dict(span="QuestionAnswering", classification="SequenceClassification", choice="MultipleChoice",
               mlm="MaskedLM", pretrain="PreTraining")
SHAPES = dict(span=(3, 10), classification=(3, 9), choice=(2, 2, 8), mlm=(3, 9), pretrain=(3, 9))


def build(encoder, objective, kind):
    family, _, base = ENCODERS[encoder]
    config = base.__class__.from_dict(base.to_dict())
    config._attn_implementation = "eager"
    config.num_labels = dict(span=2, choice=1).get(objective, LABELS)
    model = getattr(transformers, f"{family}For{CLASSES[objective]}")(config).double()
    adapters.init(model)
    if kind != "none":
        for code, activation in LANGUAGES.items():
            model.add_adapter(code, config=SeqBnInvConfig(reduction_factor=2, non_linearity=activation))
    if kind == "madx":
        model.add_adapter("task", config=SeqBnInvConfig(reduction_factor=16, non_linearity="relu"))
    if kind == "lora":
        model.add_adapter("task", config=LoRAConfig(r=4, alpha=8, dropout=0.0))
    model = model.double()
    for name, value in model.named_parameters():
        value.data = torch.from_numpy(weights(name, tuple(value.shape))).double()
    if objective in ("mlm", "pretrain") and kind != "none":
        # transformers' own head knows nothing of adapters: the inverse goes where MAD-X has it.
        inverse = model.base_model.invertible_adapters_forward
        model.get_output_embeddings().register_forward_pre_hook(lambda _, args: (inverse(args[0], rev=True),))
    model.eval()
    return model


def train(model, prefix, kind):
    """The authors' trainable set, a language adapter alone, or everything."""
    if kind != "none":
        model.set_active_adapters("en" if kind == "language" else Stack("en", "task"))
    for name, value in model.named_parameters():
        head = not name.startswith(prefix + ".")
        task = ".adapters.task." in name or ".loras.task." in name
        language = ".adapters.en." in name or ".invertible_adapters.en." in name
        value.requires_grad = dict(none=True, language=language).get(kind, head or task)


def numbers(seed, below, *shape):
    """Whole numbers below `below`, from the formula of the weights."""
    words = numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint64) + numpy.uint64(seed * 1000)
    return torch.from_numpy((mixed(words) % numpy.uint64(below)).astype(numpy.int64)).reshape(shape)


def batch_of(encoder, objective):
    _, _, config = ENCODERS[encoder]
    shape = SHAPES[objective]
    tokens = shape[-1]
    pad = 1 if encoder == "minilm" else config.pad_token_id
    ids = (5 + numbers(1, config.vocab_size - 5, *shape)).reshape(-1, tokens)
    mask = torch.ones_like(ids)
    for row, less in enumerate((0, 3, 1, 4)[:len(ids)]):
        if less:
            ids[row, -less:] = pad
            mask[row, -less:] = 0
    batch = dict(input_ids=ids.reshape(shape), attention_mask=mask.reshape(shape))
    if encoder in ("bert",):
        types = (torch.arange(tokens) >= tokens // 2).long().expand(ids.shape)
        batch["token_type_ids"] = (types * mask).reshape(shape).contiguous()
    examples = shape[0]
    if objective == "span":
        # One start lies beyond the window: transformers ignores it.
        starts = numbers(2, tokens // 2, examples)
        return batch, dict(start_positions=starts.index_fill(0, torch.tensor([2]), tokens + 3),
                           end_positions=starts + numbers(3, 3, examples))
    if objective in ("mlm", "pretrain"):
        chosen = (numbers(4, 3, *shape) == 0) & (batch["attention_mask"] == 1)
        labels = torch.where(chosen, numbers(5, config.vocab_size, *shape), -100)
        more = dict(next_sentence_label=numbers(6, 2, examples)) if objective == "pretrain" else {}
        return batch, dict(labels=labels) | more
    return batch, dict(labels=numbers(7, 2 if objective == "choice" else LABELS, examples))


def logits_of(objective, out):
    if objective == "span":
        return dict(start_logits=out.start_logits, end_logits=out.end_logits)
    if objective == "pretrain":
        return dict(logits=out.prediction_logits, seq_relationship_logits=out.seq_relationship_logits)
    return dict(logits=out.logits)


def digest(gradient):
    """L2 norm, and sums of the elements with signs that the formula draws: a difference anywhere shows in each with chance ½ or more."""
    flat = gradient.detach().numpy().reshape(-1)
    signs = [1 - 2 * numbers(100 + i, 2, flat.size).numpy() for i in range(6)]
    return torch.tensor([numpy.sqrt((flat ** 2).sum()), numpy.abs(flat).max()] + [(flat * each).sum() for each in signs])


def layer_squares(model, layers):
    out = torch.zeros(layers, dtype=torch.float64)
    for name, value in model.named_parameters():
        if (".adapters.task." in name or ".loras.task." in name) and value.grad is not None:
            out[int(name.split(".layer.")[1].split(".")[0])] += (value.grad ** 2).sum()
    return out


def fisher(model, objective, batch, layers):
    """tr(F) by layer. authors-code: mode labels, squared gradient of the mean over all rows, divided by the batch size.
    paper (Eq. 1): labels sampled with given uniform numbers, squared gradient of each example's negative log-likelihood, mean."""
    out = model(**batch)
    rows = torch.cat([out.start_logits, out.end_logits]) if objective == "span" else out.logits
    examples = batch["input_ids"].shape[0]
    uniforms = (numbers(8, 2**32, rows.shape[0]).double() + 0.5) / 2**32
    cumulative = rows.softmax(-1).cumsum(-1)
    sampled = (cumulative <= uniforms[:, None]).sum(-1).clamp(max=rows.shape[-1] - 1)
    result = dict(sampled=sampled, uniforms=uniforms, mode=rows.argmax(-1))

    def squares(labels, choose):
        model.zero_grad()
        losses = torch.nn.functional.cross_entropy(rows, labels, reduction="none")
        choose(losses).backward(retain_graph=True)
        return layer_squares(model, layers)

    result["authors-code"] = squares(result["mode"], lambda losses: losses.mean()) / examples
    result["paper"] = sum(squares(sampled, lambda losses, e=e: losses.reshape(-1, examples)[:, e].sum())
                          for e in range(examples)) / examples
    model.zero_grad()
    return result


def stored(values):
    array = values.detach().numpy()
    return numpy.ascontiguousarray(array.astype(numpy.int32 if array.dtype.kind == "i" else numpy.float32))


def run(encoder, objective, kind):
    _, prefix, config = ENCODERS[encoder]
    model = build(encoder, objective, kind)
    train(model, prefix, kind)
    batch, labels = batch_of(encoder, objective)
    out = model(**batch, **labels)
    out.loss.backward()
    # The masked-LM decoder is tied to the word embeddings and is listed once.
    gradients = {n: v.grad for n, v in model.named_parameters() if v.grad is not None}
    parts = dict(inputs=batch | labels, outputs=dict(loss=out.loss) | logits_of(objective, out))
    if kind == "none":
        parts["digests"] = {n: digest(g) for n, g in gradients.items()}
    else:
        parts["gradients"] = {n: g.clone() for n, g in gradients.items()}
    if kind == "madx":
        with torch.no_grad():
            model.set_active_adapters(Stack("de", "task"))
            swapped = logits_of(objective, model(**batch))
            model.set_active_adapters(Stack("en", "task"))
        parts["outputs"] |= {f"de_{k}": v for k, v in swapped.items()}
    if kind in ("madx", "lora") and objective != "mlm":
        parts["fisher"] = fisher(model, objective, batch, config.num_hidden_layers)
    name = f"{objective}-{kind}"
    print(f"{encoder:10} {name:22} loss {out.loss.item():.4f}  {len(gradients)} gradients")
    return {f"{name}/{part}/{key}": stored(value) for part, values in parts.items() for key, value in values.items()}


def cases(encoder):
    if encoder == "minilm":
        return [("span", "madx"), ("classification", "lora")]
    pretrain = "pretrain" if encoder == "bert" else "mlm"
    return [(objective, kind) for kind in ("madx", "lora") for objective in ("span", "classification", "choice", "mlm")] + [
        ("mlm", "language"), ("span", "none"), (pretrain, "none")]


def check_inverse(encoder):
    """The hook in build puts the invertible adapter's inverse where the library's own masked-LM head (AutoAdapterModel) has it."""
    family, prefix, base = ENCODERS[encoder]
    model = build(encoder, "mlm", "language")
    train(model, prefix, "language")
    config = base.__class__.from_dict(base.to_dict())
    config._attn_implementation = "eager"
    other = getattr(adapters, f"{family}AdapterModel")(config)
    for code, activation in LANGUAGES.items():
        other.add_adapter(code, config=SeqBnInvConfig(reduction_factor=2, non_linearity=activation))
    other.add_masked_lm_head("en", activation_function="gelu")
    other = other.double()
    state = dict(model.named_parameters())
    for name, value in other.named_parameters():
        if name in state:
            value.data = state[name].data
    # The head's own parameters, in the order dense, LayerNorm, decoder (tied, with the bias of its own).
    names = [n for n in state if not n.startswith(prefix + ".")]
    dense, norm = (n.rsplit(".", 1)[0] for n in names if n.endswith("weight"))
    bias = next(n for n in names if n not in (f"{dense}.bias", f"{norm}.bias") and n.endswith("bias"))
    head = other.heads["en"]
    for layer, name in ((head[0], dense), (head[2], norm)):
        layer.weight.data, layer.bias.data = state[f"{name}.weight"].data, state[f"{name}.bias"].data
    head[3].weight.data, head[3].bias.data = model.get_input_embeddings().weight.data, state[bias].data
    other.set_active_adapters("en")
    other.eval()
    batch, _ = batch_of(encoder, "mlm")
    with torch.no_grad():
        assert torch.equal(other(**batch).logits, model(**batch).logits), encoder


def buckets():
    """DeBERTa's buckets of distances 0, 1, 2 …: how many distances each has, from bucket 0 on. 256, 512 are mDeBERTa's."""
    return {f"{count},{maximum}": torch.unique_consecutive(
        make_log_bucket_position(torch.arange(0, 1200), count, maximum).long(), return_counts=True)[1].tolist()
        for count, maximum in ((256, 512), (32, 128), (8, 24), (6, 13), (256, 1024))}


if __name__ == "__main__":
    torch.set_num_threads(1)
    DATA.mkdir(exist_ok=True)
    (DATA / "passes-buckets.json").write_text(json.dumps(buckets(), separators=(",", ":")) + "\n")
    for encoder, (_, _, config) in ENCODERS.items():
        tensors = {}
        if encoder != "minilm":
            check_inverse(encoder)
        for objective, kind in cases(encoder):
            tensors |= run(encoder, objective, kind)
        save_file(tensors, DATA / f"passes-{encoder}.safetensors")
        # Whatever differs from the defaults, and what a config.json always holds.
        default = config.__class__().to_dict()
        kept = {k: v for k, v in config.to_dict().items() if default.get(k) != v or k in NARROW or k in (
            "model_type", "vocab_size", "max_position_embeddings", "type_vocab_size", "pad_token_id", "dim", "n_layers",
            "n_heads", "hidden_dim")}
        (DATA / f"passes-{encoder}.json").write_text(json.dumps(kept, indent=2) + "\n")
    for path in sorted(DATA.glob("passes-*")):
        print(f"{path.stat().st_size:9d} {path.name}")
