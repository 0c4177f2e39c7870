"""Reads the public sets that the toxicity model learns from into one list of examples.

The folder holds one sub-folder a set, as each set is published: `toxic_spans` (typed spans on
Civil Comments), `paradetox` (toxic sentences with neutral rewrites), and ordinary customers' turns
and help articles as negatives (`banking77`, `bitext_intents`, `multidogo`, `kb`). A label that a
set says nothing about is NaN and adds nothing to the loss.
"""

import csv
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generation.training.toxicity_contrasts import contrasting_sentences
from generation.training.toxicity_templates import invented_sentences

LABELS = ("toxicity", "obscene", "identity_attack", "insult", "threat")
UNKNOWN = math.nan
_SPAN_TYPES = {
    "Insult": "insult",
    "Insu": "insult",
    "Profane/Obscene": "obscene",
    "Identity based Attack": "identity_attack",
    "Identity based": "identity_attack",
    "Threat": "threat",
}
_CROP_CHARACTERS = 420
_CLEAN = (0.0,) * len(LABELS)


class TrainingDataMissing(FileNotFoundError):
    """A set that training needs isn't in the folder; says which file was looked for."""


@dataclass(frozen=True)
class Example:
    """A text with one target in [0, 1] (or NaN: unknown) for each of `LABELS`, and its source."""

    text: str
    targets: tuple[float, ...]
    source: str
    weight: float = 1.0


def _rows(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise TrainingDataMissing(
            f"{path} is missing: pass the folder that holds the public sets with --data"
        )
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(
            lines,
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        )


def _crop(text: str, first_span: int | None) -> str:
    """The part of a long comment around its first marked span, so that the label stays true."""
    if len(text) <= _CROP_CHARACTERS or first_span is None:
        return text
    start = max(0, first_span - _CROP_CHARACTERS // 2)
    return text[start : start + _CROP_CHARACTERS]


def toxic_spans(folder: Path) -> tuple[list[Example], set[str]]:
    """Comments with the share of annotators behind each label, and the words marked as profane."""
    comments = {r["comment_id"]: r["comment_text"] for r in _rows(folder / "comments.csv")}
    spans: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in _rows(folder / "spans.csv"):
        label = _SPAN_TYPES.get(row["type"].strip(), "other")
        if row["start"] and row["end"]:
            spans[row["annotation"]].append((label, int(row["start"]), int(row["end"])))
    votes: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in _rows(folder / "annotations.csv"):
        votes[row["comment_id"]].append((row["annotation"], row["not toxic"] == "True"))
    examples, marked, profane = [], Counter[str](), Counter[str]()
    for comment_id, annotations in votes.items():
        text = comments.get(comment_id, "")
        if not text or len(annotations) > 20:  # one comment carries hundreds of stray rows
            continue
        counts, starts = Counter[str](), []
        for annotation, not_toxic in annotations:
            kinds = {kind for kind, _, _ in spans[annotation]}
            counts.update(kinds)
            counts["toxicity"] += not not_toxic
            for kind, start, end in spans[annotation]:
                starts.append(start)
                word = text[start:end].strip().lower()
                marked[word] += 1
                profane[word] += kind == "obscene"
        share = {label: counts[label] / len(annotations) for label in LABELS}
        # every comment was flagged before it was annotated, so "not toxic" is the weaker half
        weight = 1.0 if share["toxicity"] >= 0.5 else 0.5
        targets = tuple(share[label] for label in LABELS)
        examples.append(
            Example(_crop(text, min(starts, default=None)), targets, "toxic_spans", weight)
        )
    words = {w for w, n in profane.items() if n >= 4 and n >= 0.5 * marked[w] and w.isalpha()}
    return examples, words


def paradetox(folder: Path, profane_words: set[str]) -> tuple[list[Example], list[Example]]:
    """The toxic sentences and their neutral rewrites (labels other than toxicity are unknown)."""
    toxic, neutral = [], []
    for row in _rows(folder / "paradetox.tsv", "\t"):
        toxic.append(_paradetox_toxic(row["toxic"], profane_words))
        for column in ("neutral1", "neutral2", "neutral3"):
            if text := (row.get(column) or "").strip():
                neutral.append(Example(text, _CLEAN, "paradetox neutral"))
    with (folder / "paradetox_cannot_rewrite.tsv").open(encoding="utf-8", newline="") as lines:
        for cells in csv.reader(lines, delimiter="\t"):
            if len(cells) == 3 and cells[2] == '{"toxic_content":true}':
                text = cells[1].strip().strip('"').strip()
                toxic.append(_paradetox_toxic(text, profane_words))
    return toxic, neutral


def _paradetox_toxic(text: str, profane_words: set[str]) -> Example:
    swears = any(word in profane_words for word in re.findall(r"[a-z]+", text.lower()))
    return Example(text, (1.0, 1.0 if swears else UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN), "paradetox")


def support_turns(data: Path) -> list[Example]:
    """Ordinary customers' turns; those that swear at nobody are obscene, their toxicity unknown."""
    examples = [
        Example(r["text"], _CLEAN, "banking77") for r in _rows(data / "banking77/train.csv")
    ]
    bitext = data / "bitext_intents/train/Bitext_Sample_Customer_Service_Training_Dataset.csv"
    for row in _rows(bitext):
        swears = "W" in row["tags"]
        targets = (UNKNOWN, 1.0, 0.0, UNKNOWN, 0.0) if swears else _CLEAN
        examples.append(
            Example(row["utterance"], targets, "bitext swearing" if swears else "bitext")
        )
    for domain in ("fastfood", "media", "software"):
        for row in _rows(data / f"multidogo/{domain}/train.tsv", "\t"):
            if row["utterance"]:
                examples.append(Example(row["utterance"], _CLEAN, "multidogo"))
    return examples


def article_passages(data: Path, count: int, r: random.Random) -> list[Example]:
    """Paragraphs of help articles: what drafts quote."""
    files = sorted((data / "kb").glob("*/**/*.md"))
    if not files:
        raise TrainingDataMissing(f"{data / 'kb'} holds no articles")
    examples: list[Example] = []
    for path in r.sample(files, min(len(files), count)):
        paragraphs = [
            p.strip()
            for p in path.read_text(encoding="utf-8", errors="replace").split("\n\n")
            if 60 < len(p) < 600 and p.strip()[0].isalpha()
        ]
        if paragraphs:
            examples.append(Example(r.choice(paragraphs), _CLEAN, "kb"))
    return examples


def obfuscate(text: str, words: set[str] | None, r: random.Random) -> str:
    """One word written the way people dodge filters: sh1t, f*ck, s t u p i d, idiooot.

    `words` are those that may be taken; None takes any word, as codes and sloppy typing do.
    """
    found = [w for w in re.findall(r"[A-Za-z]{4,}", text) if words is None or w.lower() in words]
    if not found:
        return text
    word = r.choice(found)
    inner = r.randrange(1, len(word) - 1)
    changed = r.choice(
        [
            word.translate(str.maketrans("aeiosAEIOS", "@310$@310$")),
            word.translate(str.maketrans("iIl", "!!1")),
            word[:inner] + "*" + word[inner + 1 :],
            word[0] + "*" * (len(word) - 1),
            " ".join(word),
            ".".join(word),
            "-".join(word),
            word[:inner] + word[inner] * 3 + word[inner:],
            word[:inner] + word[inner + 1 :],
        ]
    )
    return text.replace(word, changed, 1)


def load_examples(data: Path, *, scale: float, seed: int) -> tuple[list[Example], list[Example]]:
    """The training and development examples (`scale` 1 is about 50,000), shuffled by `seed`."""
    r = random.Random(seed)
    comments, profane_words = toxic_spans(data / "toxic_spans")
    insulting = {
        "idiot",
        "idiots",
        "stupid",
        "moron",
        "morons",
        "dumb",
        "loser",
        "losers",
        "pathetic",
    }
    toxic, neutral = paradetox(data / "paradetox", profane_words)
    turns = support_turns(data)

    def take(examples: list[Example], count: int) -> list[Example]:
        return r.sample(examples, min(len(examples), max(1, round(count * scale))))

    rare = [e for e in comments if max(e.targets[1], e.targets[2], e.targets[4]) >= 0.3]
    common = [e for e in comments if max(e.targets[1], e.targets[2], e.targets[4]) < 0.3]
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in turns:
        by_source[example.source].append(example)
    chosen = [
        *take(rare, 5000), *take(common, 7000), *take(toxic, 9000), *take(neutral, 9000),
        *take(by_source["banking77"], 2500), *take(by_source["bitext"], 1200),
        *take(by_source["bitext swearing"], 285), *take(by_source["multidogo"], 3500),
        *article_passages(data, max(1, round(2000 * scale)), r),
        *(
            Example(text, tuple(labels[name] for name in LABELS), "invented")
            for text, labels in (
                *invented_sentences(max(1, round(4500 * scale)), seed=seed),
                *contrasting_sentences(max(1, round(8000 * scale)), seed=seed),
            )
        ),
    ]  # fmt: skip
    harmless = [e.text for e in by_source["banking77"] + by_source["multidogo"] if len(e.text) > 20]
    varied = []
    for example in chosen:
        text, toxicity = example.text, example.targets[0]
        if toxicity >= 0.5 and r.random() < 0.12:
            text = obfuscate(text, profane_words | insulting, r)
        elif toxicity == 0 and example.source != "kb" and r.random() < 0.06:
            text = obfuscate(text, None, r)
        if example.source not in ("toxic_spans", "kb") and r.random() < 0.15:
            # a ticket says several things; the label of the whole is that of its worst part
            text = " ".join(r.sample([text, r.choice(harmless)], 2))
        varied.append(Example(text, example.targets, example.source, example.weight))
    r.shuffle(varied)
    held = max(1, len(varied) // 20)
    return varied[held:], varied[:held]


def read_jsonl(path: Path) -> Iterator[dict]:
    """The objects of a .jsonl file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
