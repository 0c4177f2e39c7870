"""The folder to ship: weights in bfloat16, tokenizer, prompt template, card, figures, digests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, GPTNeoForCausalLM, PreTrainedTokenizerFast

from generation.engine.files import write_manifest
from generation.prompts import PromptTemplate
from generation.training.trainer import Progress, Recipe

CARD = Path(__file__).with_name("generator_card.md")
METRICS_FILE = "metrics.json"
LOSS_FILE = "training_loss.svg"
MAX_BYTES = 40_000_000


class PackingError(ValueError):
    """The packed folder would be no good to ship."""

    permanent = True


def pack(
    folder: Path,
    *,
    model: GPTNeoForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    template: PromptTemplate,
    recipe: Recipe,
    progress: Progress,
    figures: dict[str, Any],
    data: dict[str, Any],
    command: str,
    base: dict[str, Any] | None = None,
) -> str:
    """Writes the folder and returns its digest. ``model`` becomes bfloat16.

    ``base`` is what `base_of` tells of the folder that training went on from.
    Raises PackingError if the weights are not finite or larger than a repository should carry.
    """
    if not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
        raise PackingError("the weights hold NaN or infinity: train again with a lower rate")
    folder.mkdir(parents=True, exist_ok=True)
    model.bfloat16()
    model.config.dtype = torch.bfloat16
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=template.new_tokens,
        do_sample=False,
    )
    model.save_pretrained(folder)
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(folder)
    template.save(folder)
    weights = sum(parameter.numel() for parameter in model.parameters())
    report = {
        "figures": figures,
        "weights": weights,
        "steps": progress.step,
        "tokens": progress.tokens,
        "minutes": round(progress.seconds / 60, 1),
        "recipe": {
            "learning_rate": recipe.learning_rate,
            "embedding_rate": recipe.embedding_rate,
            "batch_tokens": recipe.batch_tokens,
            "warm_up": recipe.warm_up,
            "seed": recipe.seed,
        },
        "base": base,
        "data": data,
        "command": command,
        "loss": thinned(progress.history),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / METRICS_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / LOSS_FILE).write_text(loss_plot(progress.history), encoding="utf-8")
    (folder / "README.md").write_text(_card(report, model), encoding="utf-8")
    for path in folder.iterdir():  # safetensors writes files that only their owner may read
        path.chmod(0o644)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if size > MAX_BYTES:
        raise PackingError(f"{folder} has {size} bytes, over the {MAX_BYTES} that may ship")
    return write_manifest(folder)


def base_of(folder: Path) -> dict[str, Any]:
    """Name, digest and training so far of the packed folder that a run goes on from."""
    earlier = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    before = earlier.get("base") or {"steps": 0, "tokens": 0, "minutes": 0.0}
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {
        "digest": manifest["digest"],
        **{name: earlier[name] + before[name] for name in ("steps", "tokens", "minutes")},
    }


def thinned(history: Sequence[dict[str, float]], points: int = 60) -> list[dict[str, float]]:
    """The history averaged into at most ``points`` stretches."""
    stretch = max(1, -(-len(history) // points))
    found = []
    for at in range(0, len(history), stretch):
        part = history[at : at + stretch]
        found.append(
            {
                "step": part[-1]["step"],
                "loss": round(sum(e["loss"] for e in part) / len(part), 4),
                "accuracy": round(sum(e["accuracy"] for e in part) / len(part), 4),
                "rate": round(part[-1]["rate"], 7),
            }
        )
    return found


def loss_plot(history: Sequence[dict[str, float]]) -> str:
    """An SVG of loss and accuracy over the steps."""
    points = thinned(history, 200)
    width, height, left, low = 640, 280, 50, 240
    last = max((p["step"] for p in points), default=1)
    top = max((p["loss"] for p in points), default=1.0) or 1.0

    def line(key: str, largest: float, colour: str) -> str:
        places = " ".join(
            f"{left + (width - left - 50) * p['step'] / last:.1f},"
            f"{low - (low - 20) * p[key] / largest:.1f}"
            for p in points
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{places}"/>'

    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12">\n<title>Training loss and accuracy</title>\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        f'<path d="M{left} 20V{low}H{width - 50}" stroke="#888" fill="none"/>\n'
        f"{line('loss', top, '#b33')}\n{line('accuracy', 1.0, '#36c')}\n"
        f'<text x="{left - 42}" y="26" fill="#b33">{top:.2f}</text>\n'
        f'<text x="{width - 45}" y="26" fill="#36c">1.0</text>\n'
        f'<text x="{left}" y="{low + 28}">step 0</text>\n'
        f'<text x="{width - 110}" y="{low + 28}">step {last:.0f}</text>\n'
        f'<text x="{left + 150}" y="{low + 28}"><tspan fill="#b33">weighted loss</tspan> and '
        f'<tspan fill="#36c">accuracy on the reply</tspan></text>\n</svg>\n'
    )


def _card(report: dict[str, Any], model: GPTNeoForCausalLM) -> str:
    config = model.config
    heads = ("n", "body_f1", "quote_f1", "exact", "first_sentence_right", "verbatim", "loops",
             "invented_numbers", "ended")  # fmt: skip
    rows = "\n".join(
        f"| {name} | " + " | ".join(f"{values[key]:g}" for key in heads) + " |"
        for name, values in report["figures"].items()
    )
    trained, held_out = report["data"]["trained"], report["data"]["held_out"]
    sources = "\n".join(
        f"| {name} | {trained[name]:,} | {held_out.get(name, 0):,} |" for name in sorted(trained)
    )
    return CARD.read_text(encoding="utf-8").format(
        weights=f"{report['weights'] / 1e6:.1f}",
        hidden=config.hidden_size,
        layers=config.num_layers,
        heads=config.num_heads,
        window=config.window_size,
        positions=config.max_position_embeddings,
        vocabulary=config.vocab_size,
        steps=f"{report['steps']:,}",
        tokens=f"{report['tokens'] / 1e6:.2f}",
        minutes=report["minutes"],
        figures=rows,
        sources=sources,
        origin=_origin(report["base"]),
        verdict=_verdict(report["figures"]["all"]),
        command=report["command"],
    )


def _origin(base: dict[str, Any] | None) -> str:
    if base is None:
        return ""
    return (
        f"\nThis run went on from the checkpoint {base['digest'][:12]}, which had {base['steps']:,} steps, "
        f"{base['tokens'] / 1e6:.2f} million\ntokens and {base['minutes']:g} minutes behind it.\n"
    )


def _verdict(figures: dict[str, float]) -> str:
    """The comparison with the quote in one sentence, whichever way it went."""
    ours, quote = figures["body_f1"], figures["quote_f1"]
    words = f"Body F1 is {ours:.2f} against {quote:.2f} for the quote"
    if ours > quote:
        return f"**{words}: left free, the model beats quoting the beginning.**"
    return (
        f"**{words}: left free, the model is no better than quoting the beginning.** Its drafts are "
        "worth showing only where the evidence check supports every sentence."
    )
