"""Who is at the other end of a sign-in, and when somebody has guessed often enough.

Failures are counted for a name at one client, and over all names at one client: whoever guesses
elsewhere never locks a person out at their own address (django-axes counts and keeps them).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest

_HOME = 64  # bits of an IPv6 address that are one customer of a provider (RFC 6177)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: bare, with a port, or in brackets. None for anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES)


def address_of(request: HttpRequest) -> str:
    """The address that a request came from; empty where there is none.

    `X-Forwarded-For` is believed as far as COUNTERSIGN_TRUSTED_PROXIES wrote it: it is read from the
    right, and the first address that is no trusted proxy is the client. What stands to the left of that
    one, the client may have written.
    """
    nearest = _address(str(request.META.get("REMOTE_ADDR", "")))
    if nearest is None:
        return ""
    for hop in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        before = _address(hop)
        if not _is_trusted(nearest) or before is None:
            break
        nearest = before
    return str(nearest)


def client_of(request: HttpRequest) -> str:
    """The address that failures are counted by: of IPv6 the network, since one customer has it whole."""
    address = _address(address_of(request))
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _HOME), strict=False).network_address)
    return str(address or "0.0.0.0")  # noqa: S104  nobody listens there: requests without an address


class SignInLimits(AxesDatabaseHandler):
    """django-axes' counting, and a limit for the names that one client may try in turn."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        return super().is_locked(request, credentials) or self._tried_many_names(request)

    def _tried_many_names(self, request: Any) -> bool:
        failures = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request)
        ).aggregate(all=Sum("failures_since_start"))["all"]
        return (failures or 0) >= settings.LOGIN_ATTEMPTS_PER_CLIENT
