"""Tiny random models of each family, with logits, loss and the gradient of every parameter from
transformers.

    python scripts/golden/models.py tests/golden/models [NAME...]

Writes NAME/config.json and NAME/model.safetensors as transformers saves them, and
NAME/reference.safetensors: input_ids, attention_mask, labels (-100: not a label) int64 [B, T];
logits [B, T, V] (0 where padded); loss [], the mean cross-entropy over all labels of the batch;
gradient.PARAMETER, its gradient. Computed in float64 and stored in float32; the metadata tells how
far transformers' own float32 is from that. Same seed, same bytes.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from command_line import positional
from safetensors.numpy import save_file
from transformers import (
    Gemma3Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

LENGTHS, WIDTH = (13, 9, 6), 13
GEMMA = {
    "vocab_size": 67,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 6,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 12,
    "query_pre_attn_scalar": 12,
    "sliding_window": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
DENSE = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def configs() -> dict[str, transformers.PretrainedConfig]:
    plain = {"rope_type": "default", "rope_theta": 10_000.0}
    # With heads of 8 the four frequencies are unscaled, smoothed, smoothed and fully scaled.
    llama3 = {
        "rope_type": "llama3",
        "rope_theta": 100.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    # Heads of 12, of which 8 dimensions turn.
    longrope = {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "partial_rotary_factor": 0.7,
        "short_factor": [1.0, 1.1, 1.3, 1.7],
        "long_factor": [1.2, 2.5, 4.0, 9.0],
    }
    gemma3 = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
    }
    linear = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
    return {
        "llama2": LlamaConfig(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=3,
            tie_word_embeddings=False,
            rms_norm_eps=1e-5,
            rope_parameters=plain,
        ),
        "llama3": LlamaConfig(
            **DENSE | {"hidden_size": 32, "max_position_embeddings": 128},
            vocab_size=67,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=False,
            rms_norm_eps=1e-5,
            rope_parameters=llama3,
        ),
        "smollm2": LlamaConfig(
            **DENSE,
            vocab_size=97,
            num_attention_heads=3,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            rms_norm_eps=1e-5,
            rope_parameters=plain | {"rope_theta": 100_000.0},
        ),
        "llama-biases": LlamaConfig(
            **DENSE,
            vocab_size=67,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=16,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=False,
            rope_parameters=linear,
        ),
        "mistral": MistralConfig(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            sliding_window=4,
            tie_word_embeddings=False,
            rope_parameters=plain,
        ),
        "olmo2": Olmo2Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            tie_word_embeddings=False,
            rms_norm_eps=1e-5,
            rope_parameters=plain | {"rope_theta": 500_000.0},
        ),
        "olmo2-biases": Olmo2Config(
            **DENSE | {"num_hidden_layers": 1},
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=3,
            attention_bias=True,
            tie_word_embeddings=True,
            rope_parameters=linear,
        ),
        # A window, and every dimension of a head turns; then some of them, by short factors (13
        # tokens of 16) and by long ones (13 of 8).
        "phi3": Phi3Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            sliding_window=4,
            tie_word_embeddings=False,
            rope_parameters=plain,
        ),
        "phi3-short": Phi3Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=2,
            num_key_value_heads=1,
            original_max_position_embeddings=16,
            tie_word_embeddings=True,
            rope_parameters=longrope,
        ),
        "phi3-long": Phi3Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=2,
            num_key_value_heads=1,
            original_max_position_embeddings=8,
            tie_word_embeddings=True,
            rope_parameters=longrope,
        ),
        "qwen2": Qwen2Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            use_sliding_window=False,
            rope_parameters=plain | {"rope_theta": 1_000_000.0},
        ),
        "qwen3": Qwen3Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            tie_word_embeddings=True,
            use_sliding_window=False,
            rope_parameters=plain | {"rope_theta": 1_000_000.0},
        ),
        # The fourth layer has no positions; then the first has none, and a window.
        "smollm3": SmolLM3Config(
            **DENSE | {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 4},
            vocab_size=67,
            num_attention_heads=2,
            num_key_value_heads=1,
            rope_parameters=plain | {"rope_theta": 2_000_000.0},
        ),
        "smollm3-windows": SmolLM3Config(
            **DENSE,
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            no_rope_layers=[0, 1],
            use_sliding_window=True,
            sliding_window=4,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=False,
            rope_parameters=linear,
        ),
        # Heads that are no part of the width, and scores scaled by neither; then what llama.cpp
        # computes; then within a model that sees images.
        "gemma3": Gemma3TextConfig(
            **DENSE | {"num_hidden_layers": 3},
            vocab_size=67,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=16,
            query_pre_attn_scalar=12,
            attention_bias=True,
            sliding_window=4,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters=gemma3,
        ),
        "gemma3-pattern": Gemma3TextConfig(**GEMMA, rope_parameters=gemma3),
        "gemma3-images": Gemma3Config(
            text_config=GEMMA
            | {
                "model_type": "gemma3_text",
                "num_hidden_layers": 2,
                "layer_types": ["full_attention", "sliding_attention"],
                "rope_parameters": gemma3,
            },
            vision_config={
                "hidden_size": 8,
                "intermediate_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 1,
                "image_size": 8,
                "patch_size": 4,
            },
            mm_tokens_per_image=4,
            image_token_index=66,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        ),
        "gpt2": GPT2Config(
            vocab_size=67,
            n_embd=24,
            n_layer=2,
            n_head=3,
            n_positions=32,
            resid_pdrop=0,
            embd_pdrop=0,
            attn_pdrop=0,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        ),
    }


def initial_value(
    name: str, shape: tuple[int, ...], random: np.random.Generator, around: float
) -> np.ndarray:
    """Far from every default, so that a forgotten norm weight or bias shows."""
    values = random.normal(size=shape)
    if name.endswith("bias"):
        return 0.2 * values
    if len(shape) == 1:
        # Where norms multiply by 1 + weight, numbers to which float32 can add 1.
        return 1 + 0.25 * values if around else np.round(0.25 * values * 4096) / 4096
    if "embed" in name or "wte" in name or "wpe" in name:
        return 0.5 * values
    return 0.3 * values


def build(
    config: transformers.PretrainedConfig, random: np.random.Generator
) -> transformers.PreTrainedModel:
    loader = (
        transformers.AutoModelForImageTextToText
        if hasattr(config, "text_config")
        else transformers.AutoModelForCausalLM
    )
    model = loader.from_config(config, attn_implementation="sdpa", dtype=torch.float32).eval()
    around = 0 if config.model_type.startswith("gemma3") else 1
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(
                torch.from_numpy(
                    initial_value(name, tuple(parameter.shape), random, around)
                ).float()
            )
    return model


def in_float64(model: transformers.PreTrainedModel) -> transformers.PreTrainedModel:
    """transformers' RMS norms compute in float32 whatever they are given; these do not."""

    def forward(self, x):
        return (
            self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        )

    def forward_from_zero(self, x):
        return (1 + self.weight) * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    model = model.double()
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = (
                forward if hasattr(module, "variance_epsilon") else forward_from_zero
            ).__get__(module)
    return model


def batch(vocabulary: int, random: np.random.Generator) -> dict[str, torch.Tensor]:
    ids = torch.from_numpy(random.integers(3, vocabulary, size=(len(LENGTHS), WIDTH)))
    mask = torch.tensor([[int(column < length) for column in range(WIDTH)] for length in LENGTHS])
    ids = ids.masked_fill(mask == 0, 0)
    labels = ids.masked_fill(mask == 0, -100)
    labels[1, :4] = -100  # a prompt without loss
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def measure(
    model: transformers.PreTrainedModel, inputs: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    logits = model(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
    ).logits
    loss = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), inputs["labels"][:, 1:].flatten(), ignore_index=-100
    )
    loss.backward()
    shown = logits.detach().masked_fill(inputs["attention_mask"][..., None] == 0, 0)
    # Of a model that sees images, those of its language model, by the names that it would have alone.
    named = {
        name.replace("language_model.", ""): parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return {
        "logits": shown,
        "loss": loss.detach(),
        **{f"gradient.{name}": gradient for name, gradient in named.items()},
    }


def largest_difference(exact: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Relative to the largest value of each tensor, and to the largest gradient for gradients that
    are 0 in theory.
    """
    overall = max(
        value.abs().max().item() for name, value in exact.items() if name.startswith("gradient.")
    )
    return max(
        (
            (other[name] - exact[name]).abs().max()
            / max(exact[name].abs().max().item(), 1e-3 * overall)
        ).item()
        for name in exact
    )


def main(target: str, *names: str) -> None:
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name, config in configs().items():
        if names and name not in names:
            continue
        random = np.random.default_rng(zlib.crc32(name.encode()))
        model = build(config, random)
        inputs = batch(
            config.get_text_config().vocab_size - (1 if hasattr(config, "text_config") else 0),
            random,
        )
        folder = Path(target) / name
        model.save_pretrained(folder)
        for extra in folder.glob("generation_config.json"):
            extra.unlink()
        single = measure(model, inputs)
        exact = measure(in_float64(model), inputs)
        difference = largest_difference(exact, single)
        assert difference < 1e-4, (name, difference)
        tensors = {key: value.numpy() for key, value in inputs.items()} | {
            key: value.float().numpy() for key, value in exact.items()
        }
        made = json.dumps(
            {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "float32_difference": f"{difference:.1e}",
            }
        )
        # One key, since the writer keeps no order among several.
        save_file(
            {key: np.ascontiguousarray(value) for key, value in tensors.items()},
            folder / "reference.safetensors",
            metadata={"made_with": made},
        )
        for file in folder.iterdir():
            file.chmod(0o644)
        print(name, f"loss {exact['loss'].item():.6f}", made)


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER", more="NAME"))
