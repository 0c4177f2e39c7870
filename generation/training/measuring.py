"""What a trained generator does on held-out records, beside quoting the passage's beginning.

Plain greedy decoding through transformers, so that the figures belong to the model and not to the
engine's safeguards.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from transformers import GPTNeoForCausalLM, PreTrainedTokenizerFast

from generation.figures import token_f1
from generation.prompts import (
    PromptTemplate,
    parse_reply,
    passage_text,
    render_completion,
    sentences,
)
from generation.training.corpus import render
from generation.training.forward import weighted_loss
from generation.training.records import Record

QUOTED_SENTENCES = 2


def choose_records(records: Sequence[Record], *, count: int, seed: int) -> list[Record]:
    """At most ``count`` held-out records, in equal shares by source where there are enough."""
    rng = random.Random(f"measure:{seed}")
    by_source: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.held_out and record.answerable:
            by_source[record.source].append(record)
    chosen: list[Record] = []
    for number, (_, found) in enumerate(sorted(by_source.items(), key=lambda item: len(item[1]))):
        room = (count - len(chosen)) // (len(by_source) - number)
        chosen += rng.sample(found, min(room, len(found)))
    return chosen


def measure(
    model: GPTNeoForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    records: Sequence[Record],
    *,
    template: PromptTemplate,
    batch_size: int = 8,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(figures over all and by source, one row a record).

    body_f1: token F1 of the body against the reference; verbatim: share of the body's sentences
    that stand in the passage word for word; exact: bodies equal to the reference; loops: replies
    with a run of eight words twice; invented_numbers: replies with a number that stands in
    neither passage nor thread; ended: replies that ended by themselves after all three parts;
    quote_f1: token F1 of quoting the passage's first two sentences instead.
    """
    rows = []
    for at in range(0, len(records), batch_size):
        batch = records[at : at + batch_size]
        prompts = [render(record, template, tokenizer)[0] for record in batch]
        rows += [
            _row(record, completion, ended)
            for record, (completion, ended) in zip(
                batch, complete(model, tokenizer, prompts, template=template), strict=True
            )
        ]
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    figures = {"all": _summary(rows)}
    figures |= {name: _summary(found) for name, found in sorted(by_source.items())}
    return figures, rows


def complete(
    model: GPTNeoForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    *,
    template: PromptTemplate,
) -> list[tuple[str, bool]]:
    """Greedy completions and whether each ended by itself."""
    generator: Any = model  # transformers types `generate` for another base class
    tokenizer.padding_side = "left"
    encoded = tokenizer(list(prompts), return_tensors="pt", padding=True).to(generator.device)
    with torch.inference_mode():
        output = generator.generate(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            max_new_tokens=template.new_tokens,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
        )
    found = []
    for row in output[:, encoded["input_ids"].shape[1] :].tolist():
        ended = tokenizer.eos_token_id in row
        kept = row[: row.index(tokenizer.eos_token_id)] if ended else row
        found.append((str(tokenizer.decode(kept)), ended))
    return found


@torch.no_grad()
def bits_per_byte(
    model: GPTNeoForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]
) -> float | None:
    """How well whole texts are foretold, in bits a byte of UTF-8; None without a text.

    A text longer than the context is read in pieces, each behind an end-of-text.
    """
    room = model.config.max_position_embeddings - 1
    nats, size = 0.0, 0
    for text in texts:
        ids = tokenizer.encode(text)
        size += len(text.encode())
        for at in range(0, len(ids), room):
            piece = torch.tensor([[tokenizer.eos_token_id, *ids[at : at + room]]])
            piece = piece.to(model.device)
            loss, _, counted = weighted_loss(
                model, piece, torch.ones_like(piece, dtype=torch.float32)
            )
            nats += float(loss) * int(counted)
    return round(nats / math.log(2) / size, 4) if size else None


def teacher_forced(
    model: GPTNeoForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    record: Record,
    *,
    template: PromptTemplate,
) -> float:
    """The model's mean log-probability of the record's own reply (natural log, per token)."""
    prompt, _ = render(record, template, tokenizer)
    reply = render_completion(template, (record.opening, record.body, record.closing))
    before, after = tokenizer.encode(prompt), tokenizer.encode(reply)
    with torch.inference_mode():
        ids = torch.tensor([before + after], device=model.device)
        logits = model(ids).logits[0, len(before) - 1 : -1]
    picked = logits.log_softmax(-1).gather(1, ids[0, len(before) :, None])
    return float(picked.mean())


def _row(record: Record, completion: str, ended: bool) -> dict[str, Any]:
    reply = parse_reply(completion)
    parts = reply.split("\n\n")
    body = "\n".join(parts[1:-1]) if len(parts) >= 3 else "\n".join(parts[1:])
    passage = passage_text(record.passages[0].text)
    quote = " ".join(sentences(passage)[:QUOTED_SENTENCES])
    lines = sentences(body)
    flat = _flat(passage)
    thread = " ".join(turn.text for turn in record.thread)
    known = set(re.findall(r"\d+", " ".join((passage, thread, record.opening))))
    words = reply.lower().split()
    runs = Counter(tuple(words[i : i + 8]) for i in range(len(words) - 7))
    return {
        "id": record.id,
        "source": record.source,
        "text": reply,
        "reference": record.body,
        "body_f1": token_f1(body, record.body),
        "quote_f1": token_f1(quote, record.body),
        "exact": _flat(body) == _flat(record.body),
        "sentences": len(lines),
        "verbatim": sum(_flat(line) in flat for line in lines),
        "first_right": bool(lines) and _flat(record.body).startswith(_flat(lines[0])),
        "loop": any(count > 1 for count in runs.values()),
        "invented_number": any(n not in known for n in re.findall(r"\d+", body)),
        "ended": ended and len(parts) >= 3,
    }


def _flat(text: str) -> str:
    return " ".join(re.sub(r"(?m)^\s*(?:\d+\.|-)\s+", "", text).split())


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    n = max(1, len(rows))

    def mean(key: str) -> float:
        return round(sum(float(row[key]) for row in rows) / n, 3)

    spoken = max(1, sum(row["sentences"] for row in rows))
    return {
        "n": len(rows),
        "body_f1": mean("body_f1"),
        "quote_f1": mean("quote_f1"),
        "exact": mean("exact"),
        "first_sentence_right": mean("first_right"),
        "verbatim": round(sum(row["verbatim"] for row in rows) / spoken, 3),
        "loops": mean("loop"),
        "invented_numbers": mean("invented_number"),
        "ended": mean("ended"),
    }
