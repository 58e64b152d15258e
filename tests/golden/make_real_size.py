"""Writes encoders of real size with random weights, as transformers saves them: for bench/real_size.ts, which measures loading and training.

    python tests/golden/make_real_size.py FOLDER          # FOLDER/{mbert,xlmr}/{safetensors,shards,bin,legacy}: 7 GB
    python tests/golden/make_real_size.py FOLDER --models xlmr --forms safetensors    # only what is named
    python tests/golden/make_real_size.py FOLDER --small  # the same files for two layers of width 64, to try the script
    npx tsx bench/real_size.ts FOLDER/xlmr/bin --check    # the hidden states are PyTorch's

It leaves tokenizers out: the measurement needs none.
"""

import argparse
import json
import pathlib

import torch
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

MODELS = {
    "mbert": (BertModel, BertConfig(vocab_size=119547)),
    "xlmr": (XLMRobertaModel, XLMRobertaConfig(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1,
                                              layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)),
}


FORMS = ("safetensors", "shards", "bin", "legacy")
SMALL = dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, intermediate_size=256, vocab_size=3_000)


def save(model, folder, form):
    if form in ("bin", "legacy"):
        folder.mkdir(parents=True, exist_ok=True)
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=form == "bin")
    else:
        # Shards of a quarter of the weights, whatever their size.
        size = sum(v.numel() for v in model.parameters())
        model.save_pretrained(folder, max_shard_size=size if form == "shards" else "50GB")


def main(folder, names, forms, small):
    for name in names:
        cls, config = MODELS[name]
        if small:
            config.update(SMALL)
        torch.manual_seed(5)
        model = cls(config).eval()
        for form in forms:
            save(model, folder / name / form, form)
        ids = [(7 + 30_011 * i) % config.vocab_size for i in range(24)]
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state
        (folder / name / "expected.json").write_text(json.dumps(dict(ids=ids, hidden=hidden.flatten().tolist())))
        print(name, sum(v.numel() for v in model.parameters()), "values")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    main(options.folder, options.models, options.forms, options.small)
