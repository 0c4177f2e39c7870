"""Codes, models and versions are read alike however they are written, and told apart."""

from __future__ import annotations

import pytest

from retrieval.codes import codes_of, differs


@pytest.mark.parametrize("written", ["PPR-9087", "ppr9087", "PPR 9087", "PPR_9087", "Ppr-9087."])
def test_one_code_written_in_several_ways_is_one(written: str) -> None:
    assert {code.term for code in codes_of(f"It shows {written}, see")} == {"#ppr9087"}


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("HTTP 503", {"#error503"}),
        ("error code 503", {"#error503"}),
        ("firmware v3.10", {"#version3.10"}),
        ("In version 1.9.", {"#version1.9"}),
        ("0x80070057", {"#0x80070057"}),
        ("the BR-300-series", {"#br300"}),
        ("Plan R43", {"#r43"}),
        ("within 30 days for 14.90 euros at 5%", set()),
        ("see a@x1.example or /v2/x", set()),
        ("EUR 20 or 20 GB", set()),
    ],
)
def test_codes_are_told_from_other_numbers(text: str, terms: set[str]) -> None:
    assert {code.term for code in codes_of(text)} == terms


def test_the_customers_own_numbers_are_no_codes_that_an_article_should_hold() -> None:
    assert not codes_of("My order LM-48213 and invoice no. INV-20, ticket #AB-12", loose=True)
    assert codes_of("the display says ppr 9082", loose=True)


@pytest.mark.parametrize(
    ("asked", "told", "other"),
    [
        ("PPR-9087", "PPR-9088 means", True),
        ("PPR-9087", "PPR-9087 or PPR-9088 means", False),
        ("PPR-9087", "BR-300 means", False),
        ("firmware 3.1", "Firmware 3.10", True),
        ("version 3", "Version 3.1", False),
        ("error 502", "HTTP 503", True),
        ("my BR 300", "the BR-400", True),
        ("How?", "the BR-400", False),
    ],
)
def test_another_code_of_the_family_is_about_something_else(
    asked: str, told: str, other: bool
) -> None:
    assert differs(codes_of(asked, loose=True), codes_of(told)) is other
