"""Evaluations over files in the documented formats. Nothing is stored or sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from generation.drafted import DraftedReply, Question
from generation.pipeline import draft_replies
from generation.prompts import Passage, PromptError, Turn, build_prompt
from generation.registry import Models

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
                    reply.hits[sentence.evidence].source if sentence.evidence is not None else None
                ),
                "start": _in_revision(reply, sentence.evidence, sentence.evidence_start),
                "end": _in_revision(reply, sentence.evidence, sentence.evidence_end),
                "flags": [flag.code for flag in sentence.flags],
            }
            for sentence in (chosen.sentences if chosen else [])
        ],
        "sources": [{"source": hit.source, "score": hit.score} for hit in reply.hits],
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
    return None if evidence is None or place is None else reply.hits[evidence].start + place


def drafts_summary(rows: Sequence[Row], references: Sequence[Row]) -> Row:
    """Counts by kind and route; against a reference reply SacreBLEU and token F1 of the bodies."""
    by_id = {row["id"]: row for row in references}
    kinds: dict[str, int] = {}
    routes: dict[str, int] = {}
    for row in rows:
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
        routes[row["route"]] = routes.get(row["route"], 0) + 1
    pairs = [
        (row["body"], by_id[row["id"]]["reply"]) for row in rows if by_id[row["id"]].get("reply")
    ]
    claims = [s for row in rows for s in row["sentences"] if s["kind"] == "claim"]
    summary: Row = {
        "n": len(rows),
        "kinds": kinds,
        "routes": routes,
        "claims": len(claims),
        "flagged_claims": sum(bool(claim["flags"]) for claim in claims),
        "seconds_per_draft": round(sum(row["seconds"] for row in rows) / max(len(rows), 1), 4),
    }
    if pairs:
        summary |= text_metrics([a for a, _ in pairs], [b for _, b in pairs])
        for kind in ("generated", "constrained"):
            summary[f"{kind}_against_quoted"] = _pairwise(rows, by_id, kind)
    return summary


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


def text_metrics(texts: Sequence[str], references: Sequence[str]) -> Row:
    """Corpus SacreBLEU (Post 2018), mean SQuAD token F1 (Rajpurkar et al. 2016), mean ROUGE-L F."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import corpus_bleu

    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    rouge = [
        scorer.score(ref, text)["rougeL"].fmeasure
        for text, ref in zip(texts, references, strict=True)
    ]
    f1 = [token_f1(text, ref) for text, ref in zip(texts, references, strict=True)]
    return {
        "sacrebleu": round(corpus_bleu(list(texts), [list(references)]).score, 2),
        "token_f1": round(float(np.mean(f1)), 4),
        "rouge_l": round(float(np.mean(rouge)), 4),
    }


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words without punctuation, case and articles."""
    got, wanted = _words(text), _words(reference)
    if not got or not wanted:
        return float(got == wanted)
    rest = list(wanted)
    common = 0
    for word in got:
        if word in rest:
            rest.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(got), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _words(text: str) -> list[str]:
    kept = "".join(c.lower() if c.isalnum() else " " for c in text)
    return [word for word in kept.split() if word not in {"a", "an", "the"}]


def generation(
    rows: Sequence[Row], models: Models, *, batch: int, advance: Advance
) -> tuple[Row, list[Row]]:
    """The generator alone on given passages, one greedy sample: summary and `{"id", "text"}` rows."""
    from dataclasses import replace

    from generation.choosing import has_loop
    from generation.engine.base import GenerationRequest
    from generation.grounding import ground
    from generation.prompts import parse_reply

    generator = models.generator
    if generator is None:
        raise BadRecord(models.generator_problem)
    sampling = replace(models.sampling, n=1, temperature=0.0)
    budget = generator.context_tokens - sampling.max_new_tokens
    out: list[Row] = []
    loops = unsupported = 0
    for chunk in _batches(rows, batch):
        requests, kept = [], []
        for row in chunk:
            passages = [Passage(p.get("title", ""), p["text"]) for p in row["passages"]]
            try:
                prompt = build_prompt(
                    template=generator.template, thread=_turns(row), passages=passages,
                    count_tokens=generator.count_tokens, budget=budget,
                )  # fmt: skip
            except (PromptError, ValueError):
                out.append({"id": row["id"], "text": ""})
                continue
            requests.append(GenerationRequest(prompt.text, 0, sampling))
            kept.append(row)
        for row, (completion,) in zip(kept, generator.generate(requests), strict=True):
            text = parse_reply(completion.text, template=generator.template)
            loops += has_loop(text)
            evidence = [p["text"] for p in row["passages"]]
            unsupported += any(s.flags for s in ground(text, evidence, embed=models.embed))
            out.append({"id": row["id"], "text": text})
        advance(len(chunk))
    by_id = {row["id"]: row["reply"] for row in rows}
    summary: Row = {"n": len(rows)}
    if rows:
        summary |= text_metrics([r["text"] for r in out], [by_id[r["id"]] for r in out])
        summary |= {"loops": loops / len(rows), "unsupported_facts": unsupported / len(rows)}
    return summary, out


def auroc(labels: Sequence[int], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve, or None where only one class is there."""
    from sklearn.metrics import roc_auc_score

    if len(set(labels)) < 2:
        return None
    return round(float(roc_auc_score(labels, scores)), 4)
