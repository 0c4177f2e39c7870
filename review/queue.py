"""The queue: every ticket that waits for a reply, with what an agent needs to choose the next one.

A ticket is in it while it is open and no reply of ours is on its way; so a rejected draft, a failed
one and one that is still being written are all seen. So is a message that came to a spam ticket.
Longest waiting first: the wait begins with the oldest message that nobody has answered, so writing
again does not put a customer back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

from assistant.models import Message, OutboundReply, Ticket, User
from assistant.outbox import STUCK
from generation.models import Draft
from review.flags import Flag, flags_of
from review.models import Decision

PAGE = 50
SHOWS = ("waiting", "mine", "flagged", "escalated", "drafting", "automatic", "spam")
_OPEN = (Ticket.Status.OPEN, Ticket.Status.REOPENED)
_Reply = OutboundReply.State
LEAVING = Q(state__in=[_Reply.HELD, _Reply.SENDING]) | Q(
    state=_Reply.FAILED, next_attempt_at__isnull=False
)


@dataclass(frozen=True)
class Row:
    """One line of the queue."""

    number: int
    subject: str
    contact: str
    category: str
    waiting_since: datetime
    state: str
    confidence: float | None
    calibrated: bool
    flags: list[Flag]
    holder: str
    held_by_me: bool
    escalated: bool
    trouble: str

    @property
    def state_words(self) -> str:
        """What is to be done, where the confidence does not say it."""
        return {
            "queued": "waiting for the model",
            "working": "being drafted",
            "withheld": "withheld",
            "failed": "no draft",
            "": "needs a reply",
        }.get(self.state, "")


@dataclass(frozen=True)
class Page:
    """A page of rows, and how many there are under each heading."""

    rows: list[Row]
    counts: dict[str, int]
    show: str
    number: int
    more: bool


def leaving(ticket: Ticket) -> bool:
    """Whether a reply of ours is on its way."""
    return ticket.replies.filter(LEAVING).exists()


def _trouble() -> Exists:
    """Replies that did not get through and wait for a person's word."""
    return Exists(OutboundReply.objects.filter(STUCK, ticket=OuterRef("pk")))


def _wrote_to_spam() -> Q:
    """Tickets that were marked as spam, and to which somebody wrote again."""
    marked = Decision.objects.filter(
        ticket=OuterRef("ticket"), reason=Decision.Reason.SPAM
    ).order_by("-pk")
    since = Message.objects.filter(
        ticket=OuterRef("pk"),
        direction=Message.Direction.INBOUND,
        automatic="",
        position__gt=Subquery(marked.values("last_position")[:1]),
    )
    return Q(status=Ticket.Status.SPAM) & Q(Exists(since))


def _automatic() -> Q:
    """Tickets to which only programs seem to have written since our last word."""
    answer = Message.objects.filter(
        ticket=OuterRef("ticket"),
        direction=Message.Direction.OUTBOUND,
        position__gt=OuterRef("position"),
    )
    unanswered = Message.objects.filter(
        ~Exists(answer), ticket=OuterRef("pk"), direction=Message.Direction.INBOUND
    )
    by_a_person = unanswered.filter(automatic="")
    return Q(Exists(unanswered.exclude(automatic=""))) & ~Q(Exists(by_a_person))


def _tickets(*, now: datetime) -> QuerySet[Ticket, Any]:
    return (
        Ticket.objects.filter(Q(status__in=_OPEN) | _wrote_to_spam())
        .filter(~Exists(OutboundReply.objects.filter(LEAVING, ticket=OuterRef("pk"))))
        .annotate(
            open_draft=FilteredRelation(
                "drafts", condition=Q(drafts__state__in=[str(state) for state in Draft.OPEN])
            ),
            live_claim=FilteredRelation("claim", condition=Q(claim__expires_at__gt=now)),
        )
    )


def _shown(show: str, user: User) -> Q:
    pending = Q(open_draft__state__in=[str(state) for state in Draft.PENDING])
    waits = Q(status__in=_OPEN)
    automatic = _automatic()
    person = waits & (~pending | Q(open_draft__state=None)) & ~automatic
    shown: dict[str, Q] = {
        "waiting": person & Q(escalated_at=None),
        "mine": Q(live_claim__user_id=user.pk),
        "flagged": waits & (Q(open_draft__state__in=["withheld", "failed"]) | Q(_trouble())),
        "escalated": waits & Q(escalated_at__isnull=False),
        "drafting": waits & pending,
        "automatic": waits & automatic,
        "spam": Q(status=Ticket.Status.SPAM),
    }
    return shown[show]


def _with_their_wait(tickets: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    thread = Message.objects.filter(ticket=OuterRef("pk"))
    answered = thread.filter(direction=Message.Direction.OUTBOUND).order_by("-position")
    unanswered = thread.filter(
        direction=Message.Direction.INBOUND, automatic="", position__gt=OuterRef("answered")
    ).order_by("position")
    since = Coalesce(
        Subquery(unanswered.values("created_at")[:1]),
        F("last_message_at"),
        output_field=DateTimeField(),
    )
    numbered = tickets.annotate(answered=Coalesce(Subquery(answered.values("position")[:1]), 0))
    waiting: QuerySet[Any, Any] = numbered.annotate(waiting_since=since)
    return waiting


def _longest_waiting_first(tickets: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    return _with_their_wait(tickets).order_by(F("waiting_since"), "pk")


def counts(*, user: User, now: datetime) -> dict[str, int]:
    """How many tickets stand under each heading, in one query."""
    return _tickets(now=now).aggregate(
        **{f"n_{show}": Count("pk", filter=_shown(show, user)) for show in SHOWS}
    )


def page(*, user: User, show: str = "waiting", number: int = 1, now: datetime) -> Page:
    """One page of the queue (`number` from 1); an unknown `show` means waiting."""
    show = show if show in SHOWS else "waiting"
    tickets = _tickets(now=now).filter(_shown(show, user)).annotate(trouble=_trouble())
    first = (number - 1) * PAGE
    rows = list(
        _longest_waiting_first(tickets).values(
            "pk", "subject", "sender_name", "contact__email", "category", "escalated_at",
            "waiting_since", "trouble",
            "open_draft__state", "open_draft__confidence", "open_draft__reasons",
            "open_draft__calibration__local",
            "live_claim__user_id", "live_claim__user__first_name", "live_claim__user__last_name",
            "live_claim__user__username",
        )[first : first + PAGE + 1]
    )  # fmt: skip
    totals = {key.removeprefix("n_"): n for key, n in counts(user=user, now=now).items()}
    return Page(
        rows=[_row(values, user) for values in rows[:PAGE]],
        counts=totals,
        show=show,
        number=number,
        more=len(rows) > PAGE,
    )


def page_around(*, ticket: Ticket, user: User, show: str = "waiting", now: datetime) -> Page:
    """The page on which this ticket stands; the first one where it stands on none."""
    first = page(user=user, show=show, now=now)
    if not first.more or any(row.number == ticket.pk for row in first.rows):
        return first
    rows = _longest_waiting_first(_tickets(now=now).filter(_shown(first.show, user)))
    here = rows.filter(pk=ticket.pk).values_list("waiting_since", flat=True).first()
    if here is None:
        return first
    before = rows.filter(
        Q(waiting_since__lt=here) | Q(waiting_since=here, pk__lt=ticket.pk)
    ).count()
    return page(user=user, show=show, number=before // PAGE + 1, now=now)


def _row(values: dict[str, Any], user: User) -> Row:
    name = f"{values['live_claim__user__first_name'] or ''} {values['live_claim__user__last_name'] or ''}"
    holder = values["live_claim__user_id"]
    return Row(
        number=values["pk"],
        subject=values["subject"] or "(no subject)",
        contact=values["sender_name"] or values["contact__email"] or "unknown",
        category=values["category"],
        waiting_since=values["waiting_since"],
        state=values["open_draft__state"] or "",
        confidence=values["open_draft__confidence"],
        calibrated=bool(values["open_draft__calibration__local"]),
        flags=flags_of(values["open_draft__reasons"] or []),
        holder=(name.strip() or values["live_claim__user__username"] or "") if holder else "",
        held_by_me=holder == user.pk,
        escalated=values["escalated_at"] is not None,
        trouble="reply not delivered" if values["trouble"] else "",
    )


def neighbours(
    *, ticket: Ticket, user: User, show: str = "waiting", now: datetime, known: Page | None = None
) -> tuple[int | None, int | None]:
    """The numbers before and after this ticket in the queue, past those that others hold.

    Where the ticket stands well inside the page that is `known`, no query is needed.
    """
    if known is not None and known.show == show:
        free = [row.number for row in known.rows if not row.holder or row.held_by_me]
        inside = free[1 if known.number > 1 else 0 : -1 if known.more else None]
        if ticket.pk in inside:
            return _around(free, ticket.pk)
    show = show if show in SHOWS else "waiting"
    others = Q(live_claim__user_id__isnull=False) & ~Q(live_claim__user_id=user.pk)
    wanted = (_shown(show, user) & ~others) | Q(pk=ticket.pk)
    order = list(
        _longest_waiting_first(_tickets(now=now).filter(wanted)).values_list("pk", flat=True)
    )
    return _around(order, ticket.pk)


def _around(order: Iterable[int], number: int) -> tuple[int | None, int | None]:
    order = list(order)
    if number not in order:
        return None, order[0] if order else None
    place = order.index(number)
    before = order[place - 1] if place else None
    return before, order[place + 1] if place + 1 < len(order) else None


def next_after(
    *, number: int | None, user: User, show: str = "waiting", now: datetime
) -> int | None:
    """The ticket to open after this one was decided: the next one down that nobody else holds, and
    after the last one the first. Without a number: the longest waiting one that is free."""
    show = show if show in SHOWS else "waiting"
    others = Q(live_claim__user_id__isnull=False) & ~Q(live_claim__user_id=user.pk)
    free = _tickets(now=now).filter(_shown(show, user)).exclude(pk=number or 0).exclude(others)
    rows = _longest_waiting_first(free)
    here = _with_their_wait(Ticket.objects.filter(pk=number or 0)).values("waiting_since").first()
    if here is not None:
        since = here["waiting_since"]
        below = rows.filter(Q(waiting_since__gt=since) | Q(waiting_since=since, pk__gt=number))
        following = below.values_list("pk", flat=True).first()
        if following is not None:
            return int(following)
    return rows.values_list("pk", flat=True).first()
