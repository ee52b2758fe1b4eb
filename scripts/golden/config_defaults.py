"""What transformers makes of a config.json that lacks a key, for each family that attune reads.

    python scripts/golden/config_defaults.py src/models/golden/config-defaults.json FAMILY...

The families of the first five are in config-defaults.json, later ones each in
config-defaults-FAMILY.json. Writes a list of {name, json, config, biases, parameters}: `json` is
what stands in config.json, `config` the numbers that transformers' configuration class has after
it; `biases` of layer 0 and how many `parameters` the model has that it builds (on the meta device).
Each family is given a whole configuration, that without each of its keys, nothing at all, and other
spellings.
"""

import json

import torch
import transformers
from command_line import positional
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

# Written before the layers of a model could differ: with the RoPE and the window of all of them,
# in place of kinds of layers.
FIRST = ("llama", "mistral", "qwen2", "qwen3", "gpt2")

SHARED = {
    "vocab_size": 67,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 64,
    "num_key_value_heads": 16,
    "intermediate_size": 40,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 5000.0,
    "hidden_act": "silu",
}
WHOLE = {
    "llama": SHARED
    | {"head_dim": 4, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    "mistral": SHARED | {"head_dim": 4, "tie_word_embeddings": True, "sliding_window": 7},
    "qwen2": SHARED
    | {
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "sliding_window": 9,
        "max_window_layers": 1,
    },
    "qwen3": SHARED
    | {
        "head_dim": 4,
        "tie_word_embeddings": True,
        "attention_bias": True,
        "use_sliding_window": False,
        "sliding_window": 9,
    },
    "olmo2": SHARED | {"tie_word_embeddings": True, "attention_bias": True},
    "phi3": SHARED
    | {
        "num_attention_heads": 16,
        "tie_word_embeddings": True,
        "sliding_window": 7,
        "original_max_position_embeddings": 32,
        "partial_rotary_factor": 0.5,
    },
    "smollm3": SHARED
    | {
        "num_hidden_layers": 5,
        "tie_word_embeddings": False,
        "attention_bias": True,
        "mlp_bias": True,
        "no_rope_layer_interval": 3,
        "use_sliding_window": True,
        "sliding_window": 7,
    },
    "gemma3_text": {key: value for key, value in SHARED.items() if key != "hidden_act"}
    | {
        "num_hidden_layers": 5,
        "num_key_value_heads": 4,
        "head_dim": 4,
        "tie_word_embeddings": False,
        "attention_bias": True,
        "hidden_activation": "gelu_pytorch_tanh",
        "sliding_window": 7,
        "sliding_window_pattern": 3,
        "rope_local_base_freq": 300.0,
    },
    "gpt2": {
        "vocab_size": 67,
        "n_embd": 24,
        "n_layer": 2,
        "n_head": 3,
        "n_inner": 40,
        "n_positions": 32,
        "layer_norm_epsilon": 1e-6,
        "activation_function": "gelu_new",
        "tie_word_embeddings": False,
    },
}
# Not in the json, since attune does not read it: the default is no token of so small a vocabulary.
NEEDED = {"phi3": {"pad_token_id": 0}, "smollm3": {"pad_token_id": 0}}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
ROPE = {
    "theta in rope_parameters wins": {
        "rope_theta": 5.0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 7.0},
    },
    "theta beside rope_parameters": {
        "rope_theta": 5.0,
        "rope_parameters": {"rope_type": "linear", "factor": 2.0},
    },
    "rope_scaling hides rope_parameters": {
        "rope_theta": None,
        "rope_scaling": {"type": "linear", "factor": 2.0},
        "rope_parameters": {"rope_type": "default", "rope_theta": 7.0},
    },
    "an empty rope_scaling does not": {
        "rope_theta": None,
        "rope_scaling": {},
        "rope_parameters": {"rope_type": "default", "rope_theta": 7.0},
    },
    "theta in rope_scaling wins": {
        "rope_scaling": {"rope_type": "linear", "factor": 3.0, "rope_theta": 9.0}
    },
    "llama3 without an original length": {"rope_scaling": LLAMA3},
    "llama3 without an original length or a length": {
        "rope_scaling": LLAMA3,
        "max_position_embeddings": None,
    },
    "llama3": {"rope_scaling": LLAMA3 | {"original_max_position_embeddings": 32}},
}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.5, 2.0], "long_factor": [2.5, 3.0]}
OTHER = {
    "llama": {
        "null key-value heads": {"num_key_value_heads": None},
        "null head size": {"head_dim": None},
    },
    "mistral": {
        "null window": {"sliding_window": None},
        "biases are not its own": {"attention_bias": True, "mlp_bias": True},
    },
    "qwen2": {
        "null key-value heads": {"num_key_value_heads": None},
        "biases are not its own": {"attention_bias": True, "mlp_bias": True},
    },
    "qwen3": {
        "null key-value heads": {"num_key_value_heads": None},
        "the MLP has no biases": {"mlp_bias": True},
    },
    "olmo2": {
        "null key-value heads": {"num_key_value_heads": None},
        "the MLP has no biases": {"mlp_bias": True},
    },
    "phi3": {
        "null window": {"sliding_window": None},
        "biases are not its own": {"mlp_bias": True},
        "longrope": {"rope_scaling": LONGROPE},
        "longrope with an original length of its own": {
            "rope_parameters": LONGROPE
            | {
                "rope_theta": 7.0,
                "original_max_position_embeddings": 16,
                "partial_rotary_factor": 1.0,
                "short_factor": [1.0, 2.0, 3.0, 4.0],
                "long_factor": [3.0, 4.0, 5.0, 6.0],
            }
        },
        "longrope without an original length": {
            "rope_scaling": LONGROPE,
            "original_max_position_embeddings": None,
        },
        "longrope with factors of attention": {
            "rope_scaling": LONGROPE | {"attention_factor": 1.5, "factor": 4.0}
        },
    },
    "smollm3": {
        "null key-value heads": {"num_key_value_heads": None},
        "null window": {"sliding_window": None},
        "a window that is turned off": {"use_sliding_window": False},
        "layers by name": {"no_rope_layers": [0, 1, 1, 0, 1, 0], "no_rope_layer_interval": None},
        "windows by name": {
            "layer_types": [
                "sliding_attention",
                "full_attention",
                "full_attention",
                "sliding_attention",
                "full_attention",
            ]
        },
    },
    "gemma3_text": {
        "scaling of layers without a window": {
            "rope_scaling": {"rope_type": "linear", "factor": 8.0}
        },
        "a theta within it": {
            "rope_scaling": {"rope_type": "linear", "factor": 8.0, "rope_theta": 99.0}
        },
        "rotations by kind": {
            "rope_theta": None,
            "rope_local_base_freq": None,
            "rope_parameters": {
                "full_attention": {"rope_type": "llama3", "rope_theta": 77.0}
                | LLAMA3
                | {"original_max_position_embeddings": 32},
                "sliding_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 88.0},
            },
        },
        "a rotation of one kind": {
            "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 88.0}}
        },
        "layers by name": {
            "layer_types": [
                "full_attention",
                "sliding_attention",
                "sliding_attention",
                "full_attention",
                "full_attention",
            ]
        },
        "an activation by another name": {"hidden_act": "silu"},
    },
    "gpt2": {
        "null inner size": {"n_inner": None},
        "other families' names": {
            "n_embd": None,
            "hidden_size": 36,
            "n_layer": None,
            "num_hidden_layers": 3,
            "n_head": None,
            "num_attention_heads": 4,
            "n_positions": None,
            "max_position_embeddings": 16,
        },
    },
}
# With these set to null the key is there; in the other cases null stands for a key that is left
# out.
NULLS = {"num_key_value_heads", "head_dim", "sliding_window", "n_inner"}


def cases(family: str) -> dict[str, dict]:
    whole = WHOLE[family]
    found = {"whole": whole, "nothing": {}}
    found |= {f"without {key}": {k: v for k, v in whole.items() if k != key} for key in whole}
    for name, changes in (
        OTHER[family] | (ROPE if family not in ("gpt2", "phi3", "gemma3_text") else {})
    ).items():
        found[name] = {
            k: v
            for k, v in (whole | changes).items()
            if v is not None or (k in NULLS and name in OTHER[family])
        }
    return found


def numbers(config: transformers.PretrainedConfig) -> dict:
    heads = config.num_attention_heads
    rope = getattr(config, "rope_parameters", None)
    return {
        "vocabularySize": config.vocab_size,
        "hiddenSize": config.hidden_size,
        "layers": config.num_hidden_layers,
        "heads": heads,
        "keyValueHeads": getattr(config, "num_key_value_heads", heads),
        "headSize": getattr(config, "head_dim", None) or config.hidden_size // heads,
        "maxPositions": config.max_position_embeddings,
        "normEpsilon": getattr(config, "rms_norm_eps", None) or config.layer_norm_epsilon,
        "tieEmbeddings": config.tie_word_embeddings,
    } | (
        {
            "slidingWindow": getattr(config, "sliding_window", None),
            "rope": rope and {key: value for key, value in sorted(rope.items()) if key != "type"},
        }
        if config.model_type in FIRST
        else {}
    )


def rotations(model: transformers.PreTrainedModel) -> dict[str, dict]:
    """By kind of layer: what transformers turns by, radians a position, and what cosines and sines
    are multiplied by.
    """
    rotary = type(model.model.rotary_emb)(model.config)
    found = {}
    for name, frequencies in rotary.named_buffers():
        if name.endswith("inv_freq") and "original" not in name:
            kind = name.removesuffix("inv_freq").removesuffix("_")
            scale = getattr(rotary, f"{kind}_attention_scaling" if kind else "attention_scaling")
            found[kind] = {"frequencies": frequencies.tolist(), "scale": scale}
    if model.config.rope_parameters.get("rope_type") == "longrope":
        original = model.config.rope_parameters["original_max_position_embeddings"]
        long, _ = ROPE_INIT_FUNCTIONS["longrope"](model.config, seq_len=original + 1)
        found[""]["long"] = long.tolist()
    return found


def layers(model: transformers.PreTrainedModel) -> dict:
    """The window and the rotation of each kind of layer, and the kind of each layer."""
    config, turns = model.config, rotations(model)
    kinds, places = [], []
    types = getattr(config, "layer_types", None)
    for layer in range(config.num_hidden_layers):
        slides = types[layer] == "sliding_attention" if types else True
        turned = getattr(config, "no_rope_layers", None)
        kind = {
            "window": getattr(config, "sliding_window", None) if slides else None,
            "rotation": turns.get(types[layer] if types else "", turns.get(""))
            if not turned or turned[layer]
            else None,
        }
        if kind not in kinds:
            kinds.append(kind)
        places.append(kinds.index(kind))
    return {"kinds": kinds, "layers": places}


def weights(config: transformers.PretrainedConfig) -> dict:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    first = next(
        prefix
        for prefix in ("model.layers.0.", "transformer.h.0.")
        if any(name.startswith(prefix) for name, _ in model.named_parameters())
    )
    biases = [
        name.removeprefix(first)
        for name, _ in model.named_parameters()
        if name.startswith(first) and name.endswith(".bias")
    ]
    found = {"biases": sorted(biases), "parameters": sum(p.numel() for p in model.parameters())}
    return found if config.model_type in FIRST else found | layers(model)


def main(path: str, *families: str) -> None:
    transformers.utils.logging.set_verbosity_error()
    made = []
    for family in families:
        for name, values in cases(family).items():
            config = AutoConfig.for_model(
                family, **NEEDED.get(family, {}), **json.loads(json.dumps(values))
            )
            made.append(
                {
                    "name": f"{family}: {name}",
                    "json": {"model_type": family} | values,
                    "config": numbers(config),
                }
                | weights(config)
            )
    with open(path, "w") as file:
        file.write(
            json.dumps({"transformers": transformers.__version__, "cases": "CASES"}).replace(
                '"CASES"', "[\n" + ",\n".join(json.dumps(case) for case in made) + "\n]"
            )
        )
        file.write("\n")
    print(len(made), "cases")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE", more="FAMILY"))
