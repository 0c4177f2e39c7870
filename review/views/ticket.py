"""A ticket's page: thread, composer with the draft, and everything that speaks for or against it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, requires
from assistant.audit.log import actor_of, record
from assistant.models import OutboundReply, Ticket, User
from assistant.outbox import STUCK
from generation.models import Draft, DraftCandidate, DraftSentence
from review import claims, evidence, redrafting, undoing, working_copies
from review import queue as waiting
from review.flags import flags_of, withholding
from review.footing import footing_of
from review.missing import missing_of
from review.models import Claim, Decision, SentenceJudgement, WorkingCopy
from review.situation import situation_of
from review.texts import messages_after, open_text, thread_of
from review.views.checks import checks_of, facts_of
from review.views.composing import posted_draft
from review.views.frame import frame, int_of, person, ticket_or_404, token_of

OPEN = (Ticket.Status.OPEN, Ticket.Status.REOPENED)
EARLIER = 5  # drafts before the open one that are offered


@requires(Capability.REVIEW)
@require_GET
@never_cache  # going back shows how things stand, never a page whose draft was sent
def ticket_page(request: HttpRequest, number: int) -> HttpResponse:
    """The three columns. Opening an open ticket claims it, unless somebody else holds it."""
    ticket = ticket_or_404(number)
    user = person(request)
    now = timezone.now()
    claim = _claim_on_opening(request, ticket, user)
    visit = claims.visit(claim, now=now) if claim else None
    draft = _draft_of(ticket)
    candidates = _candidates(draft)
    chosen = _chosen(request, draft, candidates)
    hidden = bool(
        draft and draft.state == Draft.State.WITHHELD and request.GET.get("show_draft") != "anyway"
    )
    shown = evidence.view_of(chosen, evidence.sources_of(draft), user) if draft and chosen else None
    copy = working_copies.current(ticket=ticket)
    usable = draft is not None and draft.state in Draft.WAITING
    empty = hidden or request.GET.get("candidate") == "0"  # asked to write without the draft
    composer = _composer(request, user, draft, shown if usable and not empty else None, copy)
    older, recent = thread_of(ticket)
    replies = list(ticket.replies.order_by("-pk")[:5])
    sources = evidence.sources_of(draft) if draft and not chosen else []
    page = frame(request)
    show = page["show"]
    listed = waiting.page_around(ticket=ticket, user=user, show=show, now=now)
    before, after = waiting.neighbours(ticket=ticket, user=user, show=show, now=now, known=listed)
    page |= {
        "ticket": ticket,
        "page": listed,
        "current": ticket.pk,
        "before": before,
        "after": after,
        "older": older,
        "recent": recent,
        "waiting_since": _waiting_since([*older, *recent]),
        "draft": draft,
        "pending": draft is not None and draft.state in Draft.PENDING,
        "usable": usable,
        "hidden": hidden,
        "empty": empty,
        "withheld_because": withholding(draft.reasons) if draft else [],
        "candidates": candidates,
        "chosen": chosen,
        "shown": shown,
        "sources": sources,
        "missing": missing_of(draft, sources) if draft and usable and not chosen else None,
        "composer": composer,
        "footing": footing_of(draft) if draft and shown and usable else None,
        "checks": checks_of(draft, chosen, None if hidden else shown) if draft and usable else [],
        "flags": flags_of(draft.reasons) if draft and usable else [],
        "claim": claim,
        "visit": visit,
        "waits": ticket.status in OPEN,
        "nothing_asked": any(reason.get("code") == "no_reply_needed" for reason in draft.reasons)
        if draft and usable
        else False,
        "situation": situation_of(
            ticket=ticket, draft=draft, user=user, token=claim.token if claim else None, now=now
        ),
        "earlier": _earlier(ticket, draft),
        "can_come_back": draft is not None
        and ticket.status in OPEN
        and undoing.can_come_back(draft),
        "history": _history(ticket, user),
        "redrafted_for": redrafting.made_for(draft) if draft else [],
        "replies": replies,
        "leaving": next((r for r in replies if r.state in {"held", "sending"}), None),
        "escalation": _escalation(ticket),
        "stuck": _stuck(ticket),
        "reject_reasons": Decision.Reason.choices[1:],
    }
    return render(request, "review/ticket.html", page)


@requires(Capability.REVIEW)
@require_POST
def situation(request: HttpRequest, number: int) -> HttpResponse:
    """The page's pulse: keeps the claim alive; the banners anew, or 204 while nothing changed."""
    ticket = ticket_or_404(number)
    user = person(request)
    now = timezone.now()
    token = token_of(request.POST.get("claim_token"))
    draft = posted_draft(request, ticket)
    if token is not None:
        with suppress(claims.ClaimLost):  # the situation says so
            visit = token_of(request.POST.get("visit"))
            claims.heartbeat(ticket=ticket, user=user, token=token, visit=visit, now=now)
    opened = request.POST.get("opened")
    read = int_of(request.POST.get("read"))
    if read is None and draft is not None:
        read = draft.message.position
    found = situation_of(
        ticket=ticket, draft=draft, user=user, token=token, read=read, opened=opened, now=now
    )
    if request.POST.get("seen") == found.digest:
        return HttpResponse(status=204)
    shown = int_of(request.POST.get("shown"))
    context = {
        "ticket": ticket,
        "draft": draft,
        "situation": found,
        "asking": request.POST.get("asking") == "1",
        "fresh": messages_after(ticket, shown) if shown is not None else [],
        "arrived": opened in Draft.PENDING and found.state in Draft.WAITING,
    }
    return render(request, "review/_situation.html", context)


@requires(Capability.REVIEW)
@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    """One click: this sentence is, or is not, supported. The last word of each person counts."""
    row = (
        DraftSentence.objects.select_related(
            "candidate__draft", "candidate__text__ticket", "source"
        )
        .filter(pk=pk)
        .first()
    )
    if row is None or request.POST.get("supported") not in {"0", "1"}:
        raise Http404("There is no such sentence.")
    user, now = person(request), timezone.now()
    supported = request.POST["supported"] == "1"
    draft = row.candidate.draft
    with transaction.atomic():
        SentenceJudgement.objects.update_or_create(
            sentence=row, user=user, defaults={"supported": supported, "judged_at": now}
        )
        record(
            "sentence.judged",
            actor=actor_of(user),
            ticket=draft.ticket_id,
            draft=draft.pk,
            data={"sentence": row.pk, "supported": supported},
            now=now,
        )
    if not request.headers.get("HX-Request"):
        return redirect("review:ticket", number=draft.ticket_id)
    shown = evidence.view_of(row.candidate, evidence.sources_of(draft), user)
    judged = next(sentence for sentence in shown.sentences if sentence.pk == row.pk)
    context = {"sentence": judged, "shown": shown, "check": facts_of(shown), "anew": True}
    return render(request, "review/_judged.html", context)


def _claim_on_opening(request: HttpRequest, ticket: Ticket, user: User) -> Claim | None:
    """This person's claim, taken if the ticket waits and is free; None when it is not theirs."""
    now = timezone.now()
    prefetch = "prefetch" in request.headers.get("Sec-Purpose", "")
    if ticket.status in OPEN and not prefetch and not waiting.leaving(ticket):
        try:
            return claims.claim(ticket=ticket, user=user, now=now)
        except claims.ClaimHeld:
            return None
    held = claims.current(ticket=ticket, now=now)
    return held if held is not None and held.user_id == user.pk else None


def _draft_of(ticket: Ticket) -> Draft | None:
    """The open draft, else the one that was closed last."""
    drafts = ticket.drafts.select_related(
        "chosen", "calibration", "generator", "prompt_version", "message", "ticket"
    )
    return (
        drafts.filter(state__in=Draft.OPEN).first()
        or drafts.order_by(
            Coalesce("closed_at", "finished_at", "queued_at").desc(), "-number"
        ).first()
    )


def _candidates(draft: Draft | None) -> list[DraftCandidate]:
    """The draft's texts, the chosen one first, then what stays nearest to the articles."""
    if draft is None:
        return []
    nearest = ("quoted", "constrained", "generated")
    return sorted(
        draft.candidates.select_related("text__ticket"),
        key=lambda row: (row.pk != draft.chosen_id, nearest.index(row.kind), row.pk),
    )


def _earlier(ticket: Ticket, shown: Draft | None) -> list[dict[str, Any]]:
    """Drafts made before the one that is shown, the newest first, with their words."""
    rows = (
        ticket.drafts.exclude(pk=shown.pk if shown else 0)
        .filter(chosen__isnull=False)
        .select_related("chosen__text", "message")
    )
    found = []
    for draft in rows.order_by("-number")[:EARLIER]:
        assert draft.chosen is not None
        draft.ticket = ticket
        draft.chosen.text.ticket = ticket
        back = ticket.status in OPEN and undoing.can_come_back(draft)
        found.append({"draft": draft, "text": open_text(draft.chosen.text), "back": back})
    return found


def _escalation(ticket: Ticket) -> dict[str, Any] | None:
    """Who handed the ticket on, and what whoever takes it should know."""
    if ticket.escalated_at is None:
        return None
    made = ticket.decisions.filter(verdict=Decision.Verdict.ESCALATE, undone_at=None)
    decision = made.select_related("user", "note__ticket").order_by("-decided_at").first()
    if decision is None:
        return None
    note = open_text(decision.note) if decision.note else None
    return {"decision": decision, "note": (note.text or note.problem) if note else ""}


def _chosen(
    request: HttpRequest, draft: Draft | None, candidates: list[DraftCandidate]
) -> DraftCandidate | None:
    wanted = int_of(request.GET.get("candidate"))
    for candidate in candidates:
        if candidate.pk == wanted:
            return candidate
    chosen = draft.chosen_id if draft else None
    return next((c for c in candidates if c.pk == chosen), None)


def _composer(
    request: HttpRequest,
    user: User,
    draft: Draft | None,
    shown: evidence.CandidateView | None,
    copy: WorkingCopy | None,
) -> dict[str, Any]:
    """What stands in the composer, and what is kept beside it."""
    base = shown.text if shown else ""
    made: dict[str, Any] = {
        "text": base,
        "base": base,
        "revision": 0,
        "kept": None,
        "resumed": None,
    }
    if copy is None:
        return made
    made["revision"] = copy.revision
    opened = open_text(copy.text)
    # a withheld draft stays behind its warning, also when edits of it were saved
    behind = draft is not None and draft.state == Draft.State.WITHHELD and shown is None
    same = copy.draft_id == (draft.pk if draft else None) and copy.user_id == user.pk and not behind
    asked = request.GET.get("use") == "kept"
    if asked or (same and not request.GET.get("candidate")):
        made |= {"text": opened.text, "resumed": copy}
    elif opened.text.strip() and opened.text != base:
        made |= {"kept": copy, "kept_text": opened.text}
    return made


def _stuck(ticket: Ticket) -> list[OutboundReply]:
    """Replies that did not get through, with their words, to be said or sent some other way."""
    rows = list(ticket.replies.filter(STUCK).select_related("body__ticket").order_by("pk"))
    for row in rows:
        row.words = open_text(row.body).text  # type: ignore[attr-defined]
    return rows


def _waiting_since(entries: list[Any]) -> Any:
    """When the oldest message came that nobody has answered."""
    since = None
    for entry in entries:
        if entry.message.direction == "outbound":
            since = None
        elif entry.message.asks and since is None:
            since = entry.message.created_at
    return since


def _history(ticket: Ticket, user: User) -> list[dict[str, Any]]:
    """What was decided on this ticket, the newest first; the last step can be undone by its maker."""
    made = ticket.decisions.select_related("user", "note__ticket", "draft", "reply")
    rows = list(made.order_by("-decided_at", "-pk")[:10])
    last = next((row for row in rows if row.undone_at is None), None)
    mine = last is not None and last.user_id == user.pk and undoing.undoable_step(last)
    return [
        {
            "decision": decision,
            "note": open_text(decision.note).text if decision.note else "",
            "undo": mine and decision is last,
        }
        for decision in rows
    ]
