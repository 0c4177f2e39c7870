"""`manage.py train reranker`: fine-tunes MiniLM into a cross-encoder that reranks and judges evidence.

A step is one of two. It takes a few questions of one set, each with a right passage and several hard
wrong ones; or a few claims, each with evidence that supports it or doesn't. For questions the loss is
the cross-entropy of choosing the right one (Cao et al. 2007, ListNet's top-one), so that it ranks, and
a binary one over the pairs that are surely right or wrong, so that a score means the same from one
question to the next; for claims it is the binary one. The embeddings stay those of all-MiniLM-L6-v2;
what is written is only what changed (`retrieval.minilm`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from rich.progress import Progress
from tokenizers import Tokenizer
from torch import Tensor, nn

from generation.training import steps
from generation.training.reranker_claims import JudgedClaim, load_claims
from generation.training.reranker_data import Ranking, load_rankings
from retrieval import minilm
from retrieval.cross_encoder import (
    ANSWERS,
    SUPPORTS,
    CrossEncoder,
    load_tokenizer,
    new_network,
    padded,
    word_pieces,
)
from retrieval.embedder import get_embedder

SHARES = {"doc2dial": 0.55, "kb": 0.25, "product_qa": 0.12, "dstc11_track5_val": 0.08}
CLAIM_SHARES = {"begin": 0.35, "product_qa": 0.3, "doc2dial": 0.25, "kb": 0.1}
CLAIMS_A_QUESTION = 7  # claims in a step for each question in the others: as long to compute
PASSAGES = 6  # a question's passages in a step
NEAR = 2  # of them, at most so many from the right page
BINARY_WEIGHT = 0.5
PARTS = 3  # of a batch, by length
WINDOW = 50  # steps whose losses are averaged for what is shown
_UNKNOWN = math.nan
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py train reranker`."""
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new weights")
    parser.add_argument("--work", type=Path, help="folder for the state to resume from")
    parser.add_argument("--articles", type=int, default=4000, help="help-article questions")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--minutes", type=float, default=0, help="stop in time; 0: no limit")
    parser.add_argument("--questions", type=int, default=4, help="questions a step")
    parser.add_argument(
        "--frozen-layers", type=int, default=2, help="lowest layers left as they are"
    )
    parser.add_argument("--claims", type=float, default=0.4, help="share of steps on claims")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--head-learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--seed", type=int, default=7)


class Drawn(NamedTuple):
    """A question's passages in one step, the right one first, and what is known of each: 1 right,
    0 wrong, NaN only that it ranks below."""

    question: str
    passages: list[str]
    labels: list[float]


def draw(ranking: Ranking, others: Sequence[Ranking], rng: random.Random) -> Drawn:
    """One right passage, up to `NEAR` near ones, hard wrong ones, and one of another question."""
    near = rng.sample(ranking.near, k=min(NEAR, len(ranking.near)))
    room = PASSAGES - 2 - len(near)
    wrong = rng.sample(ranking.wrong, k=min(room, len(ranking.wrong)))
    stranger = rng.choice(rng.choice(others).right)
    if stranger not in ranking.right and stranger not in ranking.near:
        wrong.append(stranger)
    return Drawn(
        ranking.question,
        [rng.choice(ranking.right), *near, *wrong],
        [1.0] + [_UNKNOWN] * len(near) + [0.0] * len(wrong),
    )


def ranking_loss(logits: Tensor, labels: Sequence[Sequence[float]]) -> Tensor:
    """The mean loss over questions; `logits` float32 `[n]` holds their passages end to end."""
    total = logits.new_zeros(())
    at = 0
    for known in labels:
        own = logits[at : at + len(known)]
        at += len(known)
        targets = torch.tensor(known)
        sure = ~targets.isnan()
        binary = nn.functional.binary_cross_entropy_with_logits(own[sure], targets[sure])
        total = total - torch.log_softmax(own, dim=0)[0] + BINARY_WEIGHT * binary
    return total / len(labels)


def run(options: dict[str, Any], *, progress: Progress) -> dict[str, Any]:
    """Trains, writes the bundle to `options["out"]` and returns its figures.

    Runs of the same options and seed differ only by when a limit in minutes stops them. An
    interrupted run with `work` set goes on from its last saved step.

    Raises:
        TrainingDataMissing: a set isn't in the folder.
    """
    torch.set_num_threads(options["threads"])
    torch.manual_seed(options["seed"])
    rankings = _rankings(options)
    claims = load_claims(options["data"], articles=options["articles"], seed=options["seed"])
    tokenizer = load_tokenizer()
    network = new_network()
    for layer in network.bert.encoder.layer[: options["frozen_layers"]]:
        layer.requires_grad_(False)
    head = [p for n, p in network.named_parameters() if not n.startswith("bert.")]
    body = [p for n, p in network.bert.named_parameters() if p.requires_grad]
    bar = progress.add_task("Training", total=options["steps"])

    def loss_of(step: int) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=options["precision"] == "bf16"):
            return _loss(network, tokenizer, rankings, claims, options, step)

    def show(run: steps.Run) -> None:
        recent = sum(run.losses[-WINDOW:]) / len(run.losses[-WINDOW:])
        progress.update(bar, completed=run.step, description=f"Training, loss {recent:.3f}")

    run = steps.train(
        network,
        [
            steps.Group(body, options["learning_rate"]),
            steps.Group(head, options["head_learning_rate"]),
        ],
        steps=options["steps"],
        minutes=options["minutes"],
        work=options.get("work"),
        loss_of=loss_of,
        on_step=show,
    )
    first, last = run.losses[:WINDOW], run.losses[-WINDOW:]
    figures = {
        "questions": {name: len(found) for name, found in rankings.items()},
        "claims": {name: len(found) for name, found in claims.items()},
        "steps": run.step,
        "questions_a_step": options["questions"],
        "claims_share": options["claims"],
        "seed": options["seed"],
        "precision": options["precision"],
        "seconds": round(run.seconds),
        "first_loss": round(sum(first) / max(1, len(first)), 4),
        "last_loss": round(sum(last) / max(1, len(last)), 4),
    }
    digest = write(options["out"], network, training=figures)
    (options["out"] / "README.md").write_text(_card(figures), encoding="utf-8")
    return {**figures, "out": str(options["out"]), "digest": digest}


def write(folder: Path, network: CrossEncoder, *, training: Mapping[str, Any]) -> str:
    """Write a network as a bundle; returns its digest."""
    config = {"format": 1, "base": minilm.BASE, "training": dict(training)}
    return minilm.write_bundle(folder, network.state_dict(), config)


def _card(figures: Mapping[str, Any]) -> str:
    """The card that the registry asks for."""
    rows = "\n".join(
        f"| {name} | {figures['questions'].get(name, 0):,} | {figures['claims'].get(name, 0):,} |"
        for name in sorted({*figures["questions"], *figures["claims"]})
    )
    return f"""---
license: other
license_name: see-attribution
language: en
base_model: sentence-transformers/all-MiniLM-L6-v2
pipeline_tag: text-ranking
tags: [reranking, cross-encoder, customer-support]
---

# A reranker for support questions

all-MiniLM-L6-v2 (Apache-2.0) as a cross-encoder: it says how likely a passage answers a question, and orders
what a search found. Fine-tuned by `manage.py train reranker` for {figures["steps"]:,} steps of
{figures["questions_a_step"]} questions, seed {figures["seed"]}; the loss went from {figures["first_loss"]} to
{figures["last_loss"]}, which is no measure of how good its order is: `manage.py evaluate retrieval` is.

## Data

| set | questions | claims |
|---|---|---|
{rows}

The sets' licenses ask for attribution: kb (Microsoft's public documentation) CC BY 4.0, Doc2Dial CC BY 3.0, product_qa
(Amazon), DSTC11 track 5 and BEGIN CDLA-Sharing 1.0 or CC BY 4.0. No text is in the files.

## Limits

English; whole questions and threads rather than a few words typed into a search; passages of up to 254 word pieces.
It knows nothing of its own, and tells no better than a cosine whether anything answers.
"""


def _rankings(options: dict[str, Any]) -> dict[str, list[Ranking]]:
    """The questions, kept in the work folder: mining their wrong passages takes minutes."""
    kept = options["work"] / "rankings.json" if options.get("work") else None
    if kept and kept.is_file():
        return {
            name: [
                Ranking(
                    row["source"],
                    row["question"],
                    tuple(row["right"]),
                    tuple(row["near"]),
                    tuple(row["wrong"]),
                )
                for row in rows
            ]
            for name, rows in json.loads(kept.read_text()).items()
        }
    found = load_rankings(
        options["data"], get_embedder(), articles=options["articles"], seed=options["seed"]
    )
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        rows = {name: [asdict(one) for one in rankings] for name, rankings in found.items()}
        kept.write_text(json.dumps(rows))
    return found


def _loss(
    network: CrossEncoder,
    tokenizer: Tokenizer,
    rankings: Mapping[str, Sequence[Ranking]],
    claims: Mapping[str, Sequence[JudgedClaim]],
    options: Mapping[str, Any],
    step: int,
) -> Tensor:
    """A step's loss; what it draws is the same for the same seed, so that a resumed run goes on right."""
    rng = random.Random(f"{options['seed']}:{step}")
    if rng.random() < options["claims"]:
        _, few = _of_one_set(claims, CLAIM_SHARES, options["questions"] * CLAIMS_A_QUESTION, rng)
        logits = _logits(network, tokenizer, [(one.claim, [one.evidence]) for one in few])
        targets = torch.tensor([one.label for one in few])
        return nn.functional.binary_cross_entropy_with_logits(logits[:, SUPPORTS].float(), targets)
    name, asked = _of_one_set(rankings, SHARES, options["questions"], rng)
    drawn = [draw(one, rankings[name], rng) for one in asked]
    logits = _logits(network, tokenizer, [(one.question, one.passages) for one in drawn])
    return ranking_loss(logits[:, ANSWERS].float(), [one.labels for one in drawn])


def _of_one_set(
    sets: Mapping[str, Sequence[T]], shares: Mapping[str, float], count: int, rng: random.Random
) -> tuple[str, list[T]]:
    names = [name for name in shares if sets.get(name)]
    name = rng.choices(names, [shares[name] for name in names])[0]
    return name, [rng.choice(sets[name]) for _ in range(count)]


def _logits(
    network: CrossEncoder, tokenizer: Tokenizer, groups: Sequence[tuple[str, Sequence[str]]]
) -> Tensor:
    """Each group's first text paired with each of its passages, end to end: `[pairs, 2]`.

    Pairs of like length go through the network together, so that little of it is padding.
    """
    pairs = []
    for first, passages in groups:
        pieces = word_pieces(tokenizer, first)
        pairs += [(pieces, word_pieces(tokenizer, passage)) for passage in passages]
    lengths = torch.tensor([len(first) + len(second) for first, second in pairs])
    order = lengths.argsort()
    parts = [rows for rows in order.tensor_split(PARTS) if len(rows)]
    found = [network(padded([pairs[row] for row in rows])) for rows in parts]
    return torch.cat(found)[order.argsort()]
