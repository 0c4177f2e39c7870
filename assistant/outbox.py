"""The outbox: a reply is held for undo, then delivered; never lost, never sent twice.

What a passing failure holds up is tried again for days, with growing pauses; what may have been sent is
not tried again but by a person's word.

held → sending → sent | failed | uncertain, or held → cancelled. Each step is a conditional update,
so that of two racing processes exactly one goes on.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from assistant import leases
from assistant.addresses import domain_of
from assistant.audit.log import record
from assistant.channels import letter, mail
from assistant.channels.base import Adapter, DeliveryError, MaybeDelivered, Outgoing
from assistant.models import Channel, Message, OutboundReply, Ticket, User
from assistant.privacy.encryption import seal, unseal
from assistant.ticket_search import index_message

logger = logging.getLogger(__name__)

State = OutboundReply.State
# RFC 5321, section 4.5.4.1: a sender goes on for 4 to 5 days, sooner at first, later seldom.
GIVE_UP_AFTER = timedelta(days=5)
SHORTEST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)
STALE_SENDING = timedelta(seconds=90)  # without a sign of life of the process that sends
ACTOR = "system:outbox"


def adapter_of(channel: Channel) -> Adapter | None:
    """The channel's adapter, or None where replies are only read over the API."""
    return mail.adapter() if channel.adapter == Channel.Adapter.MAIL else None


def hold_reply(
    *, ticket: Ticket, text: str, author: User | None, idempotency_key: str, now: datetime
) -> OutboundReply:
    """Put a decided reply into the outbox, held for undo. The same key makes one reply.

    Call it inside the decision's transaction.
    """
    seconds = ticket.channel.undo_seconds
    hold = settings.UNDO_SECONDS if seconds is None else seconds
    existing = OutboundReply.objects.filter(idempotency_key=idempotency_key).first()
    if existing is not None:
        return existing
    reply = OutboundReply.objects.create(
        idempotency_key=idempotency_key,
        ticket=ticket,
        body=seal(ticket=ticket, text=text),
        author=author,
        mail_id=_new_mail_id(),
        answers_position=ticket.messages.count(),
        hold_until=now + timedelta(seconds=hold),
        created_at=now,
        changed_at=now,
    )
    record(
        "reply.held",
        actor=ACTOR,
        ticket=ticket.pk,
        data={
            "reply": reply.pk,
            "digest": reply.body.digest,
            "seconds": hold,
            "mail_id": reply.mail_id,
            "key": reply.idempotency_key,
        },
        now=now,
    )
    return reply


def _new_mail_id() -> str:
    """A Message-ID that no other mail in the world has (RFC 5322, section 3.6.4), also where two
    installations send for one domain."""
    try:
        domain = domain_of(letter.sender())
    except DeliveryError:  # said where the mail is made
        domain = "localhost"
    return f"<{uuid.uuid4().hex}@{domain}>"


def cancel_reply(reply: OutboundReply, *, now: datetime) -> bool:
    """Undo a reply that is still held. False when it is on its way already."""
    with transaction.atomic():
        won = OutboundReply.objects.filter(pk=reply.pk, state=State.HELD).update(
            state=State.CANCELLED, changed_at=now
        )
        if won:
            record(
                "reply.cancelled",
                actor=ACTOR,
                ticket=reply.ticket_id,
                data={"reply": reply.pk},
                now=now,
            )
    return bool(won)


def deliver_due(*, now: datetime, limit: int = 50) -> int:
    """Deliver what is due, and settle what a dead process left in `sending`. Returns how many left."""
    _settle_stale(now=now)
    due = OutboundReply.objects.filter(
        Q(state=State.HELD, hold_until__lte=now) | Q(state=State.FAILED, next_attempt_at__lte=now)
    ).order_by("hold_until")[:limit]
    sent = 0
    for reply in due:
        try:
            sent += _deliver(reply, now=now)
        except _WayOutClosed:
            break  # the others would wait for the same time-out, one after the other
    return sent


class _WayOutClosed(Exception):
    """The server or folder takes no reply at all now."""


def _settle_stale(*, now: datetime) -> None:
    stale = OutboundReply.objects.filter(
        state=State.SENDING, changed_at__lt=now - STALE_SENDING
    ).select_related("ticket__channel")
    for reply in stale:
        adapter = adapter_of(reply.ticket.channel)
        words = "the process died while sending"
        if adapter is not None and not adapter.idempotent:
            _uncertain(reply, words, now=now)
        else:
            _mine(reply).filter(changed_at=reply.changed_at).update(
                state=State.FAILED, next_attempt_at=now, changed_at=now, last_error=words
            )


def _uncertain(reply: OutboundReply, words: str, *, now: datetime) -> None:
    with transaction.atomic():
        won = _mine(reply).update(
            state=State.UNCERTAIN, next_attempt_at=None, changed_at=now, last_error=words[:500]
        )
        if won:
            record(
                "reply.uncertain",
                actor=ACTOR,
                ticket=reply.ticket_id,
                data={"reply": reply.pk},
                now=now,
            )


def _deliver(reply: OutboundReply, *, now: datetime) -> bool:
    won = OutboundReply.objects.filter(pk=reply.pk, state=reply.state).update(
        state=State.SENDING,
        attempts=reply.attempts + 1,
        tried_since=reply.tried_since or now,
        changed_at=now,
    )
    if not won:
        return False
    reply.attempts += 1
    reply.tried_since = reply.tried_since or now
    ticket = Ticket.objects.select_related("channel", "contact").get(pk=reply.ticket_id)
    adapter = adapter_of(ticket.channel)
    text = unseal(reply.body)
    try:
        with leases.kept(lambda: _still_sending(reply), every_seconds=20, name="sending"):
            data = (
                text.encode()
                if adapter is None
                else adapter.deliver(_outgoing(reply, ticket, text))
            )
    except MaybeDelivered as error:
        _uncertain(reply, str(error), now=now)
        return False
    except DeliveryError as error:
        _failed(reply, error, now=now)
        if error.everybody:
            raise _WayOutClosed from error
        return False
    except Exception as error:
        logger.exception("reply %s could not be delivered", reply.pk)
        _failed(reply, DeliveryError(f"{type(error).__name__}: see the worker's log"), now=now)
        return False
    return _sent(reply, ticket, data, now=now)


def _mine(reply: OutboundReply) -> QuerySet[OutboundReply]:
    """The row while it is this try that sends it."""
    return OutboundReply.objects.filter(pk=reply.pk, state=State.SENDING, attempts=reply.attempts)


def _still_sending(reply: OutboundReply) -> None:
    """A sign of life: a mail server may take minutes to answer."""
    _mine(reply).update(changed_at=timezone.now())


def _outgoing(reply: OutboundReply, ticket: Ticket, text: str) -> Outgoing:
    mail_ids = ticket.messages.exclude(mail_id="").order_by("position")
    asked = ticket.questions().filter(position__lte=reply.answers_position).last()
    return Outgoing(
        key=reply.idempotency_key,
        ticket_number=ticket.pk,
        subject=ticket.subject,
        body=text,
        to_name=asked.sender_name if asked else ticket.sender_name,
        to_email=ticket.contact.email or "",
        mail_id=reply.mail_id,
        mail_ids=tuple(mail_ids.values_list("mail_id", flat=True)),
    )


def _failed(reply: OutboundReply, error: DeliveryError, *, now: datetime) -> None:
    assert reply.tried_since is not None
    tried_for = now - reply.tried_since
    final = error.permanent or tried_for >= GIVE_UP_AFTER
    # as long again as it has been tried
    wait = min(max(tried_for, SHORTEST_PAUSE), LONGEST_PAUSE)
    with transaction.atomic():
        won = _mine(reply).update(
            state=State.FAILED,
            next_attempt_at=None if final else now + wait,
            last_error=str(error)[:500],
            changed_at=now,
        )
        if won:
            record(
                "reply.failed",
                actor=ACTOR,
                ticket=reply.ticket_id,
                data={"reply": reply.pk, "attempt": reply.attempts, "final": final},
                now=now,
            )


def _sent(reply: OutboundReply, ticket: Ticket, data: bytes, *, now: datetime) -> bool:
    """False where the row was settled by somebody else meanwhile."""
    digest = hashlib.sha256(data).hexdigest()
    # one that was taken for dead meanwhile (uncertain) and lives: now it is certain
    mine = OutboundReply.objects.filter(
        pk=reply.pk, state__in=[State.SENDING, State.UNCERTAIN], attempts=reply.attempts
    )
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().get(pk=ticket.pk)
        won = mine.update(
            state=State.SENT,
            sent_digest=digest,
            changed_at=now,
            last_error="",
            next_attempt_at=None,
        )
        if not won:
            return False
        mailed = adapter_of(ticket.channel) is not None
        _into_the_thread(reply, locked, mail_id=reply.mail_id if mailed else "", now=now)
        record(
            "reply.sent",
            actor=ACTOR,
            ticket=ticket.pk,
            data={
                "reply": reply.pk,
                "digest": reply.body.digest,
                "bytes_sha256": digest,
                "attempt": reply.attempts,
            },
            now=now,
        )
    return True


def _into_the_thread(reply: OutboundReply, locked: Ticket, *, mail_id: str, now: datetime) -> None:
    """The reply becomes the thread's last message; the ticket is answered unless one came since."""
    last = locked.messages.order_by("-position").first()
    message = Message.objects.create(
        ticket=locked,
        position=(last.position if last else 0) + 1,
        direction=Message.Direction.OUTBOUND,
        body=reply.body,
        author_id=reply.author_id,
        mail_id=mail_id,
        created_at=now,
    )
    index_message(message, unseal(reply.body))
    overtaken = locked.questions().filter(position__gt=reply.answers_position).exists()
    if not overtaken:
        locked.status = Ticket.Status.ANSWERED
    locked.last_message_at = now
    locked.save(update_fields=["status", "last_message_at"])


# Replies that nothing moves any more: a person says what became of them.
STUCK = Q(state=State.UNCERTAIN) | Q(state=State.FAILED, next_attempt_at=None)


def settle(reply: OutboundReply, *, send_again: bool, actor: str, now: datetime) -> bool:
    """A person's word on a stuck reply: send it again, or it reached the customer another way.

    False when it was settled already.
    """
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().get(pk=reply.ticket_id)
        before = OutboundReply.objects.filter(STUCK, pk=reply.pk).first()
        won = OutboundReply.objects.filter(STUCK, pk=reply.pk).update(
            state=State.FAILED if send_again else State.SENT,
            next_attempt_at=now if send_again else None,
            tried_since=None,
            changed_at=now,
        )
        if won and before is not None:
            if not send_again:
                # what was said by other means is no mail that anybody could refer to
                mailed = before.state == State.UNCERTAIN
                mail_id = reply.mail_id if mailed else ""
                _into_the_thread(reply, locked, mail_id=mail_id, now=now)
            record(
                "reply.settled",
                actor=actor,
                ticket=reply.ticket_id,
                data={"reply": reply.pk, "send_again": send_again},
                now=now,
            )
    return bool(won)


def send_again(replies: Iterable[OutboundReply], *, actor: str, now: datetime) -> int:
    """A person's word on many replies that failed: all are tried again. Returns how many.

    One that may have been sent already is left out: it wants a look at each.
    """
    return sum(
        settle(reply, send_again=True, actor=actor, now=now)
        for reply in replies
        if reply.state == State.FAILED
    )
