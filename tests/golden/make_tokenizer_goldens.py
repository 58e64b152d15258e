"""Compares this project's tokens with Python's, prints a table, and writes the answers that tokenizers.test.ts checks.

It leaves making our side to make_tokenizer_goldens.ts, which is to be run first. transformers' fast tokenizers give the answers; the slow
ones and the sentencepiece library are compared in ids only, to say where the fast ones themselves differ from them.
The pins are requirements.txt's, with sentencepiece and protobuf for the slow tokenizers:

    npx tsx tests/golden/make_tokenizer_goldens.ts FOLDER
    python tests/golden/make_tokenizer_goldens.py FOLDER [--slow] [--scores N]

--slow also runs the slow tokenizers (ten minutes more); --scores counts ties among XLM-R's rounded scores, and draws scores N times
within their rounding to count what changes. Rows of numbers are int32: tokens [n, ids, starts, ends], features as tokenizer_sets.ts says.
"""

import argparse
import base64
import collections
import hashlib
import json
import pathlib
import warnings

import numpy
import tokenizers
import transformers
from transformers import (
    BertTokenizer,
    BertTokenizerFast,
    DebertaV2Tokenizer,
    DebertaV2TokenizerFast,
    XLMRobertaTokenizer,
    XLMRobertaTokenizerFast,
)

FIXTURE = pathlib.Path(__file__).parent / "fixtures" / "tokenizers.json"
# The gate compares every STEP-th text and example.
STEP = 24
CLASSES = {
    "mbert": (BertTokenizerFast, BertTokenizer),
    "mbert-json": (BertTokenizerFast, None),
    "mbert-lower": (BertTokenizerFast, BertTokenizer),
    "xlmr": (XLMRobertaTokenizerFast, XLMRobertaTokenizer),
    "xlmr-json": (XLMRobertaTokenizerFast, None),
    "mdeberta": (DebertaV2TokenizerFast, DebertaV2Tokenizer),
}


def digest(rows):
    return hashlib.sha256(b"".join(row.tobytes() for row in rows)).hexdigest()


def token_rows(tokenizer, texts):
    rows = []
    for at in range(0, len(texts), 2048):
        got = tokenizer(texts[at : at + 2048], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for ids, offsets in zip(got["input_ids"], got["offset_mapping"]):
            starts, ends = zip(*offsets) if offsets else ((), ())
            rows.append(numpy.array([len(ids), *ids, *starts, *ends], dtype="<i4"))
    return rows


def feature_rows(tokenizer, kind, pairs, lengths):
    length = lengths[kind]
    rows = []
    for at in range(0, len(pairs), 1024):
        part = pairs[at : at + 1024]
        first, second = [p[0] for p in part], [p[1] for p in part]
        if kind == "question":
            # As in the example script for SQuAD: white space before a question would count against the context.
            first = [question.lstrip() for question in first]
            options = dict(
                truncation="only_second",
                stride=lengths["docStride"],
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )
        else:
            options = dict(truncation="longest_first")
        got = tokenizer(first, second, max_length=length, padding="max_length", **options)
        for i, ids in enumerate(got["input_ids"]):
            example = at + (got["overflow_to_sample_mapping"][i] if kind == "question" else i)
            if kind == "choice":
                example //= 2
            # XLM-R's tokenizer gives none, and the model then takes zeros.
            types = got["token_type_ids"][i] if "token_type_ids" in got else [0] * length
            row = [example, *ids, *got["attention_mask"][i], *types]
            if kind == "question":
                inside = [s == 1 for s in got.sequence_ids(i)]
                offsets = got["offset_mapping"][i]
                row += [o[0] if s else -1 for o, s in zip(offsets, inside)]
                row += [o[1] if s else -1 for o, s in zip(offsets, inside)]
            rows.append(numpy.array(row, dtype="<i4"))
    return rows


def read_tokens(path):
    data = numpy.fromfile(path, dtype="<i4")
    rows, at = [], 0
    while at < len(data):
        size = 1 + 3 * int(data[at])
        rows.append(data[at : at + size])
        at += size
    return rows


def ids_of(row):
    return row[1 : 1 + row[0]]


def slow_ids(tokenizer, text):
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))


def show(piece_of, text, ours, theirs):
    a, b = ([piece_of(int(i)) for i in ids] for ids in (ours, theirs))
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"      {text[:60]!r}: token {at}: {a[max(0, at - 1):at + 4]} / {b[max(0, at - 1):at + 4]}"


def parts(tokenizer):
    """The tokenizer.json that Python uses, with hashes in place of what is long."""
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = whole["model"]["vocab"]
    if isinstance(vocabulary, dict):
        names = sorted(vocabulary, key=vocabulary.get)
    else:
        names = [piece for piece, _ in vocabulary]
        scores = numpy.array([score for _, score in vocabulary], dtype="<f4")
        whole["model"]["scores"] = digest([scores])
    whole["model"]["vocab"] = digest([numpy.array(list("\n".join(names).encode()), dtype="u1")])
    for part in [whole["normalizer"], *(whole["normalizer"].get("normalizers") or [])]:
        if part["type"] == "Precompiled":
            part["precompiled_charsmap"] = hashlib.sha256(base64.b64decode(part["precompiled_charsmap"])).hexdigest()
    return whole


def best_cut(word, scores, longest, moved=None):
    """The best cut of a word into pieces, its score, and how many cuts have that score; whole numbers, so that ties are exact.

    moved: pieces of a cut, which are made worse by what rounding may have added, while all others are made better.
    """
    best = [0] + [None] * len(word)
    ways = [1] + [0] * len(word)
    back = [0] * (len(word) + 1)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
            piece = word[start:end]
            found = scores.get(piece)
            if found is None:
                if end - start > 1:
                    continue
                found = (UNKNOWN, 0)
            score, half = found
            if moved is not None:
                score += -half if piece in moved else half
            total = best[start] + score
            if best[end] is None or total > best[end]:
                best[end], ways[end], back[end] = total, ways[start], start
            elif total == best[end]:
                ways[end] += ways[start]
    pieces, at = [], len(word)
    while at > 0:
        pieces.append(word[back[at] : at])
        at = back[at]
    return pieces, best[-1], ways[-1]


# Worse than any piece, in the units below.
UNKNOWN = -10_000_000


def rounded_scores(folder, root_texts, count):
    """How much would change if XLM-R's scores were not rounded to six digits: ties, cuts that any true scores could turn, draws."""
    tokenizer = XLMRobertaTokenizerFast.from_pretrained(folder)
    backend = tokenizer.backend_tokenizer
    base = json.loads(backend.to_str())
    vocab = base["model"]["vocab"]
    # In units of 5e-6: half the last digit of a score under ten; ten units above.
    scores = {p: (round(s * 200_000), 10 if abs(s) >= 10 else 1) for p, s in vocab[4:-1]}
    longest = max(map(len, scores))
    words = collections.Counter()
    for texts in root_texts.values():
        for text in texts:
            words.update(w for w, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text)))
    tied, open_ = collections.Counter(), collections.Counter()
    for word, times in words.items():
        pieces, score, ways = best_cut(word, scores, longest)
        if ways > 1:
            tied[word] = times
        worst = score - sum(scores.get(p, (0, 0))[1] for p in pieces)
        if best_cut(word, scores, longest, set(pieces))[1] > worst or ways > 1:
            open_[word] = times
    print(f"{len(words)} different words, {sum(words.values())} in all")
    print(f"exact ties of the rounded scores: {len(tied)} words, {sum(tied.values())} in all: {tied.most_common(8)}")
    print(f"true scores could turn: {len(open_)} words, {sum(open_.values())} in all: {open_.most_common(8)}", flush=True)
    before = {n: [e.ids for e in backend.encode_batch(t, add_special_tokens=False)] for n, t in root_texts.items()}
    random = numpy.random.default_rng(1)
    for draw in range(count):
        rounded = numpy.array([float(f"{score:.6g}") for _, score in vocab])
        half = numpy.where(numpy.abs(rounded) >= 10, 5e-5, 5e-6)
        moved = rounded + random.uniform(-half, half)
        # Ids go by falling score, so pieces with equal rounded scores keep their order.
        moved[4:-1] = -numpy.sort(-moved[4:-1])
        new = [[p, m if 4 <= i < len(vocab) - 1 else s] for i, ((p, s), m) in enumerate(zip(vocab, moved.tolist()))]
        other = tokenizers.Tokenizer.from_str(json.dumps({**base, "model": {**base["model"], "vocab": new}}))
        differ = {}
        for name, texts in root_texts.items():
            after = other.encode_batch(texts, add_special_tokens=False)
            differ[name] = sum(a != e.ids for a, e in zip(before[name], after))
        total = sum(len(t) for t in root_texts.values())
        print(f"draw {draw + 1}: {sum(differ.values())} of {total} texts differ:", {n: d for n, d in differ.items() if d}, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--scores", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    folder = options.folder
    described = json.loads((folder / "sets.json").read_text())
    lengths = described["lengths"]
    texts_of = {
        name: json.loads((folder / "texts" / f"{name}.json").read_text()) for name in ["edges", *described["sets"]]
    }
    if options.scores:
        del texts_of["edges"]
        return rounded_scores(folder / "xlmr", {n: t["texts"] for n, t in texts_of.items()}, options.scores)

    stored = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "step": STEP,
        "edges": {},
        "tokenizers": {},
    }
    for name, (fast_class, slow_class) in CLASSES.items():
        if options.only and name != options.only:
            continue
        fast = fast_class.from_pretrained(folder / name)
        slow = slow_class.from_pretrained(folder / name) if slow_class and options.slow else None
        model = None
        if options.slow and name in ("xlmr", "mdeberta"):
            import sentencepiece

            file = next((folder / name).glob("*.model"))
            model = sentencepiece.SentencePieceProcessor(model_file=str(file))
        entry = {"parts": parts(fast), "tokens": {}, "features": {}}
        print(f"{name}: ours and {fast_class.__name__}" + (f", the same and {slow_class.__name__}" if slow else ""))
        total = numpy.zeros(7, dtype=int)
        for set_name, given in texts_of.items():
            texts = given["texts"]
            rows = token_rows(fast, texts)
            ours = read_tokens(folder / "ours" / name / f"{set_name}.tokens")
            assert len(rows) == len(ours) == len(texts)
            differ = [i for i, (a, b) in enumerate(zip(ours, rows)) if not numpy.array_equal(a, b)]
            counts = [len(texts), sum(int(row[0]) for row in rows), len(differ), 0, 0, 0, 0]
            shown = [show(fast.convert_ids_to_tokens, texts[i], ids_of(ours[i]), ids_of(rows[i])) for i in differ[:3]]
            if set_name == "edges":
                stored["edges"][name] = [digest([row])[:16] for row in rows]
            else:
                entry["tokens"][set_name] = [digest(rows), digest(rows[::STEP])]
                features = feature_rows(fast, given["kind"], given["pairs"], lengths)
                flat = numpy.fromfile(folder / "ours" / name / f"{set_name}.features", dtype="<i4")
                theirs = numpy.stack(features)
                mine = flat.reshape(-1, theirs.shape[1])
                counts[3] = len(theirs)
                counts[4] = (
                    int((mine != theirs).any(axis=1).sum()) if mine.shape == theirs.shape else max(len(mine), len(theirs))
                )
                every = 2 if given["kind"] == "choice" else 1
                kept = [pair for i, pair in enumerate(given["pairs"]) if (i // every) % STEP == 0]
                entry["features"][set_name] = [
                    digest(features),
                    digest(feature_rows(fast, given["kind"], kept, lengths)),
                ]
            if slow is not None:
                for i, text in enumerate(texts):
                    ids = slow_ids(slow, text)
                    if ids != ids_of(rows[i]).tolist():
                        counts[5] += 1
                        if counts[5] <= 2:
                            shown.append(show(fast.convert_ids_to_tokens, text, ids_of(rows[i]), ids))
            if model is not None:
                offset = {0: 3} if name == "xlmr" else {}
                encoded = model.encode(texts)
                for row, ids in zip(rows, encoded):
                    if name == "xlmr":
                        ids = [offset.get(i, i + 1) for i in ids]
                    counts[6] += ids != ids_of(row).tolist()
            total += counts
            print(
                f"  {set_name:10} {counts[0]:6} texts {counts[1]:8} tokens: {counts[2]} differ; "
                f"{counts[3]:5} rows: {counts[4]} differ"
                + (f"; slow: {counts[5]}" if slow else "")
                + (f"; sentencepiece: {counts[6]}" if model else ""),
                flush=True,
            )
            print("\n".join(shown), end="\n" if shown else "")
        print(f"  all: {total.tolist()}")
        stored["tokenizers"][name] = entry
    if not options.only:
        FIXTURE.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
        print(f"wrote {FIXTURE} ({FIXTURE.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
