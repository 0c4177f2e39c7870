"""Make the pair files that the evidence score is measured on.

    python benchmarks/grounding_pairs.py --data PATH --out FOLDER [--seed 7] [--score]

PATH holds the public sets ``begin``, ``faithdial_audit``, ``halueval`` and ``doc2dial``. Each file
of FOLDER has rows ``{"id", "evidence", "text", "label", "change"}`` for ``manage.py evaluate
grounding --pairs FILE --out SCORES``; label 1 means supported. The last column printed is the AUROC
of plain word overlap (the share of the text's words that stand in the evidence) on the same rows.
``--score`` scores the pairs too: the AUROC of the evidence score, and the share of true and of
false texts in which every claim counts as supported, by kind of change where there is one.

- ``begin``: dev parts. Fully attributable 1, Not fully attributable 0; Generic replies left out.
- ``begin_wow_test``: the same of the set's test part, where it is there.
- ``faithdial``: gold and model replies. Entailment 1; any hallucination 0; Generic and
  Uncooperative left out.
- ``halueval_qa``: right answers 1, hallucinated ones 0, given the knowledge.
- ``changed_quotes``: a page's own sentences 1, and each with one change 0.
- ``changed_replies``: human agents' replies that repeat their grounding span in other words 1, and
  each with one change 0: the hard case, because the true ones are paraphrases.

A change is one number made another, one "not" added or taken away, or one name put for another.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from generation.sentences import split_sentences  # noqa: E402
from generation.training.changes import CHANGES, names_in  # noqa: E402

Row = dict[str, Any]
csv.field_size_limit(10**7)


def begin(data: Path, part: str, folders: tuple[str, ...]) -> Iterator[Row]:
    for path in sorted(p for f in folders for p in (data / "begin" / f).glob(f"*{part}*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(
                csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            ):
                label = {"Fully attributable": 1, "Not fully attributable": 0}.get(
                    (row["begin_label"] or "").strip()
                )
                if label is not None:
                    yield _row(f"{path.stem}-{number}", row["knowledge"], row["response"], label)


def faithdial(data: Path) -> Iterator[Row]:
    for path in sorted((data / "faithdial_audit").glob("*/*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines)):
                evidence = row.get("evidence") or row.get("knowledge") or ""
                columns = [
                    c for c in row if c and c.lower() in ("response", "gpt2", "doha", "ctrl")
                ]
                text = row[columns[0]] if columns else ""
                said = (row.get("BEGIN") or row.get("begin_label") or "").casefold()
                labels = {part.strip() for part in said.split(",")}
                if not evidence.strip() or not (text or "").strip():
                    continue
                if any("hallucination" in part for part in labels):
                    yield _row(f"{path.stem}-{number}", evidence, text, 0)
                elif labels == {"entailment"}:
                    yield _row(f"{path.stem}-{number}", evidence, text, 1)


def halueval(data: Path) -> Iterator[Row]:
    for path in sorted((data / "halueval").rglob("*qa*.json")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            if {"knowledge", "right_answer", "hallucinated_answer"} <= set(row):
                for label, key in ((1, "right_answer"), (0, "hallucinated_answer")):
                    yield _row(f"{path.stem}-{number}-{label}", row["knowledge"], row[key], label)


def _row(row_id: str, evidence: str, text: str, label: int, change: str = "") -> Row:
    return {"id": row_id, "evidence": evidence, "text": text, "label": label, "change": change}


# ---- changed pairs ------------------------------------------------------------------------------


def changed(data: Path, kind: str, seed: int, limit: int) -> Iterator[Row]:
    dice = random.Random(seed)
    pages = {}
    for line in (data / "doc2dial" / "docs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pages[row["doc_id"]] = row["text"]
    names = names_in(list(pages.values())[:60])
    pool = list(_quotes(pages) if kind == "quotes" else _replies(data, pages))
    dice.shuffle(pool)
    counts = dict.fromkeys(CHANGES, 0)
    for row_id, evidence, text in pool:
        kept = False
        for name, change in CHANGES.items():
            if counts[name] >= limit:
                continue
            other = change(text, dice, [n for n in names if n not in evidence])
            if other is None or other == text:
                continue
            counts[name] += 1
            kept = True
            yield _row(f"{row_id}-{name}", evidence, other, 0, name)
        if kept:
            yield _row(row_id, evidence, text, 1)


def _quotes(pages: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for page, text in pages.items():
        sentences = [s.text for s in split_sentences(text) if len(s.text.split()) >= 6]
        for place in range(2, len(sentences) - 2, 3):
            evidence = " ".join(sentences[place - 2 : place + 3])
            yield f"{page}-{place}", evidence, sentences[place]


def _replies(data: Path, pages: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Replies of one sentence of which at least 70 % of the longer words stand in the grounding."""
    for line in (data / "doc2dial" / "turns.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        reply, page = row["agent_reply"] or "", pages.get(row["doc_id"])
        if not page or len(reply.split()) < 6 or reply.rstrip().endswith("?"):
            continue
        long_words = [w for w in re.findall(r"\w+", reply.casefold()) if len(w) > 3]
        held = set(re.findall(r"\w+", row["grounding"].casefold()))
        if not long_words or sum(w in held for w in long_words) < 0.7 * len(long_words):
            continue
        start = max(0, row["grounding_start"] - 200)
        yield row["id"], page[start : row["grounding_start"] + len(row["grounding"]) + 200], reply


def overlap(row: Row) -> float:
    words = re.findall(r"\w+", row["text"].casefold())
    held = set(re.findall(r"\w+", row["evidence"].casefold()))
    return sum(word in held for word in words) / max(len(words), 1)


def score(rows: list[Row]) -> None:
    """Print the evidence score's AUROC and what it accepts."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
    import django
    from sklearn.metrics import roc_auc_score

    django.setup()
    from generation.evidence import claim_of, units_of
    from generation.grounding import ground, score_pairs
    from retrieval.embedder import get_embedder

    known: dict[str, Any] = {}
    for start in range(0, len(rows), 64):
        part = rows[start : start + 64]
        texts = [unit.text for row in part for unit in units_of([row["evidence"]])]
        texts += [claim_of(s.text).text for row in part for s in split_sentences(row["text"])]
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, get_embedder().encode(new) if new else [], strict=True))

    def embed(texts: Sequence[str]) -> Any:
        return np.stack([known[text] for text in texts])

    scores = score_pairs([(row["evidence"], row["text"]) for row in rows], embed=embed)
    accepted = []
    for row in rows:
        claims = [
            s for s in ground(row["text"], [row["evidence"]], embed=embed) if s.kind == "claim"
        ]
        accepted.append(bool(claims) and all(claim.supported for claim in claims))
    for change in ["", *sorted({row["change"] for row in rows} - {""})]:
        kept = [i for i, row in enumerate(rows) if row["label"] or change in ("", row["change"])]
        labels = [rows[i]["label"] for i in kept]
        share = [
            np.mean([accepted[i] for i in kept if rows[i]["label"] == label]) for label in (1, 0)
        ]
        ours = roc_auc_score(labels, [scores[i] for i in kept])
        words = roc_auc_score(labels, [overlap(rows[i]) for i in kept])
        print(
            f"  {change or 'all':10} n {len(kept):5} AUROC {ours:.4f} word overlap {words:.4f}"
            f" accepted: true {share[0]:.3f} false {share[1]:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pair files")
    parser.add_argument("--score", action="store_true", help="score them too")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, default=300, help="changed pairs a kind")
    options = parser.parse_args()
    from sklearn.metrics import roc_auc_score

    sets = {
        "begin": begin(options.data, "dev", ("wow", "cmu-dog", "topicalchat")),
        "begin_wow_test": begin(options.data, "test", ("wow",)),
        "faithdial": faithdial(options.data),
        "halueval_qa": halueval(options.data),
        "changed_quotes": changed(options.data, "quotes", options.seed, options.limit),
        "changed_replies": changed(options.data, "replies", options.seed, options.limit),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in sets.items():
        made = list(rows)
        if not made:
            continue
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
        (options.out / f"{name}.jsonl").write_text(text, encoding="utf-8")
        labels = [row["label"] for row in made]
        auroc = roc_auc_score(labels, [overlap(r) for r in made]) if len(set(labels)) == 2 else 0
        print(f"{name:16} n {len(made):5} supported {sum(labels):5} word overlap {auroc:.4f}")
        if options.score:
            score(made)


if __name__ == "__main__":
    main()
