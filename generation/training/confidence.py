"""`manage.py train confidence`: fits the confidence model on labelled drafts.

Labels come from a file (``--labels``: rows ``{"features", "label", "group"}``), or are made from
the rows of ``evaluate drafts`` and files that name each ticket's gold page and what answers it
(``--drafts OUT.jsonl … --gold TICKETS.jsonl …``, one file of each for every set).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from generation.confidence import ConfidenceModel
from generation.figures import token_f1
from generation.grounding import SUPPORT_THRESHOLD
from generation.tokens import tokens_of

HELD_OUT_SHARE = 0.3
BINS = 15
LEAST_LABELS = 50
OVERLAP = 0.5
# What speaks for a draft (1) or against it (-1). Other features tell one kind of ticket from another:
# over several sets they would learn which set a ticket is from.
SPEAKS = {
    "retrieval_top": 1, "retrieval_margin": 1, "support_min": 1, "support_mean": 1, "relevance": 1,
    "agreement": 1, "flags": -1, "coverage": 1, "length": 1, "vagueness": -1,
}  # fmt: skip
NEARLY_ALL, LONG = 0.8, 5  # share and number of content words of an answer said by another page
ALIKE = 0.4  # token F1
LABEL_FROM_GOLD = (
    "the ticket can be answered, every claim is supported, and either most claims cite a gold page and "
    f"the body holds more than {OVERLAP:.0%} of the content words of a text that answers it or has a "
    f"token F1 of {ALIKE} with the human reply, or it holds {NEARLY_ALL:.0%} of an answer of {LONG} "
    "content words and more"
)


@dataclass(frozen=True)
class Label:
    """One draft: its features, whether it was good (1) or not (0), what it is split by, and which
    set it is from."""

    features: dict[str, float]
    label: int
    group: str
    source: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py train confidence`."""
    parser.add_argument("--labels", type=Path, help='rows {"features", "label", "group"}')
    parser.add_argument("--drafts", type=Path, nargs="+", help="what `evaluate drafts --out` wrote")
    parser.add_argument(
        "--gold",
        type=Path,
        nargs="+",
        help='rows {"id", "gold", "grounding"} of their tickets, a file for each of --drafts',
    )
    parser.add_argument("--label-definition", default="", help="what --labels counts as good")
    parser.add_argument("--name", default="confidence", help="the model's name")
    parser.add_argument("--out", type=Path, required=True, help="folder for confidence.json")


def run(options: dict[str, Any], *, progress: Any) -> dict[str, Any]:
    """Fit, measure on the groups held out, write the file; the figures as a dict.

    Raises ValueError where the labels can't carry a fit, naming the row.
    """
    if options.get("labels"):
        labels = read_labels(options["labels"])
        definition = options.get("label_definition") or f"as labelled in {options['labels'].name}"
    elif options.get("drafts") and options.get("gold"):
        files = list(zip(options["drafts"], options["gold"], strict=True))
        labels = [
            replace(label, source=gold.stem)
            for drafts, gold in files
            for label in label_drafts(_rows(drafts), _rows(gold))
        ]
        definition = LABEL_FROM_GOLD
    else:
        raise ValueError("give --labels FILE, or --drafts OUT.jsonl with --gold FILE")
    task = progress.add_task("Fitting", total=1)
    model = fit(labels, label=definition, name=options.get("name") or "confidence")
    path = model.save(options["out"])
    progress.advance(task)
    return {
        "file": str(path),
        "digest": model.digest,
        "data_digest": model.data_digest,
        "label": model.label,
        "n": model.n,
        "n_held_out": model.n_held_out,
        "positive_share": model.positive_share,
        "auroc": model.auroc,
        "ece": model.ece,
        "sets": measured_by_set(labels, model),
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{path.name}, line {number} is not a JSON object")
        rows.append(row)
    return rows


def read_labels(path: Path) -> list[Label]:
    """The rows of a labels file. Raises ValueError naming the line and the field."""
    labels = []
    for number, row in enumerate(_rows(path), start=1):
        where = f"{path.name}, record {number}"
        features, label = row.get("features"), row.get("label")
        if not isinstance(features, dict):
            raise ValueError(f"{where}: features is missing or no object")
        if label not in (0, 1):
            raise ValueError(f"{where}: label is {label!r}, not 0 or 1")
        if not row.get("group"):
            raise ValueError(f"{where}: group is missing (a dialogue, ticket or document)")
        labels.append(Label(features, int(label), str(row["group"])))
    return labels


def label_drafts(drafts: Iterable[dict[str, Any]], gold: Iterable[dict[str, Any]]) -> list[Label]:
    """Labels for drafted rows by what is known of their tickets (see `is_good`).

    Rows without a draft are left out: there is nothing to be sure of. The group is the first gold page,
    so that no page is on both sides of the split, or the ticket's own where nothing answers it. Raises
    ValueError on a row that can't be labelled.
    """
    by_id = {str(row["id"]): row for row in gold}
    labels = []
    for row in drafts:
        if row.get("kind") in (None, "none") or not row.get("text"):
            continue
        ticket = by_id.get(str(row["id"]))
        answerable = ticket is not None and ticket.get("answerable") is not False
        if ticket is None or (answerable and not (ticket.get("gold") and ticket.get("grounding"))):
            raise ValueError(
                f"row {row['id']}: the gold file has no gold page and grounding for it"
            )
        if not row.get("features"):
            raise ValueError(
                f"row {row['id']}: it has no features; write them with evaluate drafts"
            )
        group = ticket["gold"][0] if ticket.get("gold") else ticket.get("group") or row["id"]
        labels.append(Label(row["features"], int(is_good(row, ticket)), str(group)))
    return labels


def is_good(row: dict[str, Any], ticket: dict[str, Any]) -> bool:
    """Whether a drafted row answers its ticket.

    The ticket can be answered (``answerable``) and every claim is supported. From a ``gold`` page, the
    body says more than half of what one of ``answers`` (else ``grounding``) says, or nearly what a
    person replied (``reply``); from another page, which may say the same, nearly all of a long answer.
    """
    claims = [s for s in row["sentences"] if s["kind"] == "claim"]
    supported = all(not s["flags"] and (s["support"] or 0.0) >= SUPPORT_THRESHOLD for s in claims)
    if ticket.get("answerable") is False or not claims or not supported:
        return False
    body = row.get("body") or row["text"]
    said = [_share_said(answer, body) for answer in ticket.get("answers") or [ticket["grounding"]]]
    if any(share >= NEARLY_ALL and words >= LONG for share, words in said):
        return True
    cited = Counter(s["source"] for s in claims if s.get("source"))
    if not cited or cited.most_common(1)[0][0] not in ticket["gold"]:
        return False
    reply = ticket.get("reply")
    return any(share > OVERLAP for share, _ in said) or bool(
        reply and token_f1(body, reply) >= ALIKE
    )


def _share_said(answer: str, body: str) -> tuple[float, int]:
    """The share of an answer's content words (of all, where it has none) in a body, and how many
    they are."""
    tokens = tokens_of(answer)
    wanted = Counter(token.stem for token in tokens if token.content)
    wanted = wanted or Counter(token.stem for token in tokens)
    said = Counter(token.stem for token in tokens_of(body))
    return (wanted & said).total() / max(wanted.total(), 1), wanted.total()


def is_held_out(group: str) -> bool:
    """30 % of groups, by a digest of their name: the same on every machine."""
    digest = hashlib.sha256(f"confidence:{group}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def fit(labels: Sequence[Label], *, label: str, name: str) -> ConfidenceModel:
    """A logistic model on standardised features, fitted on 70 % of groups, measured on the rest.

    Each set weighs the same. Of the features in `SPEAKS` those stay whose weight agrees with what
    they mean: the rest, the most contradicting first, are left out and the fit is made again.
    """
    from sklearn.linear_model import LogisticRegression

    if len(labels) < LEAST_LABELS:
        raise ValueError(f"{len(labels)} labels are too few for a fit: {LEAST_LABELS} are needed")
    for number, row in enumerate(labels, start=1):
        missing = [n for n in SPEAKS if not np.isfinite(row.features.get(n, np.nan))]
        if missing:
            raise ValueError(f"record {number}: missing or not finite: {', '.join(missing)}")
    y = np.array([row.label for row in labels])
    held_out = np.array([is_held_out(row.group) for row in labels])
    if len(set(y[~held_out])) < 2:
        raise ValueError("the labels are all alike in the part to fit on: nothing to learn")
    sizes = Counter(row.source for row in labels)
    weights = np.array([len(labels) / len(sizes) / sizes[row.source] for row in labels])
    names = list(SPEAKS)
    while True:
        x = np.array([[row.features[n] for n in names] for row in labels], dtype=np.float64)
        means = x[~held_out].mean(axis=0)
        scales = x[~held_out].std(axis=0)
        scales[scales < 1e-9] = 1.0
        regression = LogisticRegression(C=1.0, max_iter=1000)
        regression.fit(
            (x[~held_out] - means) / scales, y[~held_out], sample_weight=weights[~held_out]
        )
        agrees = regression.coef_[0] * np.array([SPEAKS[n] for n in names])
        if len(names) == 1 or agrees.min() >= 0:
            break
        names.pop(int(agrees.argmin()))
    p = np.empty(0)
    if held_out.any():
        p = regression.predict_proba((x[held_out] - means) / scales)[:, 1]
    ece, table = reliability(y[held_out], p)
    return ConfidenceModel(
        name=name,
        label=label,
        data_digest=data_digest(labels),
        n=len(labels),
        n_held_out=int(held_out.sum()),
        positive_share=round(float(y.mean()), 4),
        auroc=_auroc(y[held_out], p),
        ece=ece,
        reliability=table,
        features=names,
        means=[round(float(v), 6) for v in means],
        scales=[round(float(v), 6) for v in np.maximum(scales, 1e-5)],
        coefficients=[round(float(v), 6) for v in regression.coef_[0]],
        intercept=round(float(regression.intercept_[0]), 6),
    )


def measured_by_set(labels: Sequence[Label], model: ConfidenceModel) -> dict[str, dict[str, Any]]:
    """The model on each set's groups held out: n, share of good drafts, AUROC, Brier score, ECE."""
    found: dict[str, dict[str, Any]] = {}
    for source in sorted({row.source for row in labels}):
        rows = [row for row in labels if row.source == source and is_held_out(row.group)]
        if not rows:
            continue
        y = np.array([row.label for row in rows])
        p = np.array([model.probability(row.features) for row in rows])
        found[source or "all"] = {
            "n": len(rows),
            "good": round(float(y.mean()), 4),
            "said": round(float(p.mean()), 4),
            "auroc": _auroc(y, p),
            "brier": round(float(((p - y) ** 2).mean()), 4),
            "ece": reliability(y, p)[0],
        }
    return found


def data_digest(labels: Sequence[Label]) -> str:
    """Hex SHA-256 of the labels as canonical JSON lines, in any order of rows."""
    lines = sorted(
        json.dumps([row.group, row.label, row.features], sort_keys=True, separators=(",", ":"))
        for row in labels
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def reliability(y: np.ndarray, p: np.ndarray) -> tuple[float | None, list[dict[str, float]]]:
    """Expected calibration error over 15 bins of equal mass, and the bins.

    Naeini et al. 2015 with quantile bins; None and no bins without data.
    """
    if not len(y):
        return None, []
    order = np.argsort(p, kind="stable")
    table = []
    error = 0.0
    for part in np.array_split(order, min(BINS, len(order))):
        said, was = float(p[part].mean()), float(y[part].mean())
        error += abs(said - was) * len(part) / len(y)
        table.append({"n": len(part), "confidence": round(said, 4), "good": round(was, 4)})
    return round(error, 4), table


def _auroc(y: np.ndarray, p: np.ndarray) -> float | None:
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(y, p)), 4) if len(set(y)) == 2 else None
