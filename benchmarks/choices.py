"""Where a generator begins a reply when it may only choose sentences, without any retriever's help.

On held-out training records with the right passage given:
choices.py --source doc2dial=DATA/doc2dial --count 160 models/generator OTHER/FOLDER
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from pathlib import Path

import torch
from sklearn.metrics import roc_auc_score

from generation.engine import load_generator
from generation.engine.outline import Outline, Piece
from generation.engine.transformers_generator import TransformersGenerator
from generation.figures import token_f1
from generation.parts import adjoin, parts_of, shown
from generation.phrases import CLOSINGS, UNANSWERED, openings
from generation.prompts import build_prompt
from generation.training.measuring import choose_records
from generation.training.records import Record, with_unanswered
from generation.training.sources import read_sources


def pieces_of(text: str) -> tuple[Piece, ...]:
    pieces, before = [], None
    for part in parts_of([text]):
        if part.is_heading or not part.can_be_quoted:
            continue
        follows = before is not None
        pieces.append(Piece(shown([part]), follows, follows and adjoin(before, part)))
        before = part
    return tuple(pieces)


def outline_of(record: Record, generator: TransformersGenerator) -> Outline:
    passage = record.passages[0]
    pieces = pieces_of(passage.text)
    template = generator.template
    prompt = build_prompt(
        template=template,
        thread=record.thread,
        passages=record.passages[:1],
        count_tokens=generator.count_tokens,
        budget=template.context_tokens - template.new_tokens,
    )
    topic = (passage.heading_path or (passage.title,))[-1]
    return Outline(
        prompt=prompt.text, openings=openings(topic), pieces=pieces, closings=CLOSINGS,
        prior=((0.0,) * len(pieces),), refusals=(UNANSWERED,), brevity=0.0,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generators", nargs="+", help="packed folders")
    parser.add_argument("--source", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--count", type=int, default=160)
    options = parser.parse_args()
    torch.set_num_threads(1)
    named = [text.partition("=") for text in options.source]
    records = read_sources([(name, Path(folder)) for name, _, folder in named], seed=1)
    held_out = [record for record in records if record.held_out]
    chosen = choose_records(held_out, count=options.count, seed=3)
    chosen = with_unanswered(chosen, random.Random(1), share=0.4)
    print("| generator | source | n | first sentence right | by chance | body F1 |")
    for name in options.generators:
        generator = load_generator(name, device="cpu")
        assert isinstance(generator, TransformersGenerator)
        rows: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
        labels, answered = [], []
        for record in chosen:
            if not pieces_of(record.passages[0].text):
                continue
            outline = outline_of(record, generator)
            (found,) = generator.compose([outline])
            if found is None:
                continue
            labels.append(bool(record.body))
            answered.append(found.answered)
            if record.body and len(outline.pieces) > 1:
                said = [outline.pieces[number].text for run in found.runs for number in run]
                right = " ".join(record.body.split()).startswith(" ".join(said[0].split()))
                f1 = token_f1(" ".join(said), record.body)
                rows[record.source].append((right, 1 / len(outline.pieces), f1))
        for source, found_rows in sorted(rows.items()):
            means = [sum(column) / len(found_rows) for column in zip(*found_rows, strict=True)]
            figures = " | ".join(f"{mean:.3f}" for mean in means)
            print(f"| {name} | {source} | {len(found_rows)} | {figures} |")
        print(
            f"{name}: answered or not, AUROC {roc_auc_score(labels, answered):.3f}, n {len(labels)}"
        )


if __name__ == "__main__":
    main()
