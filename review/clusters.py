"""Questions clustered by meaning, their typical words, and clusters known again. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from generation.tokens import tokens_of

APART = 0.45  # cosine distance (average linkage) at which two clusters stay two
SMALLEST = 2
SAME = 1 / 3  # share of the smaller one's tickets that makes two clusters one and the same
WORDS = 8
WEEKS = 4


def clusters_of(vectors: NDArray[np.float32]) -> list[list[int]]:
    """Rows `float32 [n, d]` (unit) by cluster, the greatest first; rows that are alone are left out.

    Agglomerative, average linkage on cosine distance: no number of clusters has to be known.
    """
    if len(vectors) < SMALLEST:
        return []
    from sklearn.cluster import AgglomerativeClustering

    labels = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=APART
    ).fit_predict(vectors)
    found: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(labels.tolist()):
        found[label].append(row)
    whole = [rows for rows in found.values() if len(rows) >= SMALLEST]
    return sorted(whole, key=lambda rows: (-len(rows), rows[0]))


def known_again(
    new: Sequence[Collection[Hashable]], old: Mapping[int, Collection[Hashable]]
) -> dict[int, int]:
    """For places in `new`, the key in `old` of the cluster that it continues; each is used once,
    the greatest overlaps first."""
    overlaps = sorted(
        (
            (-len(shared), place, key)
            for place, members in enumerate(new)
            for key, before in old.items()
            if (shared := set(members) & set(before))
            and len(shared) >= SAME * min(len(members), len(before))
        ),
    )
    found: dict[int, int] = {}
    for _, place, key in overlaps:
        if place not in found and key not in found.values():
            found[place] = key
    return found


def typical_words(
    texts: Sequence[str],
    owners: Sequence[Hashable],
    *,
    spread: Mapping[str, int],
    total: int,
    hidden: Collection[str] = (),
) -> list[str]:
    """The words that tell these texts from all others, best first, in their commonest form.

    A word counts only where texts of two `owners` (customers) hold it, has letters only, and is not
    among `hidden` (parts of names): so that no single person's words show. `spread` is in how many
    of all `total` texts each stem stands.
    """
    held: dict[str, set[Hashable]] = defaultdict(set)
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    count: Counter[str] = Counter()
    for text, owner in zip(texts, owners, strict=True):
        tokens = [t for t in tokens_of(text) if t.content and t.word.isalpha() and len(t.word) > 2]
        for token in tokens:
            forms[token.stem][token.word] += 1
            held[token.stem].add(owner)
        count.update({token.stem for token in tokens})
    taboo = {word.casefold() for word in hidden}
    scores = {
        stem: count[stem] / len(texts) * math.log(1 + total / max(spread.get(stem, 1), 1))
        for stem, who in held.items()
        if len(who) > 1 and not set(forms[stem]) & taboo
    }
    best = sorted(scores, key=lambda stem: (-scores[stem], stem))[:WORDS]
    return [forms[stem].most_common(1)[0][0] for stem in best]


def spread_of(texts: Sequence[str]) -> Counter[str]:
    """In how many of the texts each stem stands."""
    spread: Counter[str] = Counter()
    for text in texts:
        spread.update({token.stem for token in tokens_of(text) if token.content})
    return spread


def by_week(moments: Sequence[datetime], *, now: datetime) -> list[int]:
    """How many fall into each of the last four weeks, the oldest first."""
    weeks = [0] * WEEKS
    for moment in moments:
        ago = int((now - moment) / timedelta(weeks=1))
        if 0 <= ago < WEEKS:
            weeks[WEEKS - 1 - ago] += 1
    return weeks
