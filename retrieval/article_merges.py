"""Two people's changes of one article put together: title, text, category, language, review date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from retrieval import editing
from retrieval.article_drafts import Fields, begin
from retrieval.merging import By, Lines, Place, merge, taken_back, together
from retrieval.models import Document, Revision
from retrieval.publishing import Publication, article_digest, normal_line, normal_text

MINE, THEIRS = "mine", "theirs"
_FACTS = {
    "title": "Title", "category": "Category", "language": "Language", "review_by": "Review date",
}  # fmt: skip
_LOOKED_BACK = 5  # revisions


@dataclass(frozen=True)
class Difference:
    """Something that was changed: what it was (None where that is not known), and what each of the two
    made of it. `name` is what `Merge.fields` wants to be told."""

    name: str
    label: str
    base: str | None
    mine: str
    theirs: str


class Undecided(ValueError):
    """Both changed the same in other ways, and nobody said which stands: `differences`."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        named = ", ".join(one.label.lower() for one in differences)
        super().__init__(f"Both of you changed the same, each in another way: {named}.")
        self.differences = list(differences)


@dataclass(frozen=True)
class Merge:
    """What both made of an article, place by place."""

    mine: Fields
    theirs: Fields
    facts: Mapping[str, By]
    base: Mapping[str, Any]  # of the facts, as far as they are known
    places: Sequence[Place]

    def changed(self, by: By) -> list[Difference]:
        """The differences that come from this side."""
        found = [
            Difference(
                name,
                _FACTS[name],
                _said(self.base[name]) if name in self.base else None,
                _said(getattr(self.mine, name)),
                _said(getattr(self.theirs, name)),
            )
            for name, who in self.facts.items()
            if who is by
        ]
        line = 1
        for number, place in enumerate(self.places):
            if place.by is by:
                found.append(_difference(number, place, line))
            line += len(place.base)
        return found

    @property
    def by_me(self) -> list[Difference]:
        return self.changed(By.MINE)

    @property
    def by_them(self) -> list[Difference]:
        return self.changed(By.THEIRS)

    @property
    def overlaps(self) -> list[Difference]:
        return self.changed(By.OVERLAP)

    def fields(self, chosen: Mapping[str, str]) -> Fields:
        """Both together; `chosen` has "mine" or "theirs" for the name of each overlap. Raises
        `Undecided` where one lacks."""
        open_ones = [one for one in self.overlaps if chosen.get(one.name) not in {MINE, THEIRS}]
        if open_ones:
            raise Undecided(open_ones)
        numbers = {id(place): number for number, place in enumerate(self.places)}

        def choose(place: Place) -> Lines:
            theirs = chosen[f"text-{numbers[id(place)]}"] == THEIRS
            return place.theirs if theirs else place.mine

        facts = {
            name: getattr(self.theirs, name)
            for name, who in self.facts.items()
            if who is By.THEIRS or (who is By.OVERLAP and chosen[name] == THEIRS)
        }
        return replace(self.mine, text=together(self.places, choose), **facts)


def merge_articles(*, base: Revision | None, mine: Fields, theirs: Fields) -> Merge:
    """What `mine` and `theirs` made of the revision that both began from (None: of nothing)."""
    mine, theirs = _normal(mine), _normal(theirs)
    known = _base_facts(base, mine, theirs)
    facts = {}
    for name in _FACTS:
        my, their = getattr(mine, name), getattr(theirs, name)
        if my == their:
            facts[name] = By.NOBODY
        elif name not in known:
            facts[name] = By.OVERLAP
        else:
            facts[name] = (
                By.MINE if their == known[name] else By.THEIRS if my == known[name] else By.OVERLAP
            )
    text = normal_text(base.text) if base else ""
    return Merge(mine, theirs, facts, known, merge(text, mine.text, theirs.text))


def publish_together(
    *, document: Document, fields: Fields, over: int | None, **how: Any
) -> tuple[Publication, Revision | None]:
    """`editing.publish`, and where somebody published meanwhile: both changes together, with the
    revision that these were merged with. `how` is passed on.

    Raises what `publish` does: `Overtaken` where `over` is no revision of this article, or yet another
    one was published at this moment; and `Undecided` where the changes overlap.
    """
    try:
        return editing.publish(document=document, fields=fields, over=over, **how), None
    except editing.Overtaken as overtaken:
        base = document.revisions.filter(pk=over).first() if over else None
        stands = overtaken.current
        if base is None or stands is None:
            raise
    standing = Document.objects.select_related("current").get(pk=document.pk)
    merge = merge_articles(base=base, mine=fields, theirs=begin(standing))
    done = editing.publish(document=document, fields=merge.fields({}), over=stands.pk, **how)
    return done, stands


def takes_back(*, document: Document, text: str) -> tuple[Revision | None, list[Place]]:
    """What publishing this text undoes of the article's last revisions: which earlier one comes back,
    and where (`base` is what stands now, `mine` what comes back)."""
    current = document.current
    if current is None:
        return None, []
    stands, text = normal_text(current.text), normal_text(text)
    earlier = document.revisions.filter(number__lt=current.number).order_by("-number")
    for before in earlier[:_LOOKED_BACK]:
        if found := taken_back(normal_text(before.text), stands, text):
            return before, found
    return None, []


def _normal(given: Fields) -> Fields:
    """As it would be published, so that only what a reader sees counts as a change."""
    return replace(
        given,
        title=normal_line(given.title),
        text=normal_text(given.text),
        category=normal_line(given.category),
        language=normal_line(given.language),
    )


def _base_facts(base: Revision | None, mine: Fields, theirs: Fields) -> dict[str, Any]:
    """Title, category and language of the revision: it keeps a digest of the latter two only, which
    tells whether one of the two people left them as they were."""
    if base is None:
        return {}
    known: dict[str, Any] = {"title": base.title}
    for category, language in product(
        (mine.category, theirs.category), (mine.language, theirs.language)
    ):
        digest = article_digest(
            title=base.title, category=category, language=language, text=base.text
        )
        if digest == base.digest:
            known |= {"category": category, "language": language}
    return known


def _difference(number: int, place: Place, line: int) -> Difference:
    last = line + max(len(place.base), 1) - 1
    label = f"Line {line}" if last == line else f"Lines {line} to {last}"
    texts = ("\n".join(side) for side in (place.base, place.mine, place.theirs))
    return Difference(f"text-{number}", label, *texts)


def _said(value: Any) -> str:
    return str(value or "")
