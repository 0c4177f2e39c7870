"""Routing: no combination with a failing or absent check may ever go out unseen."""

import itertools
import math

import pytest

from generation.routing import Screens, route

FLAG = (False, True, None)
GOOD = Screens(
    toxicity_customer=False,
    toxicity_draft=False,
    injection=False,
    leaks=False,
    language_covered=True,
)


def routed(screens=GOOD, **changes):
    values = {
        "confidence": 0.97, "calibrated_here": True, "policy_allows": True, "threshold": 0.95,
        "supported": True, "kind": "generated", "has_text": True,
    }  # fmt: skip
    return route(screens=screens, **(values | changes))


def codes(result):
    return [reason.code for reason in result.reasons]


def test_a_draft_that_passes_everything_is_approved_by_policy():
    assert routed().state == "auto_approved"
    assert codes(routed()) == ["policy"]


def every_combination():
    screens = itertools.product(FLAG, FLAG, FLAG, FLAG, FLAG)
    rest = list(
        itertools.product(
            (0.0, 0.94, 0.95, 1.0, math.nan, None),  # confidence
            (True, False), (True, False), (True, False), (True, False),
            ("generated", "constrained", "quoted", "none"),
        )
    )  # fmt: skip
    for customer, draft, injection, leaks, language in screens:
        yield Screens(customer, draft, injection, leaks, language), rest


def test_no_combination_with_any_failing_or_absent_check_is_approved():
    approved = 0
    for screens, rest in every_combination():
        screens_pass = (
            screens.toxicity_customer is False
            and screens.toxicity_draft is False
            and screens.injection is False
            and screens.leaks is False
            and screens.language_covered is True
        )
        for confidence, calibrated, allowed, supported, has_text, kind in rest:
            result = route(
                confidence=confidence, calibrated_here=calibrated, policy_allows=allowed,
                threshold=0.95, screens=screens, supported=supported, kind=kind, has_text=has_text,
            )  # fmt: skip
            everything_passes = (
                screens_pass and confidence in (0.95, 1.0) and calibrated and allowed
                and supported and has_text and kind != "none"
            )  # fmt: skip
            assert (result.state == "auto_approved") is everything_passes, (screens, result)
            hide = has_text and (
                screens.toxicity_draft is True or screens.injection is True or screens.leaks is True
            )  # fmt: skip
            assert (result.state == "withheld") is hide, (screens, result)
            assert result.reasons
            assert all(reason.text for reason in result.reasons)
            approved += result.state == "auto_approved"
    assert approved == 2 * 3  # and it can be reached: confidence, kind


@pytest.mark.parametrize("name", list(Screens.__dataclass_fields__))
def test_each_screen_that_could_not_run_means_that_a_person_decides(name):
    screens = Screens(**{**GOOD.__dict__, name: None})
    result = routed(screens)
    assert result.state == "in_review"
    assert codes(result) == [f"{name}_unavailable"]
    assert "person" in result.reasons[0].text


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("toxicity_draft", True, "toxic_draft"),
        ("injection", True, "injection"),
        ("leaks", True, "leak"),
    ],
)
def test_toxic_injected_or_leaking_drafts_are_withheld_with_the_reason(field, value, code):
    result = routed(Screens(**{**GOOD.__dict__, field: value}))
    assert result.state == "withheld"
    assert code in codes(result)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"calibrated_here": False}, "not_calibrated"),
        ({"policy_allows": False}, "policy"),
        ({"confidence": 0.5}, "below_threshold"),
        ({"confidence": None}, "no_confidence"),
        ({"supported": False}, "unsupported"),
        ({"screens": Screens(**{**GOOD.__dict__, "toxicity_customer": True})}, "toxic_customer"),
        ({"screens": Screens(**{**GOOD.__dict__, "language_covered": False})}, "language"),
        ({"problems": [("no_generator", "Out of memory.")]}, "no_generator"),
        ({"has_text": False, "kind": "none"}, "no_draft"),
    ],
)
def test_each_reason_for_a_person_is_named(changes, code):
    result = routed(**changes)
    assert result.state == "in_review"
    assert codes(result) == [code]


def test_all_screens_absent_by_default_so_that_a_forgotten_one_cannot_pass():
    assert routed(Screens()).state == "in_review"
    assert len(routed(Screens()).reasons) == len(Screens.__dataclass_fields__)
