"""Weights as a function of (name, element), the same in formula.ts; the scales are in formula.json.

It leaves to the callers which names there are. Nothing is stored: both sides compute the values, exactly alike.
"""

import json
import pathlib
import re

import numpy

RULES = json.loads((pathlib.Path(__file__).parent / "formula.json").read_text())["rules"]


def mixed(words):
    """Avalanche of 32-bit words: shifts and odd multipliers, modulo 2^32."""
    words = words.astype(numpy.uint64)
    for shift, multiplier in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        words ^= words >> numpy.uint64(shift)
        words = (words * numpy.uint64(multiplier)) & numpy.uint64(0xFFFFFFFF)
    return words


def weights(name, shape):
    """float32 values of a parameter."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) % 2**32
    count = int(numpy.prod(shape))
    steps = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(0x9E3779B9)
    uniform = mixed((steps + numpy.uint64(start)) & numpy.uint64(0xFFFFFFFF)).astype(numpy.float64) / 2**31 - 1
    offset, scale = next((o, s) for pattern, o, s in RULES if re.search(pattern, name))
    return (offset + scale * uniform).astype(numpy.float32).reshape(shape)
