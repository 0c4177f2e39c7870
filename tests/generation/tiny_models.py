"""Tiny real language models for tests: random weights, real architectures, a real tokenizer.

`build` makes a folder as `save_pretrained` would; the session fixtures share them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TEXTS = [
    "Customer: How do I change my delivery address?\n\n[1] Orders > Change the address\n"
    "You can change the address until the parcel leaves our warehouse.\n\nReply: [1] Thank you "
    "for asking how to change your delivery address. You can change it in your account.",
    "Agent: Please send the parcel back within 30 days, and we refund the price.",
    "The cafe in Zürich costs 12.50 € a day; e.g. café, naïve, 😀.",
]
END = "<|endoftext|>"


def build_tokenizer(folder: Path, *, vocabulary: int = 384) -> None:
    """Trains a byte-level BPE tokenizer on a few sentences and saves it for AutoTokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, bos_token=END, pad_token=END
    ).save_pretrained(folder)


def build(folder: Path, config: object, *, seed: int = 0, dtype: str = "float32") -> Path:
    """A causal language model of this transformers config with random weights, and a tokenizer.

    The weights are wider than the usual initialisation, so that the next token's distribution is
    far from flat and what a token attends to shows in the output.
    """
    import torch
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(folder)
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    torch.random.set_rng_state(state)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def gpt_neo_config(**changes: object):
    """GPT-Neo, small: 4 layers, global and local in turn, with a window of 16 tokens."""
    from transformers import GPTNeoConfig

    values = {
        "vocab_size": 384,
        "hidden_size": 48,
        "num_layers": 4,
        "attention_types": [[["global", "local"], 2]],
        "num_heads": 4,
        "window_size": 16,
        "max_position_embeddings": 256,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "initializer_range": 0.2,
    }
    return GPTNeoConfig(**{**values, **changes})


def opt_config():
    """OPT: another family, whose learned positions come from the attention mask."""
    from transformers import OPTConfig

    return OPTConfig(
        vocab_size=384, hidden_size=48, word_embed_proj_dim=48, ffn_dim=96, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, init_std=0.2, pad_token_id=0,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip


def gptj_config():
    """GPT-J: rotary positions."""
    from transformers import GPTJConfig

    return GPTJConfig(
        vocab_size=384, n_embd=48, n_layer=2, n_head=4, n_positions=256, rotary_dim=8,
        initializer_range=0.2, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_gpt_neo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny GPT-Neo of 256 positions, without prompt.json and manifest.json."""
    return build(tmp_path_factory.mktemp("tiny") / "gpt-neo", gpt_neo_config())


@pytest.fixture(scope="session")
def tiny_opt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny OPT of 256 positions."""
    return build(tmp_path_factory.mktemp("tiny") / "opt", opt_config())


@pytest.fixture(scope="session")
def tiny_gptj_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny GPT-J of 256 positions."""
    return build(tmp_path_factory.mktemp("tiny") / "gpt-j", gptj_config())


@pytest.fixture(scope="session")
def tiny_generator(tiny_gpt_neo_folder: Path):
    """The engine over the tiny GPT-Neo, loaded once, on the CPU."""
    from generation.engine import load_generator

    generator = load_generator(str(tiny_gpt_neo_folder), device="cpu")
    generator.warm_up()
    return generator
