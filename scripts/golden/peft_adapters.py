"""Adapters of every kind that peft writes for a causal language model or a reward model, and what
peft computes with them.

    python scripts/golden/peft_adapters.py tests/golden/models src/models/golden/adapters

For each case writes NAME/adapter_config.json and NAME/adapter_model.safetensors as peft saves them,
every number of the adapter random (far from its initial value, so that a forgotten part shows), and
into logits.safetensors, under NAME, the logits [T, V] (or scores [1, 1]) that peft computes for the
tokens IDS after it has read the files back onto the base model of tests/golden/models that
base_model_name_or_path says. Same seed, same bytes.
"""

import json
import os
import shutil
import warnings
import zlib
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import numpy as np
import peft
import torch
import transformers
from command_line import positional
from peft import LoraConfig
from safetensors.torch import load_file, save_file

IDS = [5, 17, 33, 8, 41, 12, 60]
CASES = {
    "alpha-pattern": (
        "smollm2",
        {
            "target_modules": ["q_proj", "v_proj", "down_proj"],
            "alpha_pattern": {"q_proj": 9, "layers.1.mlp.down_proj": 3},
        },
    ),
    "rank-pattern": (
        "smollm2",
        {
            "target_modules": ["k_proj", "v_proj", "up_proj"],
            "use_rslora": True,
            "rank_pattern": {"v_proj": 1, "^model.layers.0.mlp.up_proj": 5},
            "alpha_pattern": {r"layers\.[1-9]\.self_attn\..*": 5},
        },
    ),
    "pattern-is-not-a-suffix": (
        "smollm2",
        {
            "target_modules": ["q_proj"],
            "alpha_pattern": {"proj": 100, "0.self_attn": 100, "x": 100},
        },
    ),
    "regular-expression": (
        "smollm2",
        {"target_modules": r".*\.layers\.[01]\.(self_attn\.q_proj|mlp\.(up|down)_proj)"},
    ),
    "regular-expression-of-python": (
        "llama2",
        {
            "target_modules": r"(?s:model)\.layers\.(?P<layer>\d+)\.(?:self_attn\.(?!k)[a-z]_proj|mlp\.gate_proj)\Z"
        },
    ),
    "full-names": (
        "smollm2",
        {
            "target_modules": [
                "model.layers.0.self_attn.q_proj",
                "model.layers.1.mlp.up_proj",
                "0.mlp.down_proj",
            ]
        },
    ),
    "layers": (
        "qwen3",
        {"target_modules": ["q_proj", "o_proj", "gate_proj"], "layers_to_transform": [1]},
    ),
    "layer-pattern": (
        "smollm2",
        {
            "target_modules": ["v_proj", "mlp.down_proj"],
            "layers_to_transform": 0,
            "layers_pattern": ["blocks", "layers"],
        },
    ),
    "excluded": (
        "mistral",
        {
            "target_modules": "all-linear",
            "exclude_modules": ["k_proj", "model.layers.1.mlp.up_proj"],
        },
    ),
    "excluded-by-expression": (
        "mistral",
        {"target_modules": ["q_proj", "v_proj", "down_proj"], "exclude_modules": r".*\.0\..*_proj"},
    ),
    "all-linear-gpt2": ("gpt2", {"target_modules": "ALL-LINEAR", "fan_in_fan_out": True}),
    "head-untied": ("llama2", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "head-tied": ("smollm2", {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "embedding-tied": (
        "smollm2",
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    ),
    "embedding-kept-tied": (
        "smollm2",
        {
            "target_modules": ["q_proj"],
            "modules_to_save": ["embed_tokens"],
            "ensure_weight_tying": True,
        },
    ),
    "norms-and-a-projection": (
        "llama2",
        {
            "target_modules": ["q_proj", "down_proj"],
            "modules_to_save": ["norm", "layers.1.input_layernorm", "layers.0.mlp.down_proj"],
        },
    ),
    "positions": ("gpt2", {"target_modules": ["c_attn"], "modules_to_save": ["wpe", "ln_f"]}),
    "adapter-on-head": (
        "llama2",
        {
            "target_modules": ["v_proj", "lm_head", "embed_tokens"],
            "alpha_pattern": {"lm_head": 5},
            "rank_pattern": {"embed_tokens": 3},
        },
    ),
    "adapter-on-tied-embedding": ("smollm2", {"target_modules": ["v_proj", "embed_tokens"]}),
    "adapter-kept-tied": (
        "smollm2",
        {"target_modules": ["v_proj", "embed_tokens"], "ensure_weight_tying": True},
    ),
    "adapter-on-tied-head": ("qwen2", {"target_modules": ["v_proj", "lm_head"]}),
    "tokens": ("llama2", {"target_modules": ["q_proj"], "trainable_token_indices": [3, 17, 60]}),
    "tokens-tied": (
        "smollm2",
        {"target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [5, 8]}},
    ),
    "tokens-of-both": (
        "smollm2",
        {
            "target_modules": ["q_proj"],
            "trainable_token_indices": {"embed_tokens": [5, 8], "lm_head": [5, 9]},
        },
    ),
    "dora": ("smollm2", {"target_modules": ["q_proj", "v_proj", "down_proj"], "use_dora": True}),
    "dora-patterns": (
        "llama-biases",
        {
            "target_modules": "all-linear",
            "use_dora": True,
            "use_rslora": True,
            "rank_pattern": {"q_proj": 3},
            "layers_to_transform": None,
        },
    ),
    "dora-gpt2": (
        "gpt2",
        {"target_modules": ["c_attn", "mlp.c_proj"], "use_dora": True, "fan_in_fan_out": True},
    ),
    "lora-bias": (
        "gpt2",
        {"target_modules": ["c_attn", "c_fc"], "lora_bias": True, "fan_in_fan_out": True},
    ),
    "lora-bias-without-bias": (
        "smollm2",
        {"target_modules": ["q_proj", "o_proj"], "lora_bias": True, "layers_to_transform": [1]},
    ),
    "all-biases": ("gpt2", {"target_modules": ["c_attn"], "bias": "all", "fan_in_fan_out": True}),
    "own-biases": ("qwen2", {"target_modules": ["q_proj", "gate_proj"], "bias": "lora_only"}),
    "gaussian": ("smollm2", {"target_modules": ["q_proj"], "init_lora_weights": "gaussian"}),
    "score": ("llama2", {"target_modules": ["q_proj", "v_proj"], "task_type": "SEQ_CLS"}),
    "score-patterns": (
        "gpt2",
        {
            "target_modules": "all-linear",
            "task_type": "SEQ_CLS",
            "alpha_pattern": {r"h\.1\..*": 3},
            "fan_in_fan_out": True,
        },
    ),
}


def base_model(folder: Path, task: str) -> torch.nn.Module:
    if task == "SEQ_CLS":
        torch.manual_seed(5)
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, num_labels=1
        )
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def randomise(model: torch.nn.Module, name: str) -> None:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    done = set()
    for key, parameter in sorted(model.named_parameters(remove_duplicate=False)):
        parts = key.split(".")
        ours = any(
            part.startswith(("lora_", "trainable_tokens")) or part == "modules_to_save"
            for part in parts
        )
        trained_bias = parts[-1] == "bias" and parameter.requires_grad
        if not (ours or trained_bias) or parameter.data_ptr() in done:
            continue
        done.add(parameter.data_ptr())
        values = torch.from_numpy(random.normal(size=tuple(parameter.shape))).float()
        if "lora_magnitude_vector" in key:
            values = parameter.detach() * (1 + 0.3 * values)
        elif "modules_to_save" in parts and parameter.dim() == 1:
            values = 1 + 0.3 * values
        else:
            values = 0.4 * values
        with torch.no_grad():
            parameter.copy_(values)


def compute(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([IDS]), use_cache=False).logits
    return logits if logits.dim() == 2 else logits[0]


def main(bases: str, target: str) -> None:
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    logits = {}
    for name, (base, options) in CASES.items():
        options = {"r": 2, "lora_alpha": 6, "task_type": "CAUSAL_LM"} | options
        torch.manual_seed(7)
        model = peft.get_peft_model(
            base_model(Path(bases) / base, options["task_type"]), LoraConfig(**options)
        )
        randomise(model, name)
        inside = compute(model)
        folder = Path(target) / name
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        path = folder / "adapter_config.json"
        config = json.loads(path.read_text()) | {"base_model_name_or_path": base}
        for key in ("target_modules", "exclude_modules", "modules_to_save"):
            if isinstance(config[key], list):
                config[key].sort()
        path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        read = peft.PeftModel.from_pretrained(
            base_model(Path(bases) / base, options["task_type"]), folder
        )
        logits[name] = compute(read)
        expected, attached = (
            set(load_file(folder / "adapter_model.safetensors")),
            set(peft.get_peft_model_state_dict(read)),
        )
        plain = base_model(Path(bases) / base, options["task_type"]).eval()
        with torch.no_grad():
            without = plain(input_ids=torch.tensor([IDS]), use_cache=False).logits[0]
        difference = (logits[name] - inside).abs().max().item()
        print(
            f"{name}: read back {difference:.1e} off what was saved; "
            f"{(logits[name] - without).abs().max().item():.1f} off the base",
            "" if expected == attached else f"; keys {sorted(expected ^ attached)}",
        )
        for file in folder.iterdir():
            file.chmod(0o644)
    save_file(
        {name: values.contiguous() for name, values in logits.items()},
        Path(target) / "logits.safetensors",
        metadata={
            "made_with": json.dumps(
                {
                    "peft": peft.__version__,
                    "transformers": transformers.__version__,
                    "torch": torch.__version__,
                }
            ),
        },
    )
    (Path(target) / "ids.json").write_text(json.dumps(IDS) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "MODELS", "FOLDER"))
