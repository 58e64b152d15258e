"""Writes the small PyTorch files that tests/unit/torch-files.test.ts reads, and what is in them.

It leaves the comparison to the test. Python is needed only to remake the files (CONTRIBUTING.md says how to install it):

    python tests/golden/make_torch_files.py        # rewrites tests/fixtures/files/*.bin and torch-files.json
"""

import collections
import json
import pathlib

import torch

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "files"


def tensors():
    g = torch.Generator().manual_seed(3)
    base = torch.randn(4, 6, generator=g)
    big = torch.arange(30, dtype=torch.float32)
    return collections.OrderedDict(
        plain=base,
        transposed=base.t(),
        slice=base[1:3, ::2],
        tail=big[7:],
        expanded=torch.tensor([[1.5], [2.5]]).expand(2, 3),
        scalar=torch.tensor(2.25),
        empty=torch.zeros(0, 3),
        half=torch.tensor([0.5, -65504.0, 6e-8], dtype=torch.float16),
        bfloat=torch.tensor([1.0, -3.140625, 1e30], dtype=torch.bfloat16),
        double=torch.tensor([0.1, -2.0], dtype=torch.float64),
        long=torch.tensor([-5, 2**31 - 1]),
        int=torch.tensor([7, -8], dtype=torch.int32),
        short=torch.tensor([300, -300], dtype=torch.int16),
        char=torch.tensor([-1, 5], dtype=torch.int8),
        byte=torch.tensor([200, 5], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    )


class Custom:
    pass


def main():
    FOLDER.mkdir(exist_ok=True)
    state = tensors()
    zip_state = collections.OrderedDict(state, view=torch.arange(6.0).view(2, 3), shared=state["plain"][2])
    torch.save(zip_state, FOLDER / "zip.bin")
    torch.save(zip_state, FOLDER / "legacy.bin", _use_new_zipfile_serialization=False)
    module = torch.nn.Linear(3, 2)
    module.weight.data = torch.arange(6.0).view(2, 3)
    module.bias.data = torch.tensor([0.5, -0.5])
    # A state dict with its _metadata attribute, under the name that trainers give it, beside other things.
    torch.save({"state_dict": module.state_dict(), "epoch": 3, "lr": 0.5, "name": "x", "done": True, "none": None,
                "set": {1, 2}, "tuple": (1, (2, 3)), "size": torch.Size([2]), "big": 2**80, "bytes": b"\x00\xff",
                "dtype": torch.float16, "device": torch.device("cpu")}, FOLDER / "wrapped.bin")
    torch.save({"weight": torch.ones(2), "extra": Custom()}, FOLDER / "refused.bin")
    expected = {}
    for name, value in zip_state.items():
        flat = value.detach().reshape(-1)
        expected[name] = dict(shape=list(value.shape), values=flat.to(torch.float64).tolist())
    (FOLDER / "torch-files.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
