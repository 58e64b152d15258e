"""Loads in Python what export_runs.ts exported of finished runs, and compares the logits. It leaves making and exporting runs to others.

    python tests/golden/check_exports.py FOLDER

Whole models are loaded by transformers from their folder alone, with their tokenizer; adapters by `adapters` into the run's encoder.
"""

import json
import pathlib
import sys

import adapters
import torch
from adapters.composition import Stack
from transformers import (AutoConfig, AutoModelForMaskedLM, AutoModelForMultipleChoice, AutoModelForQuestionAnswering,
                          AutoModelForSequenceClassification, AutoTokenizer)

CLASSES = dict(squad=AutoModelForQuestionAnswering, xnli=AutoModelForSequenceClassification,
               copa=AutoModelForMultipleChoice, mlm=AutoModelForMaskedLM)


def whole_model(folder, case):
    model, info = CLASSES[case["task"]].from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[kind], f"{kind}: {info[kind]}"
    ids = AutoTokenizer.from_pretrained(folder)(case["text"])["input_ids"]
    assert ids == case["ids"], f"tokens of {case['text']!r}: {ids}, ours {case['ids']}"
    return model


def with_adapters(folder, case):
    config = AutoConfig.from_pretrained(case["encoder"], **(dict(num_labels=3) if case["task"] == "xnli" else {}))
    model = CLASSES[case["task"]].from_pretrained(case["encoder"], config=config)
    adapters.init(model)
    names = [model.load_adapter(str(folder / name)) for name in case["adapters"]]
    model.set_active_adapters(Stack(*names))
    if case["task"] == "mlm":
        # As in make_passes.build: transformers' own head knows nothing of the inverse.
        model.get_output_embeddings().register_forward_pre_hook(
            lambda _, args, base=model.base_model: (base.invertible_adapters_forward(args[0], rev=True),))
    return model


def check(folder):
    worst = 0.0
    for case in json.loads((folder / "expected.json").read_text()):
        model = whole_model(folder / case["folder"], case) if not case["adapters"] else with_adapters(folder, case)
        model.double().eval()
        with torch.no_grad():
            got = model(**{name: torch.tensor(values) for name, values in case["inputs"].items()})
        parts = [got.start_logits, got.end_logits] if case["task"] == "squad" else [got.logits]
        theirs = torch.cat([part.flatten() for part in parts])
        ours = torch.tensor(case["logits"]).double()
        difference = float((ours - theirs).abs().max() / theirs.abs().max())
        worst = max(worst, difference)
        print(f"{case['folder']} {model.config.model_type} {case['task']} {case['adapter']}: "
              f"{len(ours)} logits, largest relative difference {difference:.1e}")
    print(f"largest of all: {worst:.1e}")
    if not worst <= 1e-5:
        raise SystemExit("the logits differ by more than 1e-5")


if __name__ == "__main__":
    torch.set_num_threads(1)
    check(pathlib.Path(sys.argv[1]))
