"""A planted copy of training text is found, and what the prompt holds is no recitation."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from generation.memorization import (
    RUN_TOKENS,
    BadCorpus,
    TrainingText,
    corpus_texts,
    prompt_of,
    recited,
    run_hashes,
)

WORDS = [
    f"{a}{b}"
    for a in ("ka", "mo", "ri", "tu", "sel", "ban")
    for b in ("lo", "nar", "dix", "vem", "o")
]


def prose(count: int, seed: int) -> str:
    r = random.Random(seed)
    return " ".join(r.choice(WORDS) for _ in range(count))


def no_leaks(text: str, allowed: object) -> list[object]:
    return []


TRAINING = [prose(400, seed) for seed in range(20)]
CORPUS = TrainingText(TRAINING)


def planted(tokens: int) -> str:
    return f"{prose(30, 100)} {' '.join(TRAINING[7].split()[40 : 40 + tokens])} {prose(30, 101)}"


def test_a_planted_run_of_fifty_tokens_is_found_and_one_of_forty_nine_is_not() -> None:
    assert CORPUS.longest_recited(planted(RUN_TOKENS), prompt="") >= RUN_TOKENS
    assert CORPUS.longest_recited(planted(RUN_TOKENS - 1), prompt="") == 0
    assert CORPUS.longest_recited(planted(83), prompt="") == 83


def test_case_and_white_space_do_not_hide_a_copy_but_another_word_does() -> None:
    copy = " ".join(TRAINING[3].split()[:60])
    assert CORPUS.longest_recited(copy.upper().replace(" ", "\n  "), prompt="") == 60
    words = copy.split()
    words[30] = "changed"
    assert CORPUS.longest_recited(" ".join(words), prompt="") == 0


def test_what_the_prompt_holds_is_no_recitation() -> None:
    copy = " ".join(TRAINING[3].split()[:120])
    assert CORPUS.longest_recited(copy, prompt=f"[1] {copy}") == 0
    half = " ".join(copy.split()[:80])
    assert CORPUS.longest_recited(copy, prompt=half) >= RUN_TOKENS  # it goes on past the prompt


def test_no_text_shorter_than_a_run_has_one() -> None:
    assert len(run_hashes("too short")) == 0
    assert TrainingText([]).longest_recited(planted(80), prompt="") == 0
    assert TrainingText(["short"]).runs == 0


def test_rows_are_judged_with_their_own_prompt() -> None:
    copy = " ".join(TRAINING[0].split()[:70])
    drafts = [{"id": 1, "text": copy}, {"id": 2, "text": copy}, {"id": 3, "text": "Hold the ring."}]
    shown = {2: {"id": 2, "passages": [{"title": "t", "text": copy}]}}
    out = recited(drafts, shown, CORPUS, leaks=no_leaks)
    assert [row["recited_tokens"] for row in out] == [70, 0, 0]
    assert not any(row["personal_data"] for row in out)


def test_personal_data_is_looked_for_with_what_the_prompt_allows() -> None:
    asked: list[tuple[str, list[str]]] = []

    def leaks(text: str, allowed: list[str]) -> list[str]:
        asked.append((text, allowed))
        return ["email"] if "@" in text and "@" not in allowed[0] else []

    drafts = [
        {"id": 1, "text": "write to ann@example.com"},
        {"id": 2, "text": "to ann@example.com"},
    ]
    shown = {2: {"thread": [{"role": "customer", "text": "I am ann@example.com"}]}}
    out = recited(drafts, shown, CORPUS, leaks=leaks)
    assert [row["personal_data"] for row in out] == [True, False]


def test_a_drafts_own_body_is_no_part_of_its_prompt() -> None:
    own = {
        "id": 1,
        "body": "drafted words",
        "sentences": [],
        "sources": [{"text": "passage words"}],
    }
    ticket = {"id": 1, "subject": "subject words", "body": "customer words"}
    shown = prompt_of(own, ticket)
    assert "drafted" not in shown
    assert all(f"{word} words" in shown for word in ("passage", "subject", "customer"))
    assert prompt_of(own, None) == "passage words"


def test_a_folder_of_articles_and_records_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_text("article one")
    (tmp_path / "two.jsonl").write_text(
        json.dumps({"reply": "reply text", "thread": [{"text": "turn text"}], "n": 3}) + "\n\n"
    )
    (tmp_path / "ignored.png").write_bytes(b"\x89PNG")
    seen: list[str] = []
    texts = list(corpus_texts(tmp_path, on_file=lambda path: seen.append(path.name)))
    assert texts == ["article one", "reply text", "turn text"]
    assert seen == ["one.md", "two.jsonl"]
    assert list(corpus_texts(tmp_path / "a" / "one.md")) == ["article one"]


def test_a_corpus_that_is_empty_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCorpus, match="holds no"):
        list(corpus_texts(tmp_path))
    (tmp_path / "bad.jsonl").write_text('{"a": "b"}\nnot json\n')
    with pytest.raises(BadCorpus, match=r"bad\.jsonl, line 2"):
        list(corpus_texts(tmp_path))
