"""Whatever is killed while an index is built, grown, switched or compacted: the old one is served
whole, and the next refresh brings what was published. Nothing of two publishers is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.installation import ROOT, Installation

pytestmark = [pytest.mark.processes, pytest.mark.soak]

PUBLISH = """
from django.utils import timezone
from retrieval.models import Collection
from retrieval.publishing import publish
publish(collection=Collection.objects.get(name='help'), source='{name}.md', title='{name}',
        text='The {name} hub pairs over the local network only.', now=timezone.now())
"""
REFRESH = "from retrieval.building import refresh_if_stale\nrefresh_if_stale()\n"
DIE_IN = """
import os, signal
from retrieval import building, compacting, intake, sealed, segments, snapshots
def die(*args, **options): os.kill(os.getpid(), signal.SIGKILL)
"""
PLACES = {
    "a segment kept, no snapshot over it": "snapshots.write = die",
    "a switch in its transaction": "snapshots.record = die",
    "a segment half written": "intake.Postings.build = die",
    "a segment sealed without its name": "segments.keep = die",
    "a snapshot written and not checked": "building._check = die",
    "a snapshot ready, not switched to": "snapshots.activate = die",
    "a switch made, not cleaned": "building.clean = die",
}
SERVED = """
import json
from retrieval.search import search
print(json.dumps([[hit.title for hit in search(query, k=10).hits] for query in {queries!r}]))
"""


def run(installed: Installation, code: str) -> list[list[str]]:
    """Run code that ends in `SERVED`s; what each printed."""
    done = installed.python(code)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[[")]


def test_a_kill_in_an_add_leaves_the_old_index_and_the_next_refresh_repairs(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    served = SERVED.format(queries=["restart the thermostat", "fjordlink hub pairing"])
    published: list[str] = []
    for number, (place, death) in enumerate(PLACES.items()):
        name = f"fjordlink{number}"
        done = installed.python(PUBLISH.format(name=name) + DIE_IN + death + "\n" + REFRESH)
        assert done.returncode == -9, (place, done.stderr)
        before, after = run(installed, served + REFRESH + served)
        assert before[0][0] == after[0][0] == "Restart the thermostat", place
        assert set(published) <= set(before[1]), place
        published.append(name)
        assert set(published) <= set(after[1]), place
    folders = [p.name for p in (installed.folder / "index").iterdir() if p.is_dir()]
    assert not [name for name in folders if name.startswith(".")], "leftovers were swept"
    assert installed.verify()["ok"]


def test_a_killed_compaction_changes_nothing_and_the_next_one_succeeds(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    served = SERVED.format(queries=["fjordlink hub"])
    run(installed, PUBLISH.format(name="fjordlink") + REFRESH)
    one_segment = (
        "select count(*) from retrieval_indexsnapshot where state = 'active' and segments = 1"
    )
    assert not installed.count(one_segment)
    for death in ("segments.seal = die", "segments.keep = die", "building.build = die"):
        done = installed.python(DIE_IN + death + "\ncompacting.compact()\n")
        assert done.returncode == -9, done.stderr
    before, after = run(
        installed, served + "\nfrom retrieval.compacting import compact\ncompact()\n" + served
    )
    assert before[0][0] == after[0][0] == "fjordlink"
    assert installed.count(one_segment)


IMPORT = """
from retrieval import building, intake
building.SLICE, intake._FIRST = 0.0, 1  # an article a slice
def publish_all(names):
    from django.utils import timezone
    from retrieval.models import Collection
    from retrieval.publishing import publish
    for name in names:
        publish(collection=Collection.objects.get(name='help'), source=name + '.md', title=name,
                text='The ' + name + ' hub pairs over the local network only.', now=timezone.now())
"""
DIE_LATER = """
import os, signal
embed, calls = intake._embed, []
def embed_some(*args):
    calls.append(1)
    if len(calls) == 4: os.kill(os.getpid(), signal.SIGKILL)
    return embed(*args)
intake._embed = embed_some
"""


def test_an_import_killed_in_its_midst_keeps_what_it_has_and_the_next_refresh_goes_on(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    names = [f"fjordlink{number}" for number in range(6)]
    served = SERVED.format(queries=["fjordlink hub pairing"])
    publish = IMPORT + f"publish_all({names!r})\n"
    done = installed.python(publish + DIE_LATER + REFRESH)
    assert done.returncode == -9, done.stderr
    count_embedded = IMPORT + (
        "embed, calls = intake._embed, []\n"
        "intake._embed = lambda *args: calls.append(1) or embed(*args)\n"
    )
    before, embedded, after = run(
        installed, served + count_embedded + REFRESH + "print([[len(calls)]])\n" + served
    )
    assert set(before[0]) & set(names) == set(names[3:]), "the newest three, and nothing lost"
    assert embedded == [[3]]
    assert set(names) <= set(after[0])


def test_two_importers_at_once_lose_nothing_and_index_nothing_twice(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    halves = [[f"fjordlink{n}" for n in range(4)], [f"fjordlink{n}" for n in range(4, 8)]]
    running = [
        subprocess.Popen(
            [
                *[sys.executable, "-c"],
                f"import django; django.setup()\n{IMPORT}publish_all({names!r})\n{REFRESH}",
            ],
            cwd=ROOT,
            env=installed.environment,
        )
        for names in halves
    ]
    assert [process.wait(timeout=280) for process in running] == [0, 0]
    served = SERVED.format(queries=["fjordlink hub pairing"])
    (titles,) = run(installed, REFRESH + served.replace("k=10", "k=30"))
    ours = sorted(title for title in titles[0] if title.startswith("fjordlink"))
    assert ours == sorted([*halves[0], *halves[1]])
    whole = "select count(*) from retrieval_indexsnapshot where state = 'active' and remaining = 0"
    assert installed.count(whole) == 1


def test_publishers_and_builders_at_once_lose_nothing(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    names = [f"fjordlink{number}" for number in range(2)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", f"import django; django.setup()\n{script}"],
            cwd=ROOT,
            env=installed.environment,
        )
        for script in [
            *(PUBLISH.format(name=name) + REFRESH for name in names),
            "from retrieval.compacting import compact\ncompact()\n",
        ]
    ]
    assert [process.wait(timeout=280) for process in running] == [0] * 3
    (served,) = run(installed, REFRESH + SERVED.format(queries=["fjordlink hub pairing"]))
    assert set(names) <= set(served[0])
    active = "select count(*) from retrieval_indexsnapshot where state = 'active'"
    assert installed.count(active) == 1
