"""Writes small adapters as Python's libraries save them, with the logits that they give, for tests/golden/adapter_files.test.ts; and
checks adapters that this project saved. It leaves the encoders to make_passes.py: BERT, XLM-R, DeBERTa-v2 and DistilBERT by formula.

    python tests/golden/make_adapter_files.py                  # rewrites tests/golden/fixtures/adapters
    npx tsx tests/golden/save_adapters.ts FOLDER               # trains a few steps and saves, with the engine's logits
    python tests/golden/make_adapter_files.py --check FOLDER   # loads all that in Python and compares

Python is needed only for this; how to install it: CONTRIBUTING.md.
"""

import json
import pathlib
import shutil
import sys
import zipfile

import adapters
import peft
import torch
from adapters import LoRAConfig, SeqBnConfig, SeqBnInvConfig
from adapters.composition import Stack

import make_passes as passes

FOLDER = passes.DATA / "adapters"
KINDS = ("bert", "xlmr", "deberta", "distilbert")
# Query and value of attention, as PEFT is told which layers to change.
TARGETS = dict(deberta=["query_proj", "value_proj"], distilbert=["q_lin", "v_lin"])


def classifier(kind):
    return passes.build(kind, "classification", "none")


def batch(kind):
    return passes.batch_of(kind, "classification")[0]


def fill(model, part, seed):
    """New values for what `part` names; the formula has given the encoder its own."""
    for name, value in model.named_parameters():
        if part in name:
            generator = torch.Generator().manual_seed(seed * 7919 + len(name) * 31 + sum(map(ord, name)) % 9973)
            value.data = (0.2 * torch.randn(value.shape, generator=generator)).to(value.dtype)


def save(model, name, *path):
    folder = FOLDER.joinpath(*path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    model.float().save_adapter(str(folder), name)
    model.double()
    return folder


def packed(folder):
    """A zip archive in place of the folder, its members in a folder of their own."""
    with zipfile.ZipFile(f"{folder}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{folder.name}/{path.name}")
    shutil.rmtree(folder)


def mad_x(kind, out):
    """Language adapter (swish, a third, with invertible block), task adapter and the head of the model class."""
    model = classifier(kind)
    model.add_adapter("xx", config=SeqBnInvConfig(reduction_factor=3, non_linearity="swish", inv_adapter_reduction_factor=4))
    model.add_adapter("nli", config=SeqBnConfig(reduction_factor=8, non_linearity="gelu", leave_out=[]))
    model.double()
    fill(model, "adapters", 1)
    # Saved as float32, so that both sides start from the same values.
    model.float().double()
    model.set_active_adapters(Stack("xx", "nli"))
    out[f"{kind}-mad-x"] = logits(model, batch(kind))
    packed(save(model, "xx", f"{kind}-mad-x", "xx"))
    save(model, "nli", f"{kind}-mad-x", "nli")


def legacy(kind, out):
    """The first format: typed collections, a nested invertible block, no version, GELU by its old name, PyTorch's old file format."""
    model = classifier(kind)
    model.add_adapter("sw", config=SeqBnInvConfig(reduction_factor=4, non_linearity="gelu"))
    fill(model.double(), "adapters", 2)
    folder = save(model, "sw", f"{kind}-legacy")
    weights = torch.load(folder / "pytorch_adapter.bin", weights_only=True)
    old = {k.replace(".invertible_adapters.", ".invertible_lang_adapters.").replace(".adapters.", ".layer_text_lang_adapters."): v
           for k, v in weights.items()}
    torch.save(old, folder / "pytorch_adapter.bin", _use_new_zipfile_serialization=False)
    (folder / "adapter_config.json").write_text(json.dumps(dict(
        config=dict(
            adapter_residual_before_ln=False, attention_type="sent-lvl-dynamic",
            invertible_adapter=dict(block_type="nice", non_linearity="relu", reduction_factor=2),
            leave_out=[], ln_after=False, ln_before=False, mh_adapter=False, new_attention_norm=False, non_linearity="gelu",
            original_ln_after=True, original_ln_before=True, output_adapter=True, reduction_factor=4, residual_before_ln=True),
        config_id="1ac2ea0ab3de1a58", hidden_size=32, model="BertModel", model_name="bert-base-multilingual-cased",
        model_type="bert", name="sw", type="text_lang"), indent=2))
    for name in ("head_config.json", "pytorch_model_head.bin"):
        (folder / name).unlink()
    # Python reads it, too: what it makes of the old names is what is wanted.
    fresh = classifier(kind)
    fresh.load_adapter(str(folder))
    fresh.double().eval()
    fresh.set_active_adapters("sw")
    assert fresh.adapters_config.get("sw")["non_linearity"] == "gelu_new"
    out[f"{kind}-legacy"] = logits(fresh, batch(kind))
    packed(folder)


def flexible(kind, out):
    """A LoRA with its own head in the library's numbering of layers."""
    static = classifier(kind)
    family, prefix, _ = passes.ENCODERS[kind]
    model = getattr(adapters, f"{family}AdapterModel")(static.config)
    model.load_state_dict({k: v for k, v in static.state_dict().items() if k.startswith(prefix + ".")}, strict=False)
    model.add_adapter("qa", config=LoRAConfig(r=4, alpha=8))
    model.add_qa_head("qa")
    model.double().eval()
    fill(model, "lora", 3)
    fill(model, "heads.", 4)
    model.float().double()
    model.set_active_adapters("qa")
    with torch.no_grad():
        got = model(**batch(kind))
    out[f"{kind}-flexible"] = [*got.start_logits.flatten().tolist(), *got.end_logits.flatten().tolist()]
    save(model, "qa", f"{kind}-flexible")


def with_peft(kind, out):
    model = classifier(kind)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(
        r=2, lora_alpha=6, target_modules=TARGETS.get(kind, ["query", "value"]), task_type="SEQ_CLS", lora_dropout=0.0))
    fill(wrapped, "lora_", 5)
    wrapped.float().double().eval()
    out[f"{kind}-peft"] = logits(wrapped, batch(kind))
    wrapped.float().save_pretrained(FOLDER / f"{kind}-peft")
    (FOLDER / f"{kind}-peft" / "README.md").unlink(missing_ok=True)


def logits(model, inputs):
    model.eval()
    with torch.no_grad():
        return model(**inputs).logits.flatten().tolist()


def make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    out = {}
    for kind in KINDS:
        mad_x(kind, out)
        flexible(kind, out)
        with_peft(kind, out)
    legacy("bert", out)
    inputs = {kind: {k: v.tolist() for k, v in batch(kind).items()} for kind in KINDS}
    (FOLDER / "expected.json").write_text(json.dumps(dict(inputs=inputs, logits=out), separators=(",", ":")) + "\n")
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:9d} {path.relative_to(FOLDER)}")


def check(folder):
    """Loads what save_adapters.ts wrote and compares logits."""
    expected = json.loads((folder / "expected.json").read_text())
    worst = 0.0
    for case in expected:
        kind, task = case["encoder"], case["task"]
        model = passes.build(kind, task, "none")
        for name in case["adapters"]:
            model.load_adapter(str(folder / case["folder"] / name))
        model.double().eval()
        model.set_active_adapters(Stack(*case["adapters"]) if case["adapters"] else None)
        if task == "mlm":
            # As in make_passes.build: transformers' own head knows nothing of the inverse.
            model.get_output_embeddings().register_forward_pre_hook(
                lambda _, args, base=model.base_model: (base.invertible_adapters_forward(args[0], rev=True),))
        inputs = {k: torch.tensor(v) for k, v in case["inputs"].items()}
        with torch.no_grad():
            got = model(**inputs)
        parts = [got.start_logits, got.end_logits] if task == "span" else [got.logits]
        theirs = torch.cat([part.flatten() for part in parts])
        ours = torch.tensor(case["logits"]).double()
        difference = float((ours - theirs).abs().max() / theirs.abs().max())
        worst = max(worst, difference)
        print(f"{case['folder']}: {len(ours)} logits, largest relative difference {difference:.1e}")
    print(f"largest of all: {worst:.1e}")
    if not worst <= 1e-4:
        raise SystemExit("the logits differ by more than 1e-4")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        make()
