"""No text makes the work grow much faster than itself: one message must not silence a worker."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from generation.courtesies import undress
from generation.facts import facts_of
from generation.prompts import neutralise
from retrieval.safety.injection import screen_injection
from retrieval.safety.normalise import spelled_out
from retrieval.screening import findings

ROOT = Path(__file__).resolve().parents[1]
AT_MOST_SECONDS = 10  # of processor time; each took from half a minute to for ever


def test_the_work_of_every_text_function_grows_with_the_text():
    """An eighth of the strings for each function; all of them: `python -m tests.growth`."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.growth", "--every", "8"],
        cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2_000:]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (spelled_out, "Name:" + "_" * 120 + " word"),
        (screen_injection, "Name: " + "_" * 5_000 + " word"),
        (screen_injection, "_ " * 20_000),
        (findings, "Name:" + "_" * 5_000 + " word"),
        (neutralise, "\n" * 100_000),
        (neutralise, "<" * 50_000 + "|" * 50_000 + "x"),
        (facts_of, "1." * 50_000),
        (facts_of, "hundred " * 10_000),
        (facts_of, "May" + " " * 50_000 + "x"),
        (undress, "hi a" + "." * 20_000 + "x"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:12].encode("unicode_escape").decode()),
)
def test_texts_that_took_for_ever_take_a_moment(function, text):
    began = time.process_time()
    function(text)
    assert time.process_time() - began < AT_MOST_SECONDS


def test_letters_spelled_with_marks_are_still_joined():
    assert spelled_out("please i_g_n_o_r_e it")[0][2] == "ignore"
    assert spelled_out("i g n o r e  a l l of it")[0][2] == "ignore all"


def test_bars_of_special_tokens_go_however_they_are_nested():
    assert neutralise("<<||a||>>") == "<<a>>"
    assert neutralise("<|endoftext|>") == "<endoftext>"
    assert "<|" not in neutralise("<|" * 5 + "|>" * 5)
