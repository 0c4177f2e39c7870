"""`manage.py models STEP`: the registry of model versions, for operators and scripts.

Steps: list, register, freeze, evaluate, store-evaluation, canary, promote, rollback, retire.
"""

from __future__ import annotations

import io
import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assistant.audit.log import at_command_line
from assistant.digests import file_sha256
from assistant.models import User
from generation import comparing, versions
from generation.chosen import by_setting, kept_by_setting, live_version
from generation.comparing import BadEvaluation
from generation.folders import BadFolder
from generation.models import FrozenSet, ModelVersion
from generation.versions import VersionError

KINDS = ModelVersion.Kind.values
FILE_OPTIONS = {
    "generation": "--records",
    "drafts": "--tickets",
    "toxicity": "--texts",
    "retrieval": "--questions",
    "confidence": "--labels",
}
Answer = dict[str, Any]


class Command(BaseCommand):
    help = "The registry of models: what is live, what is on trial, and how that changes."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")

        def step(name: str, help: str) -> Any:
            sub = steps.add_parser(name, help=help)
            sub.add_argument("--json", action="store_true", help="one JSON object")
            sub.add_argument(
                "--by", metavar="NAME", help="in whose name; the log says that it was said here"
            )
            return sub

        def of_version(name: str, help: str) -> Any:
            sub = step(name, help)
            sub.add_argument(
                "version",
                help="its number, the first digits of its digest, or a kind: its live one",
            )
            return sub

        step("list", "every version of every kind")
        register = step("register", "a packed folder as a candidate")
        register.add_argument("kind", choices=KINDS)
        register.add_argument("folder", type=Path)
        register.add_argument("--name", default="", help="the folder's name if left out")
        register.add_argument("--fitted-here", action="store_true",
                              help="a confidence model: it stands on decisions of this "
                              "installation")  # fmt: skip
        freeze = step("freeze", "name the file whose figures decide on promotions of a kind")
        freeze.add_argument("kind", choices=[*KINDS, "all"], help="all: every kind that has none")
        freeze.add_argument("file", type=Path, nargs="?", help="left out: this project's own set")
        freeze.add_argument(
            "--task", help="which `evaluate` reads it; the kind's first if left out"
        )
        evaluate = of_version("evaluate", "measure a version on a file and keep the figures")
        evaluate.add_argument("task", choices=list(FILE_OPTIONS))
        evaluate.add_argument("file", type=Path)
        store = of_version("store-evaluation", "keep what `manage.py evaluate … --json` printed")
        store.add_argument("result", help="a file with the printed JSON; - reads it from stdin")
        canary = of_version("canary", "have a share of the replies drafted or scored by it")
        canary.add_argument(
            "--share", type=float, required=True, help="0 to 0.99; 0 ends the trial"
        )
        promote = of_version("promote", "make a version live")
        promote.add_argument("--reason", default="", help="an administrator's, with --by")
        rollback = step("rollback", "put back what was live before")
        rollback.add_argument("kind", choices=KINDS)
        of_version("retire", "put a candidate or a canary away")

    def handle(self, *args: Any, **options: Any) -> None:
        do = getattr(self, options["step"].replace("-", "_"))
        try:
            answer = do(options, _person(options["by"]), timezone.now())
        except (BadEvaluation, BadFolder, VersionError) as error:
            raise CommandError(str(error), returncode=1) from error
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        else:
            self._show(answer)

    def list(self, options: Answer, by: User | None, now: datetime) -> Answer:
        found = [as_row(v) for v in ModelVersion.objects.order_by("kind", "state", "-pk")]
        for kind in KINDS:
            default = by_setting(kind)
            if live_version(kind) is None and default is not None:
                found = [row for row in found if not default.pk or row["version"] != default.pk]
                found.append(as_row(default) | {"state": "live", "by_setting": True})
        return {"versions": found}

    def register(self, options: Answer, by: User | None, now: datetime) -> Answer:
        return as_row(
            versions.register(
                kind=options["kind"],
                folder=options["folder"],
                name=options["name"],
                fitted_here=options["fitted_here"],
                by=by,
                actor=at_command_line(by),
                now=now,
            )
        )

    def freeze(self, options: Answer, by: User | None, now: datetime) -> Answer:
        kind, file = options["kind"], options["file"]
        if kind == "all":
            if file or options["task"]:
                raise BadEvaluation("all: names this project's own sets; leave file and task out")
            named = set(FrozenSet.objects.values_list("kind", flat=True))
            return {
                one: self._frozen(one, None, own, by, now)
                for one, own in comparing.OWN_SETS.items()
                if one not in named
            }
        return self._frozen(kind, options["task"], file or comparing.OWN_SETS[kind], by, now)

    def _frozen(
        self, kind: str, task: str | None, file: Path, by: User | None, now: datetime
    ) -> Answer:
        row, is_new = comparing.name_frozen_set(
            kind=kind,
            task=task or comparing.CRITERIA[kind].tasks[0],
            file=file,
            actor=at_command_line(by),
            now=now,
        )
        return {
            "kind": kind,
            "task": row.task,
            "file": str(file),
            "file_digest": row.digest,
            "changed": is_new,
        }

    def evaluate(self, options: Answer, by: User | None, now: datetime) -> Answer:
        from generation import registry

        version, task, file = _version(options["version"], now), options["task"], options["file"]
        if task not in comparing.CRITERIA[version.kind].tasks:
            raise BadEvaluation(f"task: {task!r} doesn't measure this {version.kind} here")
        if version.state != ModelVersion.State.SETTING:
            registry.use(version)
        elif live_version(version.kind) is not None:
            raise VersionError(f"{version} was named by a setting: register its folder first.")
        printed = io.StringIO()
        call_command("evaluate", task, FILE_OPTIONS[task], str(file), "--json", stdout=printed)
        named = {
            "task": task,
            "file": file.name,
            "file_digest": file_sha256(file),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "measured_at": now.isoformat(timespec="seconds"),
        }
        result = json.loads(printed.getvalue()) | named
        self._kept(version, result, by, now)
        return result

    def store_evaluation(self, options: Answer, by: User | None, now: datetime) -> Answer:
        given = options["result"]
        text = sys.stdin.read() if given == "-" else Path(given).read_text(encoding="utf-8")
        result = json.loads(text)
        if not isinstance(result, dict):
            raise BadEvaluation("not a JSON object")
        return self._kept(_version(options["version"], now), result, by, now)

    def _kept(
        self, version: ModelVersion, result: Answer, by: User | None, now: datetime
    ) -> Answer:
        made = comparing.store_evaluation(
            version=version, result=result, actor=at_command_line(by), now=now
        )
        answer: Answer = {"evaluation": made.pk, "version": version.pk, "n": made.n}
        return answer | {"file_digest": made.file_digest}

    def canary(self, options: Answer, by: User | None, now: datetime) -> Answer:
        version = _version(options["version"], now)
        versions.start_canary(
            version=version, share=options["share"], by=by, actor=at_command_line(by), now=now
        )
        return as_row(version)

    def promote(self, options: Answer, by: User | None, now: datetime) -> Answer:
        version = _version(options["version"], now)
        over = live_version(version.kind)
        versions.promote(
            version=version,
            over=over,
            by=by,
            actor=at_command_line(by),
            now=now,
            reason=options["reason"],
        )
        return as_row(version)

    def rollback(self, options: Answer, by: User | None, now: datetime) -> Answer:
        live = live_version(options["kind"])
        if live is None:
            raise VersionError("No version was promoted: what the setting names is live.")
        before = versions.roll_back(live=live, by=by, actor=at_command_line(by), now=now)
        return {"rolled_back": live.pk, "live": as_row(before) if before else None}

    def retire(self, options: Answer, by: User | None, now: datetime) -> Answer:
        version = _version(options["version"], now)
        return as_row(versions.retire(version=version, by=by, actor=at_command_line(by), now=now))

    def _show(self, answer: Answer) -> None:
        rows = answer.get("versions")
        if rows is None:
            for name, value in answer.items():
                self.stdout.write(f"{name}: {value}")
            return
        for row in rows:
            number = row["version"] if row["version"] else "–"
            state = "live by setting" if row.get("by_setting") else row["state"]
            self.stdout.write(
                f"{number!s:>4}  {row['kind']:<11} {state:<16} {row['name']}@{row['digest'][:12]}"
            )
        if not rows:
            self.stdout.write("No models are known.")


def as_row(version: ModelVersion) -> Answer:
    """A version as `--json` prints it."""
    return {
        "version": version.pk,
        "kind": str(version.kind),
        "name": version.name,
        "digest": version.digest,
        "state": str(version.state),
        "canary_share": version.canary_share,
        "source": version.source,
        "license": version.license,
        "size_bytes": version.size_bytes,
    }


def _person(name: str | None) -> User | None:
    if name is None:
        return None
    person = User.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"--by: there is no active person {name!r}", returncode=2)
    return person


def _version(given: str, now: datetime) -> ModelVersion:
    """By number, by the first digits (6 and more) of a digest that fit exactly one version, or by
    its kind: what is live."""
    if given in KINDS:
        live = live_version(given) or kept_by_setting(given, now=now)
        if live is None:
            raise VersionError(f"No {given} is live.")
        return live
    by_number = ModelVersion.objects.filter(pk=int(given)) if given.isdecimal() else None
    if by_number is not None and len(given) < 19 and (found := by_number.first()):
        return found
    fitting = list(ModelVersion.objects.filter(digest__startswith=given.lower())[:2])
    if len(given) >= 6 and len(fitting) == 1:
        return fitting[0]
    raise VersionError(f"{given!r} is no version: `manage.py models list` shows their numbers.")
