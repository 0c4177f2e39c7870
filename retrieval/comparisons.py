"""Compare two configurations on the kept questions, in steps that worker-search takes between the
searches that pages wait for.

A step is leased, and saved only while its lease holds; a killed worker's comparison goes on where the
last saved step ended. Where the index changed in between it begins again: all answers are from one
snapshot.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from assistant.audit.log import actor_of, record
from assistant.celery import wake
from assistant.models import User
from retrieval.embedder import EmbedderError
from retrieval.evaluation import Answer, Configuration, Question, answers_to, compare, figures
from retrieval.kept_models import KeptQuestion, RetrievalComparison
from retrieval.kept_questions import read_question
from retrieval.reranker import RerankerError
from retrieval.snapshots import SEARCH_QUEUE, DamagedSnapshot, EmptyIndex, open_active

logger = logging.getLogger(__name__)

State = RetrievalComparison.State
COMPARE_TASK = "retrieval.tasks.compare"
STEP = 16  # questions between two looks at the queue: about a second
LEASE = timedelta(minutes=2)
LEAST = 2  # questions that a comparison needs
OPEN = (State.QUEUED, State.RUNNING)


class CannotCompare(ValueError):
    """This comparison cannot be made: why, in words for the form."""


def request_comparison(
    *, first: Mapping[str, str], second: Mapping[str, str], by: User, now: datetime
) -> RetrievalComparison:
    """Queue a comparison of two configurations on all questions that are kept now.

    Raises `CannotCompare` and `BadConfiguration`.
    """
    one, other = Configuration.of(first).as_pairs(), Configuration.of(second).as_pairs()
    if one == other:
        raise CannotCompare("The two configurations are the same: change one of them.")
    questions = list(KeptQuestion.objects.order_by("pk").values_list("pk", flat=True))
    if len(questions) < LEAST:
        raise CannotCompare(f"Keep at least {LEAST} questions first.")
    with transaction.atomic():
        row = RetrievalComparison.objects.create(
            first=one, second=other, questions=questions, requested_by=by, requested_at=now
        )
        wake(COMPARE_TASK, queue=SEARCH_QUEUE)
        record(
            "comparison.requested",
            actor=actor_of(by),
            data={"comparison": row.pk, "questions": len(questions)},
            now=now,
        )
    return row


def advance_comparison(*, now: datetime) -> bool:
    """Take the oldest open comparison one step further; returns whether any work remains."""
    row = _lease(now)
    if row is None:
        return False
    try:
        _step(row, now)
    except (EmptyIndex, DamagedSnapshot, EmbedderError, RerankerError) as error:
        _save(row, state=State.FAILED, error=str(error)[:1000], finished_at=now, answers=[])
    except Exception:
        words = "It broke off by a fault of the program; the search worker's log says where."
        _save(row, state=State.FAILED, error=words, finished_at=now, answers=[])
        raise
    return RetrievalComparison.objects.filter(state__in=OPEN).exists()


def _lease(now: datetime) -> RetrievalComparison | None:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    oldest = RetrievalComparison.objects.filter(free, state__in=OPEN).order_by("pk").first()
    if oldest is None:
        return None
    token = uuid.uuid4()
    won = RetrievalComparison.objects.filter(
        pk=oldest.pk, state__in=OPEN, lease_token=oldest.lease_token
    ).update(state=State.RUNNING, lease_token=token, leased_until=now + LEASE)
    if not won:
        return None
    oldest.lease_token = token
    return oldest


def _save(row: RetrievalComparison, **values: Any) -> None:
    """Write where the lease still holds, and give it back."""
    RetrievalComparison.objects.filter(pk=row.pk, lease_token=row.lease_token).update(
        **values, lease_token=None, leased_until=None
    )


def _step(row: RetrievalComparison, now: datetime) -> None:
    snapshot = open_active()
    answers = row.answers if row.snapshot == snapshot.id else []
    numbers = row.questions[len(answers) : len(answers) + STEP]
    questions = _read(numbers)
    asked = list(questions.values())
    both = [
        answers_to(asked, Configuration.of(pairs), by_document=True)
        for pairs in (row.first, row.second)
    ]
    found = {
        question.id: {"question": question.id, "gold": list(question.gold), "group": question.group,
                      "first": _packed(one), "second": _packed(other)}
        for question, one, other in zip(asked, *both, strict=True)
    }  # fmt: skip
    answers = [*answers, *(found.get(str(number)) for number in numbers)]
    if len(answers) < len(row.questions):
        _save(row, answers=answers, snapshot=snapshot.id)
        return
    result = _result([answer for answer in answers if answer], left_out=answers.count(None))
    _save(
        row,
        state=State.DONE,
        answers=answers,
        snapshot=snapshot.id,
        result=result,
        finished_at=now,
    )


def _read(numbers: list[int]) -> dict[int, Question]:
    kept = KeptQuestion.objects.select_related("message__ticket").in_bulk(numbers)
    read = {number: read_question(kept[number]) for number in numbers if number in kept}
    return {number: question for number, question in read.items() if question is not None}


def _packed(answer: Answer) -> dict[str, Any]:
    return {"results": answer.results, "answer_score": answer.answer_score}


def _result(answers: list[dict[str, Any]], *, left_out: int) -> dict[str, Any]:
    questions = [
        Question(id=row["question"], query="", gold=tuple(row["gold"]), group=row["group"])
        for row in answers
    ]
    first, second = (
        [Answer(row["question"], [tuple(page) for page in row[side]["results"]],
                row[side]["answer_score"]) for row in answers]
        for side in ("first", "second")
    )  # fmt: skip
    return {
        "n": len(questions),
        "left_out": left_out,
        "first": figures(questions, first),
        "second": figures(questions, second),
        "difference": compare(questions, second, first),
    }
