"""Guessing is stopped where it happens; whoever guesses elsewhere locks nobody out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory

from assistant.env import env_networks
from assistant.models import User
from assistant.sign_in import address_of, client_of
from tests.people import PASSWORD

PROXY = "10.0.0.7"


@pytest.fixture
def behind_a_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [PROXY, "192.168.0.0/16", "fd00::/8"]


def attempt(
    name: str, password: str, *, forwarded: str = "", peer: str = PROXY, browser: str = "x"
) -> int:
    headers = {"REMOTE_ADDR": peer, "HTTP_USER_AGENT": browser}
    if forwarded:
        headers["HTTP_X_FORWARDED_FOR"] = forwarded
    page = Client().post("/sign-in/", {"username": name, "password": password}, **headers)
    return page.status_code


SIGNED_IN, WRONG, LOCKED = 302, 200, 429


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody whom we trust said so
        (PROXY, "198.51.100.1", "198.51.100.1"),
        (PROXY, "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the left one may be invented
        (PROXY, "198.51.100.1, 192.168.3.4", "198.51.100.1"),  # two proxies of ours
        (PROXY, "198.51.100.1, 172.16.0.1, 192.168.3.4", "172.16.0.1"),
        (PROXY, "198.51.100.1:4711", "198.51.100.1"),
        (PROXY, "[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:10.0.0.7", "::ffff:198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        (PROXY, "unknown", PROXY),
        (PROXY, "198.51.100.1, garbage", PROXY),
        (PROXY, "", PROXY),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_clients_address(behind_a_proxy: None, peer: str, forwarded: str, found: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert address_of(request) == found


def test_addresses_of_one_ipv6_customer_are_one_client(behind_a_proxy: None) -> None:
    def client(address: str) -> str:
        return client_of(RequestFactory().get("/", REMOTE_ADDR=address))

    assert client("2001:db8:1:2::3") == client("2001:db8:1:2:ffff::9")
    assert client("2001:db8:1:2::3") != client("2001:db8:1:3::3")
    assert client("198.51.100.1") != client("198.51.100.2")


def test_a_person_is_not_locked_out_by_guessing_elsewhere(mara: User, behind_a_proxy: None) -> None:
    for _ in range(9):
        attempt("mara", "wrong-wrong-wrong", forwarded="198.51.100.66")
    assert attempt("mara", PASSWORD, forwarded="198.51.100.66") == LOCKED
    assert attempt("mara", PASSWORD, forwarded="198.51.100.7") == SIGNED_IN


def test_the_guesser_gains_nothing_by_inventing_addresses_or_browsers(
    mara: User, behind_a_proxy: None
) -> None:
    answers = [
        attempt("mara", "wrong-wrong", forwarded=f"203.0.113.{n}, 198.51.100.66", browser=f"b{n}")
        for n in range(9)
    ]
    assert answers[-1] == LOCKED
    # nor where no proxy is trusted
    answers = [
        attempt("mara", "wrong-wrong", forwarded=f"203.0.113.{n}", peer="198.51.100.99")
        for n in range(9)
    ]
    assert answers[-1] == LOCKED


def test_a_client_may_not_try_names_without_end(
    mara: User, jonas: User, behind_a_proxy: None, settings: Any
) -> None:
    settings.LOGIN_ATTEMPTS_PER_CLIENT = 20
    answers = [attempt(f"name{n}", "Spring-2026-!", forwarded="198.51.100.66") for n in range(21)]
    assert answers[19] == WRONG
    assert answers[20] == LOCKED
    assert attempt("jonas", PASSWORD, forwarded="198.51.100.66") == LOCKED
    assert attempt("jonas", PASSWORD, forwarded="198.51.100.7") == SIGNED_IN


def test_a_lock_ends_though_guessing_goes_on(
    mara: User, behind_a_proxy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from axes.models import AccessAttempt

    for _ in range(12):
        attempt("mara", "wrong-wrong-wrong", forwarded="198.51.100.66")
    kept = AccessAttempt.objects.get()
    assert kept.failures_since_start == 8
    AccessAttempt.objects.update(attempt_time=kept.attempt_time - timedelta(minutes=16))
    assert attempt("mara", PASSWORD, forwarded="198.51.100.66") == SIGNED_IN


def test_a_proxy_that_is_no_address_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8, proxy.internal")
    with pytest.raises(ImproperlyConfigured, match=r"proxy\.internal"):
        env_networks("TRUSTED_PROXIES", "", "help")
