"""One run of a source, from its listing to its last article.

Each article is committed by itself together with what the run notes of it, so that a killed run
goes on where it stopped. A preview judges the same way and publishes nothing.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assistant import leases
from assistant.celery import wake
from retrieval import snapshots
from retrieval.holding import hold, withdraw
from retrieval.isolated import IsolatedReader
from retrieval.judging import Candidate, Effect, Verdict, fields_of, judge
from retrieval.left_out import sentence
from retrieval.loaders import LoadedArticle, LoadError, Unpublished
from retrieval.models import Document, Revision
from retrieval.publishing import BadArticle, normal_source, put, readdress, retire
from retrieval.source_models import SourceChange, SourceItem, SourceRun
from retrieval.sources import runs
from retrieval.sources.adapters import adapter_of
from retrieval.sources.interface import (
    LOOK_SECONDS,
    Adapter,
    Entry,
    Fetched,
    ItemError,
    ItemUnpublished,
    Listing,
    SourceError,
    Stop,
    Stopped,
)
from retrieval.unpublished import depends_on_the_day

logger = logging.getLogger(__name__)

Outcome = SourceChange.Outcome
State = SourceRun.State
UNCHANGED, IGNORED = "unchanged", "ignored"
# A scheduled run retires no more than this by itself: a broken listing looks like an empty one.
RETIRE_UNSEEN_SHARE, RETIRE_UNSEEN_COUNT = 0.5, 10
_SHOW_SECONDS = 0.4
# How files are read; a new number reads everything again though nothing changed there.
_READING = "r2:"
_NEVER_SETTLED = "-"  # the clock alone may change it, so that it is looked at in every run
_PREFIX, _LEFT_SECONDS = "source-", 24 * 3600


def work_waiting(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Work on queued runs until none waits. Returns how many were worked on."""
    count = 0
    while run := runs.lease_next(now=clock()):
        work(run, clock=clock)
        count += 1
    return count


def work(run: SourceRun, *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Bring the source in as the run asks, and end it: done, failed or cancelled."""
    importing = _Import(run, clock)
    try:
        # through a long clone or a slow page too
        with (
            leases.kept(
                lambda: runs.renew(run, now=clock()),
                every_seconds=settings.LEASE_SECONDS / 3,
                name="source-lease",
            ),
            leases.kept(importing.look, every_seconds=LOOK_SECONDS, name="source-stop"),
        ):
            message = importing.bring_in()
    except Stopped:
        if SourceRun.objects.filter(pk=run.pk, cancel_asked=True).exists():
            words = "Cancelled. What it had published stays."
            runs.finish(run, State.CANCELLED, message=words, counts=importing.counts, now=clock())
    except SourceError as error:
        runs.finish(run, State.FAILED, message=str(error), counts=importing.counts, now=clock())
    except Exception as error:
        logger.exception("run %s of source %s broke off", run.pk, run.source_id)
        words = f"It broke off by an error of ours ({type(error).__name__}); the log says more."
        runs.finish(run, State.FAILED, message=words, counts=importing.counts, now=clock())
    else:
        runs.finish(run, State.DONE, message=message, counts=importing.counts, now=clock())
    finally:
        if importing.published:
            wake(snapshots.REFRESH_TASK, queue=snapshots.SEARCH_QUEUE)


class _Import:
    def __init__(self, run: SourceRun, clock: Callable[[], datetime]) -> None:
        self.run = run
        self.source = run.source
        self.clock = clock
        # a run that was taken up again keeps what it noted before
        self.counts: Counter[str] = Counter(run.changes.values_list("outcome", flat=True))
        self.published = False
        self.stop = Stop()
        self._shown_at: datetime | None = None

    def look(self) -> None:
        """Tell whoever waits for the network that the run is to stop."""
        if runs.is_over(self.run):
            self.stop.set()

    def bring_in(self) -> str:
        """Returns what is worth saying beside the counts."""
        folder = _work_folder(self.clock())
        with (
            tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as work,
            closing(adapter_of(self.run, Path(work), self.stop)) as adapter,
            closing(IsolatedReader()) as reader,
        ):
            self._show(0, None, "Looking at what is there")
            listing = adapter.listing()
            known = {normal_source(item.path): item for item in self.source.items.all()}
            self._bring_in_all(adapter, reader, listing, known)
        others = sentence(listing.ignored, len(listing.entries))
        notes = [note for note in (listing.note, others) if note]
        if self.source.prune:
            notes += self._retire_gone(listing)
        return " ".join(notes)

    def _bring_in_all(
        self,
        adapter: Adapter,
        reader: IsolatedReader,
        listing: Listing,
        known: dict[str, SourceItem],
    ) -> None:
        noted = set(self.run.changes.values_list("path", flat=True))
        for path, reason in listing.skipped:
            if path not in noted:
                self._note(path, Outcome.SKIPPED, reason=reason)
        for path, reason in listing.unpublished:
            if normal_source(path) not in noted:
                self._leave_out(normal_source(path), reason)
        self.counts[IGNORED] = sum(listing.ignored.values())
        total = len(listing.entries)
        seen: set[str] = set()
        for number, entry in enumerate(listing.entries):
            self._show(number, total, entry.path)
            path = normal_source(entry.path)
            if path in seen:
                reason = "is there twice: the names differ only in how their letters are composed"
                self._note(entry.path, Outcome.SKIPPED, reason=reason)
            elif path not in noted:
                self._bring_in(adapter, reader, entry, path, known.get(path))
            seen.add(path)
        self._show(total, total, "")

    def _bring_in(
        self,
        adapter: Adapter,
        reader: IsolatedReader,
        entry: Entry,
        path: str,
        known: SourceItem | None,
    ) -> None:
        fingerprint = ""
        try:
            fetched = adapter.fetch(entry, _as_read_now(known))
            if fetched is None:
                assert known is not None
                if known.problem:
                    self._note(path, Outcome.SKIPPED, reason=known.problem)
                else:
                    self.counts[UNCHANGED] += 1
                return
            fingerprint = fetched.fingerprint
            article = self._article(reader, entry, fetched)
            candidate = Candidate.of(article, path)
            if depends_on_the_day(article.front_matter, path):
                fingerprint = _NEVER_SETTLED
            verdict = judge(
                candidate,
                collection=self.source.collection,
                origin=self.source,
                was_here=known is not None and not known.problem,
            )
        except (Unpublished, ItemUnpublished) as error:
            self._leave_out(path, error.reason)
        except (ItemError, LoadError, BadArticle) as error:
            reason = str(error) if isinstance(error, BadArticle) else error.reason
            self._skip(path, reason, fingerprint or getattr(error, "fingerprint", ""))
        except (RecursionError, MemoryError) as error:  # one text costs itself only
            self._skip(path, f"cannot be judged ({type(error).__name__})", fingerprint)
        else:
            notes = (*article.warnings, *candidate.stated.notes)
            self._apply(candidate, verdict, fingerprint, "; ".join(notes))

    def _skip(self, path: str, reason: str, fingerprint: str) -> None:
        with transaction.atomic():
            self._remember(path, fingerprint, problem=reason)
            self._note(path, Outcome.SKIPPED, reason=reason)

    def _leave_out(self, path: str, reason: str) -> None:
        """What its author keeps from readers is named; an article made of it before is retired, and a
        text that waits for a person is withdrawn."""
        now = self.clock()
        with transaction.atomic():
            standing = (
                Document.objects.select_related("current")
                .filter(
                    collection=self.source.collection,
                    source=path,
                    origin=self.source,
                    state=Document.State.PUBLISHED,
                )
                .first()
            )
            if standing is None:
                self._note(path, Outcome.SKIPPED, reason=reason)
            else:
                self._note(
                    path,
                    Outcome.RETIRED,
                    title=standing.title,
                    reason=reason,
                    before=standing.current,
                )
            if self.run.preview:
                return
            # nothing is remembered: the day or the folder's name may make a page of it
            self.source.items.filter(path=path).delete()
            withdraw(collection=self.source.collection, path=path, now=now)
            if standing is not None:
                retire(standing, actor=runs.ACTOR, announce=False, now=now)
                self.published = True

    def _article(self, reader: IsolatedReader, entry: Entry, fetched: Fetched) -> LoadedArticle:
        def on_page(done: int, pages: int) -> None:
            self._show(self.run.done, self.run.total, f"{entry.path} (page {done} of {pages})")

        now = self.clock()
        article = reader.read(fetched.name, fetched.content, now=now, on_page=on_page)
        return replace(article, **fetched.stated)

    def _apply(
        self, candidate: Candidate, verdict: Verdict, fingerprint: str, warning: str
    ) -> None:
        """Publish or hold, with the run's note in the same transaction."""
        now = self.clock()
        outcomes = {
            Effect.ADD: Outcome.ADDED,
            Effect.CHANGE: Outcome.CHANGED,
            Effect.HOLD: Outcome.HELD,
        }
        outcome = outcomes.get(verdict.effect)
        if outcome is None:
            self._remember(candidate.path, fingerprint)
            self._adopt(verdict.document, candidate)
            self.counts[UNCHANGED] += 1
            return
        standing = verdict.document.current if verdict.document else None
        with transaction.atomic():
            if self._overtaken(candidate, verdict):
                reason = "was changed here at this very moment; the next run looks again"
                self._note(candidate.path, Outcome.SKIPPED, title=candidate.title, reason=reason)
                return
            self._remember(candidate.path, fingerprint)
            self._note(
                candidate.path,
                outcome,
                title=candidate.title,
                reason=str(verdict.why.label) if verdict.why else warning,
                text=candidate.text if self.run.preview else "",
                before=standing,
            )
            if self.run.preview:
                return
            if verdict.effect is Effect.HOLD:
                hold(
                    candidate,
                    verdict,
                    collection=self.source.collection,
                    source=self.source,
                    run=self.run,
                    actor=runs.ACTOR,
                    now=now,
                )
                return
            put(
                collection=self.source.collection,
                **fields_of(candidate),
                actor=runs.ACTOR,
                origin=self.source,
                announce=False,
                now=now,
            )
        self.published = True

    def _overtaken(self, candidate: Candidate, verdict: Verdict) -> bool:
        """Whether the document is not what was judged any more; it is locked until the commit."""
        locked = Document.objects.select_for_update().filter(
            collection=self.source.collection, source=candidate.path
        )
        now = locked.values_list("pk", "current_id", "state").first()
        judged = verdict.document
        return now != (judged and (judged.pk, judged.current_id, judged.state))

    def _retire_gone(self, listing: Listing) -> list[str]:
        """Retire articles whose entry has gone; returns why not, where they stay."""
        there = {normal_source(entry.path) for entry in listing.entries}
        there |= {normal_source(path) for path, _ in [*listing.skipped, *listing.unpublished]}
        published = Document.objects.filter(
            origin=self.source, state=Document.State.PUBLISHED
        ).select_related("current")
        gone = [document for document in published.order_by("pk") if document.source not in there]
        if not gone:
            return []
        if not listing.complete:
            return [f"{len(gone)} articles were not found, but stay: the listing is not complete."]
        unseen = self.run.asked_by_id is None and not self.run.preview
        if unseen and len(gone) > max(RETIRE_UNSEEN_COUNT, RETIRE_UNSEEN_SHARE * len(published)):
            return [
                f"{len(gone)} of {len(published)} articles were not found, more than a scheduled run "
                "retires by itself. They stay: look at a preview, then run it by hand."
            ]
        for document in gone:
            self._show(self.run.done, self.run.total, document.source)
            with transaction.atomic():
                self._note(
                    document.source,
                    Outcome.RETIRED,
                    title=document.title,
                    reason="is not there any more",
                    before=document.current,
                )
                if not self.run.preview:
                    self.source.items.filter(path=document.source).delete()
                    retire(document, actor=runs.ACTOR, announce=False, now=self.clock())
                    self.published = True
        return []

    def _adopt(self, document: Document | None, candidate: Candidate) -> None:
        """An article that stands here word for word belongs to the source from now on, and has the
        public address that its file states."""
        current = document.current if document else None
        if self.run.preview or current is None or current.digest != candidate.digest:
            return
        mine = Document.objects.filter(pk=current.document_id)
        mine.filter(origin=None).update(origin=self.source)
        if document := mine.filter(origin=self.source).first():
            readdress(
                document,
                candidate.stated.address,
                digest=candidate.digest,
                actor=runs.ACTOR,
                now=self.clock(),
            )

    def _remember(self, path: str, fingerprint: str, *, problem: str = "") -> None:
        """What the next run may pass by; a preview leaves it to the run that follows."""
        if self.run.preview or not fingerprint:
            return
        self.source.items.update_or_create(
            path=path[:500],
            defaults={"fingerprint": f"{_READING}{fingerprint}"[:500], "problem": problem[:500]},
        )

    def _note(
        self,
        path: str,
        outcome: Outcome,
        *,
        title: str = "",
        reason: str = "",
        text: str = "",
        before: Revision | None = None,
    ) -> None:
        # the same path twice: the first note counts, as the first of two files does
        _, created = SourceChange.objects.get_or_create(
            run=self.run,
            path=path[:500],
            defaults={
                "outcome": outcome,
                "title": title,
                "reason": reason[:500],
                "text": text,
                "before": before,
            },
        )
        self.counts[outcome] += created

    def _show(self, done: int, total: int | None, current: str) -> None:
        """Renew the lease with what the page shows, a few times a second at most."""
        now = self.clock()
        quiet = (
            self._shown_at is not None and (now - self._shown_at).total_seconds() < _SHOW_SECONDS
        )
        if quiet and done != total:
            return
        self._shown_at = now
        self.run.done, self.run.total = done, total
        held = runs.renew(
            self.run,
            now=now,
            done=done,
            total=total,
            current=current[:500],
            counts=dict(self.counts),
        )
        if not held:
            raise Stopped


def _as_read_now(known: SourceItem | None) -> str:
    """The fingerprint of last time, where files were read then as they are now."""
    if known is None or not known.fingerprint.startswith(_READING):
        return ""
    return known.fingerprint.removeprefix(_READING)


def _work_folder(now: datetime) -> Path:
    """Where runs keep what they unpack and clone; what killed runs left there goes after a day."""
    folder = Path(settings.DATA_DIR) / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PREFIX}*"):
        if now.timestamp() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    return folder
