"""A model version's life: registered, tried as a canary, promoted, rolled back, retired.

Each step is a conditional update, so that of two racing calls exactly one wins and the other gets
a named error; each is a `ModelChange` and an audit event. Workers load what is live by themselves
(`generation.registry`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from assistant.access import Capability, can
from assistant.audit.content import JSON
from assistant.audit.log import actor_of, record, system
from assistant.models import User
from generation import queue
from generation.chosen import by_setting, live_version
from generation.comparing import compare
from generation.folders import BadFolder, open_packed
from generation.models import ModelChange, ModelVersion

State, Kind = ModelVersion.State, ModelVersion.Kind
LEAST_REASON, LONGEST_REASON = 10, 2000
LONGEST_NAME = 100
WHOLE_OR_NOT_AT_ALL = {
    Kind.TOXICITY: "A toxicity screen can't be a canary: a screen sees every text.",
    Kind.RERANKER: "A reranker can't be a canary: it orders every search, those of pages too, so it "
    "serves whole or not at all.",
}


class VersionError(Exception):
    """A step that cannot be taken; says why, and what to do."""


class Overtaken(VersionError):
    """Somebody else was faster: the version isn't in the state that the caller saw."""


class NeedsReason(VersionError):
    """The evaluation doesn't suffice, and no administrator has written why it may be so."""


class AlreadyRegistered(VersionError):
    """The same files are registered and not retired."""


def register(
    *,
    kind: str,
    folder: Path,
    by: User | None,
    now: datetime,
    name: str = "",
    fitted_here: bool = False,
) -> ModelVersion:
    """A packed folder as a candidate. Nothing is copied: the folder has to stay where it is.

    `fitted_here` says of a confidence model that it stands on this installation's own decisions,
    without which no policy approves by it; the log keeps who said so.
    A retired version whose folder is registered again becomes a candidate again. Raises BadFolder,
    AlreadyRegistered.
    """
    folder = folder.expanduser().resolve()
    name = name.strip() or folder.name
    if len(name) > LONGEST_NAME or len(str(folder)) > 500:
        raise BadFolder(f"{folder}: a name has at most {LONGEST_NAME} characters, a path 500.")
    if fitted_here and kind != Kind.CONFIDENCE:
        raise BadFolder("Only a confidence model is fitted on an installation's decisions.")
    packed = open_packed(folder, kind=kind)
    known = ModelVersion.objects.filter(kind=kind, digest=packed.digest)
    fields: dict[str, Any] = {
        **packed.as_fields(),
        "source": str(folder),
        "state": State.CANDIDATE,
        "state_at": now,
        "registered_at": now,
        "registered_by": by,
        "details": {"fitted_here": True} if fitted_here else {},
    }
    with transaction.atomic():
        standing = known.exclude(state__in=(State.SETTING, State.RETIRED)).first()
        if standing is not None:
            raise AlreadyRegistered(
                f"{standing} holds the same files and is {standing.get_state_display().lower()}."
            )
        again = known.filter(state=State.RETIRED).first() or known.filter(name=name).first()
        if again is None:
            again = ModelVersion(kind=kind, name=name, digest=packed.digest)
        for column, value in fields.items():
            setattr(again, column, value)
        again.save()
        data: dict[str, JSON] = {"license": again.license}
        if kind == Kind.CONFIDENCE:
            data["fitted_here"] = fitted_here
        _note(again, "registered", by, now, data=data)
    return again


def start_canary(
    *, version: ModelVersion, share: float, by: User | None, now: datetime
) -> ModelVersion:
    """Let the version draft or score this share of the replies; 0 makes it a candidate again.

    A canary's drafts always go to a person. Raises VersionError, Overtaken.
    """
    if not version.can_be_canary:
        raise VersionError(f"{WHOLE_OR_NOT_AT_ALL[version.kind]} Promote it; one step rolls back.")
    if not 0 <= share < 1:
        raise VersionError(f"A share of {share:g} is none: write 0 to 0.99, or promote it.")
    state = State.CANARY if share else State.CANDIDATE
    try:
        with transaction.atomic():
            _move(
                version, (State.CANDIDATE, State.CANARY), state,
                now=now, canary_share=share or None,
            )  # fmt: skip
            _note(version, "canary", by, now, data={"share": f"{share:.4f}"})
            queue.announce()
    except IntegrityError:
        raise Overtaken("Another version is the canary already: retire it first.") from None
    return version


def promote(
    *,
    version: ModelVersion,
    over: ModelVersion | None,
    by: User | None,
    now: datetime,
    reason: str = "",
) -> ModelVersion:
    """Make the version live in place of `over`, the live one that the caller saw (None: the one
    that the setting names). Workers load it with their next batch.

    It needs an evaluation on the frozen set that is not worse than the live one's, or a reason
    that an administrator wrote. Raises NeedsReason, Overtaken, VersionError.
    """
    reason = reason.strip()
    comparison = compare(version, over or by_setting(version.kind))
    if not comparison.suffices:
        _check_reason(reason, by, comparison.why)
    try:
        with transaction.atomic():
            if over is not None:
                _move(over, (State.LIVE,), State.RETIRED, now=now)
            elif live_version(version.kind) is not None:
                raise Overtaken("Another version went live meanwhile: look again.")
            _move(
                version, (State.CANDIDATE, State.CANARY), State.LIVE,
                now=now, previous=over, canary_share=None,
            )  # fmt: skip
            data: dict[str, JSON] = {
                "over": over.pk if over else None,
                "over_digest": over.digest if over else None,
                "evaluation": comparison.mine.pk if comparison.mine else None,
                "evaluation_suffices": comparison.suffices,
            }
            _note(version, "promoted", by, now, reason=reason, data=data)
            queue.announce()
    except IntegrityError:
        raise Overtaken("Another version went live meanwhile: look again.") from None
    return version


def roll_back(*, live: ModelVersion, by: User | None, now: datetime) -> ModelVersion | None:
    """Put back what was live before `live`; returns it, or None where the setting decides again.

    Raises Overtaken when `live` isn't live any more.
    """
    with transaction.atomic():
        _move(live, (State.LIVE,), State.RETIRED, now=now)
        live.refresh_from_db()
        before = live.previous
        if before is not None:
            allowed = (State.RETIRED, State.CANDIDATE, State.CANARY)
            _move(before, allowed, State.LIVE, now=now, canary_share=None)
        data: dict[str, JSON] = {
            "to": before.pk if before else None,
            "to_digest": before.digest if before else None,
        }
        _note(live, "rolled_back", by, now, data=data)
        queue.announce()
    return before


def retire(*, version: ModelVersion, by: User | None, now: datetime) -> ModelVersion:
    """Put a candidate or a canary away. Raises Overtaken; what is live is rolled back instead."""
    with transaction.atomic():
        _move(version, (State.CANDIDATE, State.CANARY), State.RETIRED, now=now, canary_share=None)
        _note(version, "retired", by, now)
        queue.announce()
    return version


def _check_reason(reason: str, by: User | None, why: str) -> None:
    if len(reason) < LEAST_REASON:
        raise NeedsReason(
            f"{why} An administrator may promote it all the same, with a written reason "
            f"of at least {LEAST_REASON} characters."
        )
    if len(reason) > LONGEST_REASON:
        raise NeedsReason(f"The reason has {len(reason)} characters; {LONGEST_REASON} are kept.")
    if by is None or not can(by, Capability.ADMINISTER):
        raise NeedsReason(f"{why} Only an administrator's reason counts: say who they are.")


def _move(
    version: ModelVersion,
    allowed: Sequence[str],
    to: str,
    *,
    now: datetime,
    **columns: Any,
) -> None:
    """One conditional update. Raises Overtaken where the version is in no allowed state."""
    values = {"state": to, "state_at": now, **columns}
    rows = ModelVersion.objects.filter(pk=version.pk, state__in=allowed)
    if not rows.update(**values):
        version.refresh_from_db()
        raise Overtaken(
            f"{version} is {version.get_state_display().lower()} now, so this can't be done to it."
        )
    for column, value in values.items():
        setattr(version, column, value)


def _note(
    version: ModelVersion,
    action: str,
    by: User | None,
    now: datetime,
    *,
    reason: str = "",
    data: Mapping[str, JSON] | None = None,
) -> None:
    """The change's row and its event; the event keeps a salted digest of the reason, not its words."""
    salt = secrets.token_hex(16) if reason else ""
    ModelChange.objects.create(
        version=version, action=action, by=by, reason=reason, salt=salt, at=now
    )
    digest = hashlib.sha256((salt + reason).encode()).hexdigest() if reason else None
    record(
        f"model.{action}",
        actor=actor_of(by) if by else system("operator"),
        model=str(version)[:200],
        data={
            "version": version.pk,
            "kind": str(version.kind),
            "digest": version.digest,
            "reason_digest": digest,
            **(data or {}),
        },
        now=now,
    )
