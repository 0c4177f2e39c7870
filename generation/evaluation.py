"""Evaluations over files in the documented formats. Nothing is stored or sent."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from generation.choosing import has_loop
from generation.drafted import DraftedReply, Question
from generation.engine.base import GenerationRequest
from generation.figures import (
    Figures,
    declines,
    groups_of,
    is_cut_off,
    merged,
    token_f1,
    unsupported_facts,
)
from generation.grounding import ground
from generation.paired import parts_of_mean
from generation.pipeline import draft_replies
from generation.prompts import (
    END_OF_TEXT,
    Passage,
    PromptError,
    Turn,
    build_prompt,
    parse_reply,
    render_completion,
)
from generation.registry import Models
from retrieval.intervals import Groups

Row = dict[str, Any]
Advance = Callable[[int], None]


class BadRecord(ValueError):
    """A line of an evaluation file that cannot be used."""


def read_rows(path: Path, required: Sequence[str]) -> list[Row]:
    """The file's JSON lines. Raises BadRecord naming line and field, OSError."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise BadRecord(f"{path}, line {number}: not JSON: {error}") from None
            missing = [name for name in required if name not in row]
            if missing:
                raise BadRecord(f"{path}, line {number}: {missing[0]} is missing")
            rows.append(row)
    return rows


def write_rows(path: Path | None, rows: Iterable[Row]) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _turns(row: Row) -> tuple[Turn, ...]:
    thread = row.get("thread") or [{"role": "customer", "text": row.get("body", "")}]
    return tuple(Turn(role=turn["role"], text=turn["text"]) for turn in thread)


def question_of(row: Row, *, seed: int) -> Question:
    """A row of `evaluate drafts` as the pipeline's question."""
    return Question(subject=row.get("subject") or "", turns=_turns(row), seed=seed)


def drafts(rows: Sequence[Row], models: Models, *, batch: int, advance: Advance) -> list[Row]:
    """One out row a ticket, as `formats.md` documents it (and `features`, for calibration)."""
    out = []
    for place, chunk in enumerate(_batches(rows, batch)):
        began = time.perf_counter()
        seeds = range(place * batch, place * batch + len(chunk))
        questions = [question_of(row, seed=s) for row, s in zip(chunk, seeds, strict=True)]
        replies = draft_replies(questions, models)
        seconds = (time.perf_counter() - began) / len(chunk)
        for row, reply in zip(chunk, replies, strict=True):
            out.append(draft_row(row["id"], reply, seconds))
        advance(len(chunk))
    return out


def draft_row(row_id: Any, reply: DraftedReply, seconds: float) -> Row:
    chosen = reply.chosen
    return {
        "id": row_id,
        "text": chosen.text if chosen else "",
        "body": chosen.body if chosen else "",
        "kind": chosen.kind if chosen else "none",
        "route": reply.route.state,
        "reasons": [reason.text for reason in reply.route.reasons],
        "confidence": reply.confidence,
        "toxicity": (chosen.toxicity or {}) if chosen else {},
        "sentences": [
            {
                "text": sentence.text,
                "kind": sentence.kind,
                "support": sentence.support,
                "source": (
                    reply.sources[sentence.evidence].source
                    if sentence.evidence is not None
                    else None
                ),
                "start": _in_revision(reply, sentence.evidence, sentence.evidence_start),
                "end": _in_revision(reply, sentence.evidence, sentence.evidence_end),
                "flags": [flag.code for flag in sentence.flags],
            }
            for sentence in (chosen.sentences if chosen else [])
        ],
        "unsupported_facts": unsupported_facts(
            chosen.sentences if chosen else [],
            [source.text for source in reply.sources],
            titles=[": ".join([hit.title, *hit.heading_path]) for hit in reply.hits],
            question=reply.question.with_history,
        ),
        "loop": bool(chosen and has_loop(chosen.body)),
        "cut_off": bool(chosen and is_cut_off(chosen.body, [s.text for s in reply.sources])),
        "sources": [
            {"source": one.source, "score": one.score, "text": one.text} for one in reply.sources
        ],
        "candidates": [
            {
                "kind": candidate.kind,
                "body": candidate.body,
                "supported": candidate.supported,
                "support": candidate.support,
                "relevance": candidate.relevance,
                "flags": candidate.flags,
                "spliced": candidate.spliced,
            }
            for candidate in reply.candidates
        ],
        "features": reply.features,
        "category": reply.category,
        "language": reply.language,
        "tokens": {
            "prompt": reply.prompt.tokens if reply.prompt else 0,
            "completion": reply.completion_tokens or 0,
        },
        "seconds": round(seconds, 4),
        "timings": {step: round(value, 4) for step, value in reply.timings.items()},
    }


def _in_revision(reply: DraftedReply, evidence: int | None, place: int | None) -> int | None:
    return None if evidence is None or place is None else reply.sources[evidence].start + place


def drafts_summary(rows: Sequence[Row], references: Sequence[Row]) -> Row:
    """Counts by kind and route, and the figures with their intervals: of drafts that have a text the
    share with a fact that no cited passage holds, with a loop, cut off; where `answerable` is named,
    what was drafted and declined; against reference replies SacreBLEU, token F1 and ROUGE-L."""
    by_id = {row["id"]: row for row in references}
    kinds: dict[str, int] = {}
    routes: dict[str, int] = {}
    for row in rows:
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
        routes[row["route"]] = routes.get(row["route"], 0) + 1
    claims = [s for row in rows for s in row["sentences"] if s["kind"] == "claim"]
    replied = [row for row in rows if by_id[row["id"]].get("reply")]
    values = [token_f1(row["body"], by_id[row["id"]]["reply"]) for row in replied]
    groups = groups_of([by_id[row["id"]] for row in replied])
    summary: Row = {
        **_draft_figures(rows, by_id),
        "paired": parts_of_mean("token_f1", values, groups=groups),
        "kinds": kinds,
        "routes": routes,
        "claims": len(claims),
        "flagged_claims": sum(bool(claim["flags"]) for claim in claims),
        "seconds_per_draft": round(sum(row["seconds"] for row in rows) / max(len(rows), 1), 4),
    }
    if replied:
        for kind in ("generated", "constrained"):
            summary[f"{kind}_against_quoted"] = _pairwise(rows, by_id, kind)
    return summary


def _draft_figures(rows: Sequence[Row], by_id: dict[Any, Row]) -> Row:
    written = [row for row in rows if row["kind"] != "none"]
    figures = Figures(len(rows), groups=groups_of([by_id[row["id"]] for row in written]))
    figures.mean("unsupported_facts", [bool(row["unsupported_facts"]) for row in written])
    figures.mean("loops", [row["loop"] for row in written])
    figures.mean("cut_off", [row["cut_off"] for row in written])
    figures.mean("body_words", [len(row["body"].split()) for row in written], digits=1)
    whole = Figures(len(rows), groups=groups_of([by_id[row["id"]] for row in rows]))
    whole.mean("generated", [row["kind"] not in ("quoted", "none") for row in rows])
    _answerability(
        whole,
        [by_id[row["id"]].get("answerable") for row in rows],
        [
            declines(row["body"], [s["text"] for s in row["sentences"] if s["kind"] == "claim"])
            for row in rows
        ],
    )
    parts = [figures, whole]
    replied = [row for row in rows if by_id[row["id"]].get("reply")]
    if replied:
        texts = Figures(len(rows), groups=groups_of([by_id[row["id"]] for row in replied]))
        texts.texts([r["body"] for r in replied], [by_id[r["id"]]["reply"] for r in replied])
        parts.append(texts)
    return merged(parts)


def _answerability(
    figures: Figures, answerable: Sequence[bool | None], declined: Sequence[bool]
) -> None:
    """Two shares that pull apart; rows that don't say whether they are answerable are left out."""
    pairs = list(zip(answerable, declined, strict=True))
    if any(truth is not None for truth in answerable):
        figures.mean("unanswerable_drafted", [None if t is not False else not d for t, d in pairs])
        figures.mean("answerable_declined", [None if t is not True else d for t, d in pairs])


def _pairwise(rows: Sequence[Row], by_id: dict[Any, Row], kind: str) -> Row:
    """Where both candidates are there: which body has the higher token F1 with the reference."""
    counts = {"n": 0, f"{kind}_better": 0, "equal": 0, "quoted_better": 0}
    for row in rows:
        reply = by_id[row["id"]].get("reply")
        bodies = {candidate["kind"]: candidate["body"] for candidate in row["candidates"]}
        if not reply or not {kind, "quoted"} <= set(bodies):
            continue
        ours, quoted = (token_f1(bodies[name], reply) for name in (kind, "quoted"))
        verdict = "equal" if abs(ours - quoted) < 0.01 else (
            f"{kind}_better" if ours > quoted else "quoted_better"
        )  # fmt: skip
        counts["n"] += 1
        counts[verdict] += 1
    return counts


def generation(
    rows: Sequence[Row], models: Models, *, batch: int, advance: Advance
) -> tuple[Row, list[Row]]:
    """The generator alone on given passages, one greedy sample: summary and `{"id", "text"}` rows.

    The passage at `right`, where a record names one, stands first, as retrieval would have it. A
    record whose `reply` is null has nothing to compare with: it counts for declining alone.
    Where the generator tells likelihoods, the rows' own replies are scored too (teacher-forced):
    `bits_per_byte` of the reply given the prompt, and `perplexity_per_byte`, 2 to its power.
    """
    generator = models.generator
    if generator is None:
        raise BadRecord(models.generator_problem)
    sampling = replace(models.sampling, n=1, temperature=0.0)
    budget = generator.context_tokens - sampling.max_new_tokens
    out: list[Row] = []
    for chunk in _batches([_right_first(row) for row in rows], batch):
        prompts: dict[int, str] = {}
        for place, row in enumerate(chunk):
            passages = [
                Passage(p.get("title", ""), p["text"], tuple(p.get("heading_path") or ()))
                for p in row["passages"]
            ]
            try:
                prompts[place] = build_prompt(
                    template=generator.template, thread=_turns(row), passages=passages,
                    count_tokens=generator.count_tokens, budget=budget,
                ).text  # fmt: skip
            except (PromptError, ValueError):
                continue
        requests = [GenerationRequest(prompt, 0, sampling) for prompt in prompts.values()]
        made = dict(zip(prompts, generator.generate(requests), strict=True)) if prompts else {}
        for place, row in enumerate(chunk):
            text, finish = "", "empty"
            if place in made:
                (completion,) = made[place]
                text = parse_reply(completion.text, template=generator.template)
                finish = completion.finish
            out.append(
                _reply_row(row, text, finish, models)
                | _likelihood(generator, prompts.get(place), row["reply"])
            )
        advance(len(chunk))
    return generation_summary(out, rows), out


def _right_first(row: Row) -> Row:
    """The record with the passage at `right` before the others. Raises BadRecord."""
    right, passages = row.get("right"), row["passages"]
    if right is None:
        return row
    if type(right) is not int or not 0 <= right < len(passages):
        raise BadRecord(
            f"{row['id']}, field right: {right!r} is no place of {len(passages)} passages"
        )
    others = [passage for place, passage in enumerate(passages) if place != right]
    return row | {"passages": [passages[right], *others], "right": 0}


def _reply_row(row: Row, text: str, finish: str, models: Models) -> Row:
    evidence = [p["text"] for p in row["passages"]]
    question = "\n".join(turn.text for turn in _turns(row))
    sentences = ground(text, evidence, embed=models.embed, question=question) if text else []
    claims = [s.text for s in sentences if s.kind == "claim"]
    return {
        "id": row["id"],
        "text": text,
        "unsupported_facts": unsupported_facts(
            sentences,
            evidence,
            titles=[p.get("title", "") for p in row["passages"]],
            question=question,
        ),
        "loop": has_loop(text),
        "cut_off": bool(text) and (finish == "length" or is_cut_off(text, evidence)),
        "declined": declines(text, claims),
    }


def _likelihood(generator: Any, prompt: str | None, reply: str | None) -> Row:
    """`{"nats", "bytes"}` of the reply given the prompt, where the generator can tell them."""
    if prompt is None or not reply or not hasattr(generator, "nats"):
        return {}
    completion = render_completion(generator.template, reply.split("\n\n"))
    nats = generator.nats(completion.removesuffix(END_OF_TEXT), after=prompt)
    return {"nats": round(nats, 4), "bytes": len(reply.encode())}


def generation_summary(out: Sequence[Row], rows: Sequence[Row]) -> Row:
    """The figures of `generation`'s rows, in the order of the records that they answer."""
    groups = groups_of(rows)
    figures = Figures(len(rows), groups=groups)
    replied = [i for i, row in enumerate(rows) if row["reply"] is not None]
    compared = Figures(len(rows), groups=groups_of([rows[i] for i in replied]))
    if replied:
        compared.texts([out[i]["text"] for i in replied], [rows[i]["reply"] for i in replied])
    if rows:
        for name, key in (
            ("loops", "loop"),
            ("cut_off", "cut_off"),
            ("unsupported_facts", "unsupported_facts"),
        ):
            figures.mean(name, [bool(r[key]) for r in out])
        figures.mean("reply_words", [len(r["text"].split()) for r in out], digits=1)
        _answerability(
            figures,
            [row.get("answerable", None if row["reply"] is not None else False) for row in rows],
            [r["declined"] for r in out],
        )
    parts = [compared, figures]
    if any("nats" in r for r in out):
        parts.append(bits_per_byte(out, groups=groups))
    values = [token_f1(out[i]["text"], rows[i]["reply"]) for i in replied]
    paired = parts_of_mean("token_f1", values, groups=groups_of([rows[i] for i in replied]))
    return merged(parts) | {"paired": paired}


def perplexity(rows: Sequence[Row], generator: Any, *, advance: Advance) -> tuple[Row, list[Row]]:
    """How well the generator foretells whole texts: `bits_per_byte` and `perplexity_per_byte`, and
    `{"id", "nats", "bytes"}` rows. A byte is one of UTF-8, so that tokenizers can be compared.

    Raises BadRecord where the generator tells no likelihoods.
    """
    if not hasattr(generator, "nats"):
        raise BadRecord("this generator tells no likelihoods: choose one that runs here")
    out = []
    for row in rows:
        size = len(row["text"].encode())
        out.append(
            {"id": row["id"], "nats": generator.nats(row["text"]) if size else 0.0, "bytes": size}
        )
        advance(1)
    return merged([Figures(len(rows)), bits_per_byte(out, groups=groups_of(rows))]), out


def bits_per_byte(out: Sequence[Row], *, groups: Groups) -> Figures:
    """Both figures of `{"nats", "bytes"}` rows; rows without them count for nothing."""
    figures = Figures(sum("nats" in row for row in out), groups=groups)
    bits = [row.get("nats", 0.0) / math.log(2) for row in out]
    figures.ratio("bits_per_byte", bits, [row.get("bytes", 0) for row in out])
    figures.derived("perplexity_per_byte", "bits_per_byte", lambda value: 2**value)
    return figures
