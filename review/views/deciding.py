"""Sending, rejecting, escalating, redoing, undoing: each view is a door to one domain function."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from assistant import outbox
from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.intake import BadMessage
from assistant.models import OutboundReply, Ticket
from generation.models import Draft, DraftCandidate
from review import claims, decisions, screening, undoing, working_copies
from review.diff import edit_distance, tidy, word_diff
from review.models import Decision
from review.queue import next_after
from review.situation import situation_of
from review.texts import open_text
from review.views.composing import edited_text, keep, posted_candidate, posted_draft
from review.views.frame import (
    HIDE_SCORES,
    int_of,
    person,
    posted,
    show_of,
    ticket_or_404,
    token_of,
)

REFUSED = (decisions.DecisionRefused, claims.ClaimLost, BadMessage)


@requires(Capability.REVIEW)
@posted
def send(request: HttpRequest, number: int) -> HttpResponse:
    """Approve the draft or send one's own words; changed words are shown as a diff first."""
    ticket = ticket_or_404(number)
    draft = posted_draft(request, ticket)
    candidate = posted_candidate(request, draft)
    text = tidy(request.POST.get("text", ""))
    before = tidy(open_text(candidate.text).text) if candidate else ""
    changed = candidate is not None and text != before
    screened = screening.from_signed(request.POST.get("screened", ""))
    given: dict[str, Any] = {
        "user": person(request),
        "text": text,
        "claim_token": token_of(request.POST.get("claim_token")),
        "seconds_spent": _seconds(request),
        "score_hidden": bool(request.session.get(HIDE_SCORES)),
        "screened": screened,
        "send_anyway": request.POST.get("send_anyway") == "1",
    }
    try:
        _not_overtaken(request, ticket, draft, candidate)
        asked_again = request.POST.get("ask") == "1"  # a bare Enter on the page that asks
        if text and (asked_again or (changed and request.POST.get("diff_seen") != "1")):
            claims.check(ticket=ticket, user=given["user"], token=given["claim_token"])
            found = screening.of_reply(
                ticket=ticket, draft=draft, text=text, fresh=True, given=screened
            )
            return _ask(request, ticket, draft, text, before if candidate else None, found)
        if candidate is not None and draft is not None:
            decisions.approve(draft=draft, base_candidate=candidate, now=timezone.now(), **given)
        else:
            decisions.reply_without_draft(ticket=ticket, now=timezone.now(), **given)
    except decisions.ConfirmationNeeded as asked:
        return _ask(request, ticket, draft, text, before if candidate else None, asked.screening)
    except REFUSED as error:
        if decisions.already_sent(ticket=ticket, user=given["user"], text=text):
            messages.info(request, f"Already sent: your reply to #{number} is on its way.")
            return open_next(request, number)
        return refused(request, ticket, draft, error, text)
    return open_next(request, number)


def _not_overtaken(
    request: HttpRequest, ticket: Ticket, draft: Draft | None, candidate: DraftCandidate | None
) -> None:
    """Words answer what the agent has read: a newer message must be seen first. Asked before the
    change is shown and screened, so that nothing looks sendable that is not."""
    if candidate is not None and draft is not None:
        decisions.still_open(draft)
    read = int_of(request.POST.get("read"))
    if read is None:
        read = draft.message.position if draft is not None else None
    if read is None:
        return
    if ticket.questions().filter(position__gt=read).exists():
        raise decisions.DraftRetired(
            "A new message came in while you were writing. Read it first; your text is kept."
        )


def _ask(
    request: HttpRequest,
    ticket: Ticket,
    draft: Draft | None,
    text: str,
    before: str | None,
    found: screening.Screening,
) -> HttpResponse:
    """The page that shows the change and the screens' word, before anything is sent."""
    keep(request, ticket, draft, text, token_of(request.POST.get("claim_token")))
    segments = word_diff(before, text) if before is not None else []
    user, token, now = person(request), token_of(request.POST.get("claim_token")), timezone.now()
    held = claims.current(ticket=ticket, now=now)
    saved = working_copies.current(ticket=ticket)
    context = {
        "asking": True,
        "visit": claims.visit(held, now=now) if held is not None and held.token == token else None,
        "situation": situation_of(ticket=ticket, draft=draft, user=user, token=token, now=now),
        "revision": saved.revision if saved else 0,
        "ticket": ticket,
        "draft": draft,
        "posted": request.POST,
        "text": text,
        "segments": segments,
        "changed": before is not None and before != text,
        "share": edit_distance(segments),
        "screening": found,
        "doubts": screening.doubts_of(found, text) if found.covers(text) else [],
        "show": show_of(request),
    }
    return render(request, "review/confirm.html", context)


def refused(
    request: HttpRequest, ticket: Ticket, draft: Draft | None, error: Exception, text: str
) -> HttpResponse:
    """Say why nothing was done; the words are kept, or given back on the page itself."""
    token = token_of(request.POST.get("claim_token"))
    own = text if isinstance(error, claims.ClaimLost) else text and edited_text(request, draft)
    if not isinstance(error, BadMessage) and not keep(request, ticket, draft, own, token):
        return render(
            request,
            "review/lost.html",
            {"ticket": ticket, "error": error, "text": text},
            status=409,
        )
    words = f"The {error.field} {error.reason}." if isinstance(error, BadMessage) else str(error)
    messages.error(request, words)
    return redirect("review:ticket", number=ticket.pk)


def open_next(request: HttpRequest, number: int) -> HttpResponse:
    """After a decision the next ticket opens; when none waits, the queue says so."""
    show = show_of(request)
    following = next_after(number=number, user=person(request), show=show, now=timezone.now())
    query = f"?show={show}" if show != "waiting" else ""
    if following is None:
        return redirect(reverse("review:queue") + query)
    return redirect(reverse("review:ticket", args=[following]) + query)


def _seconds(request: HttpRequest) -> float | None:
    """How long the agent had the draft before them, as the page counted it."""
    try:
        seconds = float(request.POST.get("seconds", ""))
    except ValueError:
        return None
    return seconds if 0 < seconds < 86_400 else None


@requires(Capability.REVIEW)
@require_http_methods(["GET", "POST"])
def reject(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the reason, then reject; `then` says what the agent does next."""
    ticket = ticket_or_404(number)
    if request.method == "GET":
        return _form(request, ticket, "review/reject.html")
    draft = posted_draft(request, ticket)
    user, token = person(request), token_of(request.POST.get("claim_token"))
    if draft is None:
        raise Http404("There is no such draft.")
    try:
        decision = decisions.reject(
            draft=draft,
            user=user,
            reason=request.POST.get("reason", ""),
            note=request.POST.get("note", ""),
            claim_token=token,
            seconds_spent=_seconds(request),
            score_hidden=bool(request.session.get(HIDE_SCORES)),
            now=timezone.now(),
        )
        if request.POST.get("then") == "redo" and decision.reason != Decision.Reason.SPAM:
            decisions.regenerate(ticket=ticket, user=user, claim_token=token, now=timezone.now())
    except decisions.ReasonMissing as error:
        return _form(request, ticket, "review/reject.html", error=str(error))
    except REFUSED as error:
        return refused(request, ticket, draft, error, "")
    if decision.reason == Decision.Reason.SPAM:
        return open_next(request, number)
    if request.POST.get("then") == "next":
        return open_next(request, number)
    return redirect("review:ticket", number=number)


@requires(Capability.REVIEW)
@require_http_methods(["GET", "POST"])
def escalate(request: HttpRequest, number: int) -> HttpResponse:
    """Hand the ticket on with a note."""
    ticket = ticket_or_404(number)
    if request.method == "GET":
        return _form(request, ticket, "review/escalate.html")
    try:
        decisions.escalate(
            ticket=ticket,
            user=person(request),
            note=request.POST.get("note", ""),
            claim_token=token_of(request.POST.get("claim_token")),
            now=timezone.now(),
        )
    except REFUSED as error:
        return refused(request, ticket, None, error, "")
    return open_next(request, number)


def _form(request: HttpRequest, ticket: Ticket, template: str, error: str = "") -> HttpResponse:
    """The page of a dialog, for whoever has no script, or has left something out."""
    held = claims.current(ticket=ticket, now=timezone.now())
    mine = held is not None and held.user_id == request.user.pk
    context = {
        "ticket": ticket,
        "draft": ticket.drafts.filter(state__in=Draft.WAITING).first(),
        "claim": held if mine else None,
        "error": error,
        "posted": request.POST,
        "reject_reasons": Decision.Reason.choices[1:],
        "show": show_of(request),
    }
    return render(request, template, context, status=400 if error else 200)


@requires(Capability.REVIEW)
@posted
def redo(request: HttpRequest, number: int) -> HttpResponse:
    """Draft the ticket again; the draft before and edits are kept and offered beside the new one."""
    ticket = ticket_or_404(number)
    draft = posted_draft(request, ticket)
    token = token_of(request.POST.get("claim_token"))
    keep(request, ticket, draft, edited_text(request, draft), token)
    try:
        decisions.regenerate(
            ticket=ticket, user=person(request), claim_token=token, now=timezone.now()
        )
    except REFUSED as error:
        return refused(request, ticket, draft, error, "")
    return redirect("review:ticket", number=number)


@requires(Capability.REVIEW)
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a reply while it is held, or another step."""
    decision = Decision.objects.select_related("ticket", "reply", "draft").filter(pk=pk).first()
    if decision is None:
        raise Http404("There is no such decision.")
    try:
        undoing.undo(decision=decision, user=person(request), now=timezone.now())
    except undoing.TooLateToUndo as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            "Undone: nothing was sent, and your text is back."
            if decision.reply_id
            else "Undone: the ticket is as it was.",
        )
    return redirect("review:ticket", number=decision.ticket_id)


@requires(Capability.REVIEW)
@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """A person's word on a reply that may not have been sent, or was not."""
    reply = OutboundReply.objects.filter(pk=pk).first()
    if reply is None:
        raise Http404("There is no such reply.")
    again = request.POST.get("again") == "1"
    done = outbox.settle(
        reply, send_again=again, actor=actor_of(person(request)), now=timezone.now()
    )
    if not done:
        messages.warning(request, "Somebody settled this before; nothing was changed.")
    elif again:
        messages.success(request, "The reply is sent again.")
    else:
        messages.success(request, "The reply counts as sent and stands in the thread.")
    return redirect("review:ticket", number=reply.ticket_id)
