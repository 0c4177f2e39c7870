"""What a careful reader goes by: the error's own words, the system and product that are named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.literal import Asked, Told, literal_evidence, systems_of


def weight(term: str) -> float:
    return 0.0 if term == "unknown" else 4.0


def evidence(question: str, heading: str, text: str = "") -> dict[str, float]:
    return literal_evidence(Asked.of(question, weight), Told.of(heading, text, weight))


ERROR = "wsl update failed: Element not found"


def test_an_error_that_stands_in_a_heading_word_for_word_tells() -> None:
    quoted = evidence(f"I get '{ERROR}' since today", f"Troubleshooting: {ERROR}")
    alike = evidence(
        f"I get '{ERROR}' since today", "Element is found: update to a wsl that failed"
    )
    assert quoted["heading_run"] > alike["heading_run"]
    assert quoted["heading_covered"] > 0.5
    assert evidence("How do I pay?", ERROR)["heading_run"] == 0.0


def test_another_system_alone_speaks_against_a_section_and_the_same_one_for_it() -> None:
    told = evidence("The app crashes on my MacBook", "Install on Windows")
    assert (told["system"], told["other_system"]) == (0.0, 1.0)
    told = evidence("The app crashes on my MacBook", "Install on Mac or Windows")
    assert (told["system"], told["other_system"]) == (1.0, 0.0)
    told = evidence("The app crashes", "Install on Windows")
    assert (told["system"], told["other_system"]) == (0.0, 0.0)


def test_a_code_is_held_or_another_one_is() -> None:
    assert evidence("It says PPR-9087", "Errors", "PPR-9087 means heat.")["code"] == 1.0
    assert evidence("It says PPR-9087", "Errors", "PPR-9088 means cold.")["other_code"] == 1.0


def test_systems_are_read_in_their_many_spellings() -> None:
    assert systems_of("Win11 and an iPhone, Ubuntu 22.04") == {"windows", "ios", "linux"}
    assert systems_of("My window is open") == frozenset()


def test_what_stands_nowhere_in_the_knowledge_base_tells_nothing() -> None:
    assert evidence("unknown", "Other", "words")["words"] == 0.0


@given(st.text(max_size=200), st.text(max_size=80), st.text(max_size=200))
def test_every_value_is_a_share(question: str, heading: str, text: str) -> None:
    for name, value in evidence(question, heading, text).items():
        assert 0.0 <= value <= 1.0 + 1e-9, name
