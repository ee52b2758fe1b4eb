"""Tiny models of each GGUF architecture that attune reads, beside their Hugging Face checkpoints.

    pip install gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0
    python scripts/golden/gguf-models.py src/models/weights/golden [NAME...]

For each architecture writes tiny-NAME.gguf and tiny-NAME.safetensors with the checkpoint's names
and orientation; for those of MODELS tiny-NAME.json as well, the config.json that the file's
settings stand for. Names come from the gguf package's tensor map; row orders are those of
llama.cpp's convert_hf_to_gguf.py: query and key rows of architecture llama go from [heads, 2, half]
to [heads, half, 2], Conv1D weights of gpt2 are transposed, Llama 3's RoPE scaling becomes the
tensor rope_freqs.weight. Same seed, same bytes.
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np
from command_line import positional
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGUFWriter, RopeScalingType, get_tensor_name_map
from safetensors.numpy import save_file

LAYERS, HIDDEN, WIDE, VOCABULARY, CONTEXT = 2, 32, 48, 40, 64
THETA = 500_000.0
LLAMA3 = {"factor": 32.0, "low": 1.0, "high": 4.0, "original": 8192}


def llama_checkpoint(rng, *, heads, kv_heads, head, biases=False, norms=False, tied=False):
    def matrix(rows, columns):
        return rng.normal(scale=0.2, size=(rows, columns)).astype(np.float16)

    tensors = {
        "model.embed_tokens.weight": matrix(VOCABULARY, HIDDEN),
        "model.norm.weight": rng.normal(size=HIDDEN).astype(np.float16),
    }
    if not tied:
        tensors["lm_head.weight"] = matrix(VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}{name}.weight"] = rng.normal(size=HIDDEN).astype(np.float16)
        for name, rows in (("q", heads * head), ("k", kv_heads * head), ("v", kv_heads * head)):
            tensors[f"{at}self_attn.{name}_proj.weight"] = matrix(rows, HIDDEN)
            if biases:
                tensors[f"{at}self_attn.{name}_proj.bias"] = rng.normal(size=rows).astype(
                    np.float16
                )
        for name in ("q_norm", "k_norm") if norms else ():
            tensors[f"{at}self_attn.{name}.weight"] = rng.normal(size=head).astype(np.float16)
        tensors[f"{at}self_attn.o_proj.weight"] = matrix(HIDDEN, heads * head)
        tensors[f"{at}mlp.gate_proj.weight"] = matrix(WIDE, HIDDEN)
        tensors[f"{at}mlp.up_proj.weight"] = matrix(WIDE, HIDDEN)
        tensors[f"{at}mlp.down_proj.weight"] = matrix(HIDDEN, WIDE)
    return tensors


def gpt2_checkpoint(rng):
    def make(*shape):
        return rng.normal(scale=0.2, size=shape).astype(np.float16)

    tensors = {
        "transformer.wte.weight": make(VOCABULARY, HIDDEN),
        "transformer.wpe.weight": make(CONTEXT, HIDDEN),
    }
    parts = {
        "ln_1": None,
        "ln_2": None,
        "attn.c_attn": (HIDDEN, 3 * HIDDEN),
        "attn.c_proj": (HIDDEN, HIDDEN),
        "mlp.c_fc": (HIDDEN, WIDE),
        "mlp.c_proj": (WIDE, HIDDEN),
    }
    for layer in range(LAYERS):
        for name, shape in parts.items():
            tensors[f"transformer.h.{layer}.{name}.weight"] = (
                make(*shape) if shape else make(HIDDEN)
            )
            tensors[f"transformer.h.{layer}.{name}.bias"] = (
                make(shape[1]) if shape else make(HIDDEN)
            )
    return tensors | {
        "transformer.ln_f.weight": make(HIDDEN),
        "transformer.ln_f.bias": make(HIDDEN),
    }


def interleave(weights, heads):
    return (
        weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )


def converted(arch, name, weights, heads, kv_heads):
    if arch == "gpt2" and name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
        return np.ascontiguousarray(weights.T)
    if arch == "llama" and ".q_proj." in name:
        return interleave(weights, heads)
    if arch == "llama" and ".k_proj." in name:
        return interleave(weights, kv_heads)
    return weights


def rope_factors(head):
    factors = []
    for i in range(head // 2):
        wavelength = 2 * math.pi * THETA ** (2 * i / head)
        if wavelength < LLAMA3["original"] / LLAMA3["high"]:
            factors.append(1.0)
        elif wavelength > LLAMA3["original"] / LLAMA3["low"]:
            factors.append(LLAMA3["factor"])
        else:
            smooth = (LLAMA3["original"] / wavelength - LLAMA3["low"]) / (
                LLAMA3["high"] - LLAMA3["low"]
            )
            factors.append(1 / ((1 - smooth) / LLAMA3["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def write(folder, name, arch, tensors, *, heads, kv_heads, head, extra=None):
    writer = GGUFWriter(str(folder / f"tiny-{name}.gguf"), arch)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(heads)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if arch == "gpt2":
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(kv_heads)
        writer.add_key_length(head)
        writer.add_value_length(head)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_freq_base(THETA)
    names = get_tensor_name_map(
        {
            "llama": MODEL_ARCH.LLAMA,
            "qwen2": MODEL_ARCH.QWEN2,
            "qwen3": MODEL_ARCH.QWEN3,
            "gpt2": MODEL_ARCH.GPT2,
        }[arch],
        LAYERS,
    )
    for key, weights in tensors.items():
        data = converted(arch, key, weights, heads, kv_heads)
        # Converters keep vectors in float32.
        writer.add_tensor(
            names.get_name(key, try_suffixes=(".weight", ".bias")),
            data.astype(np.float32) if data.ndim == 1 else data,
        )
    for key, data in (extra or {}).items():
        writer.add_tensor(key, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(tensors, str(folder / f"tiny-{name}.safetensors"))


COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": WIDE,
    "num_hidden_layers": LAYERS,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-6,
    "rope_theta": THETA,
    "hidden_act": "silu",
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ATTENTION = {
    "self_attn.q_proj": (64, HIDDEN),
    "self_attn.k_proj": (32, HIDDEN),
    "self_attn.v_proj": (32, HIDDEN),
    "self_attn.o_proj": (HIDDEN, 64),
}
MLP = {
    "mlp.gate_proj": (WIDE, HIDDEN),
    "mlp.up_proj": (WIDE, HIDDEN),
    "mlp.down_proj": (HIDDEN, WIDE),
}
CONFIG = COMMON | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}


def norms(*names, size=HIDDEN):
    return {name: (size,) for name in names}


# By name: GGUF's architecture, weights of a block, whether the head is the embedding, the
# config.json, and further settings of the file.
MODELS = {
    "olmo2": {
        "arch": MODEL_ARCH.OLMO2,
        "block": ATTENTION
        | MLP
        | norms("post_attention_layernorm", "post_feedforward_layernorm")
        | norms("self_attn.q_norm", size=64)
        | norms("self_attn.k_norm", size=32),
        "config": CONFIG
        | {
            "architectures": ["Olmo2ForCausalLM"],
            "model_type": "olmo2",
            "tie_word_embeddings": False,
        },
    },
    "smollm3": {
        "arch": MODEL_ARCH.SMOLLM3,
        "block": ATTENTION | MLP | norms("input_layernorm", "post_attention_layernorm"),
        "config": CONFIG
        | {
            "architectures": ["SmolLM3ForCausalLM"],
            "model_type": "smollm3",
            "tie_word_embeddings": True,
            "no_rope_layer_interval": 4,
            "attention_bias": False,
            "mlp_bias": False,
        },
        "change": lambda key, weights: (
            interleave(weights, weights.shape[0] // 16)
            if ".q_proj." in key or ".k_proj." in key
            else weights
        ),
    },
    "gemma3": {
        "arch": MODEL_ARCH.GEMMA3,
        "block": ATTENTION
        | MLP
        | norms(
            "input_layernorm",
            "post_attention_layernorm",
            "pre_feedforward_layernorm",
            "post_feedforward_layernorm",
        )
        | norms("self_attn.q_norm", "self_attn.k_norm", size=16),
        "config": {key: value for key, value in CONFIG.items() if key != "hidden_act"}
        | {
            "architectures": ["Gemma3ForCausalLM"],
            "model_type": "gemma3_text",
            "tie_word_embeddings": True,
            "hidden_activation": "gelu_pytorch_tanh",
            "rope_scaling": {"rope_type": "linear", "factor": 8},
            "rope_local_base_freq": 10_000,
            "sliding_window": 24,
            "sliding_window_pattern": 6,
            "query_pre_attn_scalar": 16,
        },
        # numbers of float16 to which float32 can add 1
        "change": lambda key, weights: (
            weights.astype(np.float32) + 1 if key.endswith("norm.weight") else weights
        ),
        "settings": {
            "sliding_window": 24,
            "rope_scaling_type": RopeScalingType.LINEAR,
            "rope_scaling_factor": 8.0,
        },
    },
    "phi3": {
        "arch": MODEL_ARCH.PHI3,
        "block": {
            "self_attn.qkv_proj": (64, HIDDEN),
            "self_attn.o_proj": (HIDDEN, HIDDEN),
            "mlp.gate_up_proj": (2 * WIDE, HIDDEN),
            "mlp.down_proj": (HIDDEN, WIDE),
        }
        | norms("input_layernorm", "post_attention_layernorm"),
        "config": {key: value for key, value in CONFIG.items() if key != "head_dim"}
        | {
            "architectures": ["Phi3ForCausalLM"],
            "model_type": "phi3",
            "tie_word_embeddings": True,
            "sliding_window": None,
            "partial_rotary_factor": 0.5,
            "original_max_position_embeddings": 16,
            "rope_scaling": {
                "rope_type": "longrope",
                "short_factor": [1.0, 1.1],
                "long_factor": [1.5, 9.25],
            },
        },
        "settings": {
            "key_length": None,
            "value_length": None,
            "rope_dimension_count": 4,
            "sliding_window": 0,
            "rope_scaling_orig_ctx_len": 16,
            "rope_scaling_attn_factors": math.sqrt(1 + math.log(CONTEXT / 16) / math.log(16)),
        },
        "extra": {"rope_factors_long.weight": [1.5, 9.25], "rope_factors_short.weight": [1.0, 1.1]},
    },
}


def write_model(folder, name, *, arch, block, config, change=None, settings=None, extra=None):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shapes = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN), "model.norm.weight": (HIDDEN,)} | (
        {} if config["tie_word_embeddings"] else {"lm_head.weight": (VOCABULARY, HIDDEN)}
    )
    shapes |= {
        f"model.layers.{layer}.{part}.weight": shape
        for layer in range(LAYERS)
        for part, shape in block.items()
    }
    tensors = {
        key: rng.normal(scale=0.2 if len(shape) > 1 else 1, size=shape).astype(np.float16)
        for key, shape in shapes.items()
    }
    if arch == MODEL_ARCH.GEMMA3:
        tensors = {
            key: np.round(value * 4096) / np.float16(4096) if value.ndim == 1 else value
            for key, value in tensors.items()
        }
    writer = GGUFWriter(str(folder / f"tiny-{name}.gguf"), MODEL_ARCH_NAMES[arch])
    for key, value in (
        {
            "context_length": CONTEXT,
            "embedding_length": HIDDEN,
            "block_count": LAYERS,
            "feed_forward_length": WIDE,
            "head_count": 4,
            "head_count_kv": 2,
            "key_length": 16,
            "value_length": 16,
            "layer_norm_rms_eps": 1e-6,
            "rope_freq_base": THETA,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }
        | (settings or {})
    ).items():
        if value is not None:
            getattr(writer, f"add_{key}")(value)
    names = get_tensor_name_map(arch, LAYERS)
    for key, weights in tensors.items():
        data = change(key, weights) if change else weights
        writer.add_tensor(
            names.get_name(key, try_suffixes=(".weight",)),
            data.astype(np.float32) if data.ndim == 1 else np.ascontiguousarray(data),
        )
    for key, data in (extra or {}).items():
        writer.add_tensor(key, np.array(data, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(tensors, str(folder / f"tiny-{name}.safetensors"))
    (folder / f"tiny-{name}.safetensors").chmod(0o644)
    (folder / f"tiny-{name}.json").write_text(json.dumps(config, indent=2) + "\n")


def main(folder: Path, *wanted: str) -> None:
    for name, model in MODELS.items():
        if not wanted or name in wanted:
            write_model(folder, name, **model)
    if wanted:
        return
    rng = np.random.default_rng(20261123)
    llama = {"heads": 2, "kv_heads": 1, "head": 16}
    write(
        folder,
        "llama3",
        "llama",
        llama_checkpoint(rng, **llama, tied=True),
        **llama,
        extra={"rope_freqs.weight": rope_factors(16)},
    )
    biased = {"heads": 4, "kv_heads": 2, "head": 8}
    write(folder, "llama-biases", "llama", llama_checkpoint(rng, **biased, biases=True), **biased)
    write(folder, "qwen2", "qwen2", llama_checkpoint(rng, **biased, biases=True), **biased)
    wide = {"heads": 4, "kv_heads": 2, "head": 16}
    write(folder, "qwen3", "qwen3", llama_checkpoint(rng, **wide, norms=True, tied=True), **wide)
    gpt2 = gpt2_checkpoint(rng)
    write(
        folder,
        "gpt2",
        "gpt2",
        gpt2,
        heads=2,
        kv_heads=2,
        head=16,
        extra={"output.weight": gpt2["transformer.wte.weight"]},
    )


if __name__ == "__main__":
    folder, *names = positional(__doc__, "FOLDER", more="NAME")
    main(Path(folder), *names)
