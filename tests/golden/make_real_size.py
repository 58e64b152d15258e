"""Writes encoders of real size with random weights, as transformers saves them: for bench/real_size.ts, which measures loading and training.

    python tests/golden/make_real_size.py FOLDER          # FOLDER/{mbert,xlmr}/{safetensors,shards,bin,legacy}: 7 GB
    npx tsx bench/real_size.ts FOLDER/xlmr/bin --check    # the hidden states are PyTorch's

It leaves tokenizers out: the measurement needs none.
"""

import json
import pathlib
import sys

import torch
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

MODELS = {
    "mbert": (BertModel, BertConfig(vocab_size=119547)),
    "xlmr": (XLMRobertaModel, XLMRobertaConfig(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1,
                                              layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)),
}


def main(folder, names):
    for name in names:
        cls, config = MODELS[name]
        torch.manual_seed(5)
        model = cls(config)
        model.save_pretrained(folder / name / "safetensors")
        model.save_pretrained(folder / name / "shards", max_shard_size="500MB")
        state = model.eval().state_dict()
        ids = [(7 + 30_011 * i) % config.vocab_size for i in range(24)]
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state
        (folder / name / "expected.json").write_text(json.dumps(dict(ids=ids, hidden=hidden.flatten().tolist())))
        for form, is_new in (("bin", True), ("legacy", False)):
            (folder / name / form).mkdir(parents=True, exist_ok=True)
            config.save_pretrained(folder / name / form)
            torch.save(state, folder / name / form / "pytorch_model.bin", _use_new_zipfile_serialization=is_new)
        print(name, sum(v.numel() for v in state.values()), "values")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1]), sys.argv[2:] or list(MODELS))
