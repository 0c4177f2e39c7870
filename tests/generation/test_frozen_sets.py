"""The frozen sets that this project brings: one a kind, and each of the format that decides."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from assistant.digests import file_sha256
from generation.comparing import OWN_SETS
from generation.confidence import FEATURES
from generation.models import FrozenSet, ModelVersion
from generation.training.record_files import read_records
from retrieval.evaluation import read_questions
from tests.generation.toxicity_cases import FUNCTIONAL


def rows(kind: str) -> list[dict[str, Any]]:
    lines = OWN_SETS[kind].read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def freeze(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("models", "freeze", *arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.mark.django_db
def test_one_command_names_a_set_for_each_kind_that_has_none(tmp_path: Any) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text("{}\n")
    freeze("toxicity", str(own))
    assert set(freeze("all")) == set(ModelVersion.Kind.values) - {"toxicity"}
    for row in FrozenSet.objects.exclude(kind="toxicity"):
        assert row.digest == file_sha256(OWN_SETS[row.kind])
    assert FrozenSet.objects.get(kind="toxicity").digest == file_sha256(own)
    assert freeze("toxicity")["changed"]
    assert freeze("all") == {}
    with pytest.raises(CommandError, match="leave file and task out"):
        freeze("all", str(own))


def test_the_generators_records_are_prepared_ones_some_without_an_answer() -> None:
    found = [record for record, _ in read_records(OWN_SETS["generator"])]
    assert len(found) == 200
    assert 5 < sum(not record.answerable for record in found) < 40
    assert {record.license for record in found} == {"MIT"}


def test_the_screens_texts_are_the_functional_cases_and_the_rerankers_the_demos_questions() -> None:
    cases = [(text, int(toxic)) for _, text, toxic in FUNCTIONAL]
    assert [(row["text"], row["label"]) for row in rows("toxicity")] == cases
    assert sum(question.answerable for question in read_questions(OWN_SETS["reranker"])) > 40


def test_the_confidences_labels_have_every_feature_and_both_labels() -> None:
    found = rows("confidence")
    assert len(found) > 40
    assert {row["label"] for row in found} == {0, 1}
    assert all(set(row["features"]) >= set(FEATURES) for row in found)
