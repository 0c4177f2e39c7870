"""One ticket costs no more than so much: in characters as they are read, and in processor time."""

from __future__ import annotations

import re
import signal
import threading
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.bounds import MOST_OF_A_MESSAGE, MOST_OF_THE_REST, bounded_turns, shortened
from generation.budget import OverBudget, within
from generation.prompts import Turn
from retrieval.safety.normalise import normalise

GROWS = "\ufdfa"  # one character; eighteen once it is normalised
NEVER_ENDS = re.compile(r"(?:\w[ ._-]{0,2}){4,400}x(?!.)")  # as a pattern of ours once was


@given(
    st.text(alphabet=st.sampled_from([*"ab \n", GROWS, "\u0301", "ﬃ", "½", "中"])),
    st.integers(0, 60),
)
def test_a_text_never_reads_longer_than_its_bound(text, most):
    kept, used = shortened(text, most)
    assert len(normalise(kept).text) <= max(most, used)
    assert used <= most or kept == ""
    head, _, tail = kept.partition("\n")
    assert kept == text or (text.startswith(head) and text.endswith(tail)) or "\n" in text


def test_a_short_thread_is_read_whole():
    turns = (Turn("customer", "How?"), Turn("agent", "So."), Turn("customer", "Thanks, and now?"))
    assert bounded_turns(turns) == (turns, 0)


def test_what_grows_when_it_is_normalised_is_bounded_by_what_it_becomes():
    turns = tuple(Turn("customer", GROWS * 100_000) for _ in range(4))
    kept, left_out = bounded_turns(turns)
    assert left_out > 390_000
    read = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in kept)
    assert read <= MOST_OF_A_MESSAGE + MOST_OF_THE_REST + len(kept)


def test_of_a_long_message_both_ends_are_read():
    text = "How do I reset the hub? " + "log line\n" * 20_000 + " It says E42."
    (turn,), left_out = bounded_turns((Turn("customer", text),))
    assert turn.text.startswith("How do I reset the hub?")
    assert turn.text.endswith("It says E42.")
    assert len(turn.text) + left_out == len(text)


def test_a_pattern_that_never_ends_is_ended():
    began = time.thread_time()
    with pytest.raises(OverBudget, match="the step"), within(0.5, "the step “x”"):
        NEVER_ENDS.search("_" * 400)
    assert time.thread_time() - began < 20


def test_a_budget_leaves_no_trace_and_time_asleep_is_free():
    before = signal.getsignal(signal.SIGALRM)
    with within(0.2, "sleep"):
        time.sleep(0.6)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_the_work_goes_on_unlimited():
    done = []

    def work() -> None:
        with within(0.0, "x"):
            done.append(sum(range(10**6)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=60)
    assert done
