"""Measure retrieval on questions whose right pages are known. A page counts by its best chunk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from retrieval import metrics
from retrieval.curves import roc_points
from retrieval.intervals import interval_of_auroc, interval_of_mean
from retrieval.models import Chunk
from retrieval.search import EVERYTHING, Mode, Ranked, ThreadTurn, query_of, rank_many
from retrieval.snapshots import open_active

KS = (1, 5, 10)
BATCH = 64
DEPTH = 200  # chunks ranked for a question, so that at least ten pages are among them


class BadQuestions(ValueError):
    """A questions file that cannot be read: which line and field."""


@dataclass(frozen=True)
class Question:
    """A query and the sources (pages) that answer it."""

    id: str
    query: str
    gold: tuple[str, ...] = ()
    answerable: bool = True
    group: str | None = None  # questions of one group (a dialogue's) are drawn together


@dataclass(frozen=True)
class Answer:
    """What was found for a question: pages with their best chunk's score, best first."""

    id: str
    results: list[tuple[str, float]]
    answer_score: float

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "results": [{"source": source, "score": score} for source, score in self.results],
            "answer_score": self.answer_score,
        }


def run(
    questions_path: Path,
    ks: Sequence[int] = KS,
    mode: Mode | None = None,
    out: Path | None = None,
    on_question: Callable[[int, int], None] | None = None,
    curves: bool = False,
) -> dict[str, Any]:
    """Evaluate a questions file (`/docs/retrieval.md` has its fields); with `out`, write each
    question's pages there, one JSON object a line; with `curves`, add points to draw. Raises
    `BadQuestions` and search's errors."""
    questions = read_questions(questions_path)
    result, answers = evaluate_retrieval(questions, ks=ks, mode=mode, on_question=on_question)
    if out is not None:
        with out.open("w", encoding="utf-8") as file:
            for answer in answers:
                file.write(json.dumps(answer.as_json(), ensure_ascii=False) + "\n")
    if curves:
        result["curves"] = answerable_curves(questions, answers)
    return result


def evaluate_retrieval(
    questions: Sequence[Question],
    *,
    ks: Sequence[int] = KS,
    mode: Mode | None = None,
    on_question: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, Any], list[Answer]]:
    """The figures (`hit@k` for each k, `recall@5`, `mrr@10`, `ndcg@10` over questions that have an
    answer; `answerable_auroc` over all, null unless both kinds are there) and each answer."""
    snapshot = open_active()
    sources = dict(
        Chunk.objects.filter(pk__in=snapshot.chunk_ids.tolist()).values_list(
            "pk", "revision__document__source"
        )
        if len(snapshot.chunk_ids) < 30_000  # the databases bound a query's parameters
        else Chunk.objects.values_list("pk", "revision__document__source")
    )
    answers: list[Answer] = []
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        ranked = rank_many(
            snapshot, [q.query for q in batch], k=DEPTH, mode=mode, scopes=[EVERYTHING] * len(batch)
        )
        answers += [
            _answer(question, one, sources, depth=max([*ks, 10]))
            for question, one in zip(batch, ranked, strict=True)
        ]
        if on_question:
            on_question(len(answers), len(questions))
    return figures(questions, answers, ks=ks), answers


def _answer(
    question: Question, ranked: Ranked, sources: Mapping[int, str], *, depth: int
) -> Answer:
    pages: dict[str, float] = {}
    for chunk_id, score in zip(ranked.chunk_ids.tolist(), ranked.scores.tolist(), strict=True):
        pages.setdefault(sources[chunk_id], score)
    best = float(ranked.dense.max()) if len(ranked.dense) else 0.0
    return Answer(question.id, list(pages.items())[:depth], best)


def figures(
    questions: Sequence[Question], answers: Sequence[Answer], *, ks: Sequence[int] = KS
) -> dict[str, Any]:
    """The figures of answers to questions, in the same order, and their bootstrap `intervals`."""
    judged = [
        (question, [source for source, _ in answer.results])
        for question, answer in zip(questions, answers, strict=True)
        if question.answerable and question.gold
    ]
    values: dict[str, list[float]] = {
        name: [metric(ranked, question.gold, k) for question, ranked in judged]
        for name, metric, k in (
            *((f"hit@{k}", metrics.hit_at, k) for k in sorted({*ks, *KS})),
            ("recall@5", metrics.recall_at, 5),
            ("mrr@10", metrics.reciprocal_rank, 10),
            ("ndcg@10", metrics.ndcg_at, 10),
        )
    }
    groups = _groups([question for question, _ in judged])
    intervals = {name: interval_of_mean(found, groups=groups) for name, found in values.items()}
    scores = [answer.answer_score for answer in answers]
    labels = [question.answerable for question in questions]
    intervals["answerable_auroc"] = interval_of_auroc(scores, labels, groups=_groups(questions))
    return {
        "n": len(questions),
        **{name: fmean(found) if found else None for name, found in values.items()},
        "answerable_auroc": metrics.auroc(scores, labels),
        "paired": {"figure": "hit@1", "values": values["hit@1"]}
        | ({"groups": groups} if groups else {}),  # to compare two models question by question
        "intervals": {name: found for name, found in intervals.items() if found},
    }


def _groups(questions: Sequence[Question]) -> list[str] | None:
    if not any(question.group for question in questions):
        return None
    return [
        f"group {question.group}" if question.group else f"row {number}"
        for number, question in enumerate(questions)
    ]


def answerable_curves(
    questions: Sequence[Question], answers: Sequence[Answer]
) -> dict[str, list[dict[str, float]]]:
    """`{"roc"}` of telling answerable questions by their answer score; empty with one kind only."""
    scores = [answer.answer_score for answer in answers]
    return {"roc": roc_points(scores, [question.answerable for question in questions])}


def read_questions(path: Path) -> list[Question]:
    """Read a `.jsonl` of questions. Raises `BadQuestions` naming line and field."""
    try:
        with path.open(encoding="utf-8") as file:
            return list(_questions(path, file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuestions(f"{path} cannot be read: {error}") from error


def _questions(path: Path, lines: Iterable[str]) -> Iterable[Question]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadQuestions(f"{where}: is not JSON: {error.msg}") from error
        if not isinstance(row, dict) or not isinstance(row.get("query"), str):
            raise BadQuestions(f"{where}, field query: a text is needed")
        gold = row.get("gold", [])
        if not isinstance(gold, list) or not all(isinstance(source, str) for source in gold):
            raise BadQuestions(f"{where}, field gold: a list of sources is needed")
        yield Question(
            id=str(row.get("id", number)),
            query=_query(row, where),
            gold=tuple(gold),
            answerable=bool(row.get("answerable", True)),
            group=None if row.get("group") is None else str(row["group"]),
        )


def _query(row: Mapping[str, Any], where: str) -> str:
    thread = row.get("thread")
    if not thread:
        return str(row["query"])
    try:
        turns = [ThreadTurn(str(turn["role"]), str(turn["text"])) for turn in thread]
    except (KeyError, TypeError) as error:
        raise BadQuestions(f"{where}, field thread: a list of role and text is needed") from error
    return query_of("", turns)
