"""Which modules peft puts an adapter on, with which rank and alpha, for many configurations.

    python scripts/golden/peft_targets.py src/models/golden/peft-targets.json

Writes {models: {NAME: [module names]}, cases: [{model, config, matched: [[place, rank, alpha],
...]}]}. The answers are those of peft's check_target_module_exists and get_pattern_key; parts of
the configurations are put together at random. Same seed, same bytes.
"""

import json
import random

from command_line import positional
from peft import LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.other import get_pattern_key

LOCALS = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
]
MODELS = {
    "llama": [
        "model.embed_tokens",
        *(f"model.layers.{layer}.{local}" for layer in range(12) for local in LOCALS),
        "lm_head",
    ],
    "gpt2": [
        "transformer.wte",
        "transformer.wpe",
        *(
            f"transformer.h.{layer}.{local}"
            for layer in range(3)
            for local in ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
        ),
        "lm_head",
    ],
}
LISTS = [
    "q_proj",
    "proj",
    "self_attn.q_proj",
    "attn.q_proj",
    "mlp.down_proj",
    "1.mlp.up_proj",
    "layers.1.mlp.up_proj",
    "model.layers.11.self_attn.v_proj",
    "lm_head",
    "embed_tokens",
    "c_proj",
    "mlp.c_proj",
    "c_attn",
    "h.1.attn.c_attn",
    "wte",
    "wpe",
    "v_proj",
    "",
    "model",
    "transformer.h.2.mlp.c_fc",
]
EXPRESSIONS = [
    r".*q_proj",
    r"q_proj",
    r".*\.(q|v)_proj",
    r"model\.layers\.\d\.mlp\..*",
    r"model\.layers\.(0|1[01])\.self_attn\.[kv]_proj",
    r"(?i).*Q_PROJ",
    r"(?:.*\.)?(?P<kind>mlp|attn)\.c_(?:fc|proj)",
    r"^model\.layers\.(?:[2-5])\..*$",
    r".*(?<!k)_proj",
    r"(?!.*mlp).*_proj",
    r"\Amodel.*down_proj\Z",
    r".*\.\d{,1}\.self_attn.*",
    r".*\.\d{2,}\..*[^n]_proj",
    r"model.layers.1.mlp.up_proj",
    r".*[]q]_proj",
    r"(?s:.*)gate_proj|lm_head",
    r".*\bh\b.*",
    r"(transformer|model)\.\w+\.(\d)\.(?:.*)\2?.*_attn",
    r".*c_(?=attn).*",
    "",
]
PATTERNS = [
    *LISTS[:-3],
    r"^model\.layers\.3\.self_attn\.q_proj",
    r"layers\.\d+\.mlp\..*",
    r".*attn.*",
    r"[qk]_proj",
    r"(?P<a>q)_proj",
    r"1\..*",
    r"h\.[02]\..*c_proj",
    "x|q_proj",
    r"model.*",
    r"self_attn\.(q|k)_proj",
]
LAYER_PATTERNS = [None, None, "layers", "h", ["h", "layers"], ["x"], [], r"lay\w+", "model.layers"]


def draw(chance: random.Random) -> tuple[str, dict]:
    model = chance.choice(list(MODELS))
    some = lambda items, most: chance.sample(items, chance.randint(1, most))
    listed = chance.random() < 0.6
    config = {
        "target_modules": some(LISTS, 4) if listed else chance.choice([*EXPRESSIONS, "all-linear"]),
        "r": 4,
        "lora_alpha": 8,
    }
    if chance.random() < 0.3:
        config["exclude_modules"] = (
            some(LISTS, 2) if chance.random() < 0.5 else chance.choice(EXPRESSIONS)
        )
    if chance.random() < 0.2:
        config["modules_to_save"] = chance.choice(
            [
                ["lm_head"],
                ["embed_tokens", "lm_head"],
                ["down_proj"],
                ["mlp"],
                [r"layers\.1"],
                ["h"],
            ]
        )
    if listed and chance.random() < 0.4:
        config["layers_to_transform"] = chance.choice([1, 0, [0, 2], [11], [1, 10], [], 99])
        config["layers_pattern"] = chance.choice(LAYER_PATTERNS)
    if chance.random() < 0.6:
        config["rank_pattern"] = {key: index + 10 for index, key in enumerate(some(PATTERNS, 4))}
    if chance.random() < 0.6:
        config["alpha_pattern"] = {key: index + 20 for index, key in enumerate(some(PATTERNS, 4))}
    return model, config


def answer(model: str, config: dict) -> list[list[int]]:
    names = MODELS[model]
    made = dict(config)
    if made["target_modules"] == "all-linear":
        made["target_modules"] = [name for name in names if ".layers." in name or ".h." in name]
    lora = LoraConfig(**made)
    found = []
    for place, name in enumerate(names):
        if (
            not check_target_module_exists(lora, name)
            or type(check_target_module_exists(lora, name)).__name__ == "_ExcludedModule"
        ):
            continue
        rank = lora.rank_pattern.get(get_pattern_key(lora.rank_pattern.keys(), name), lora.r)
        alpha = lora.alpha_pattern.get(
            get_pattern_key(lora.alpha_pattern.keys(), name), lora.lora_alpha
        )
        found.append([place, rank, alpha])
    return found


def main(path: str) -> None:
    chance = random.Random(20261128)
    cases, seen = [], set()
    while len(cases) < 250:
        model, config = draw(chance)
        key = json.dumps([model, config])
        if key in seen:
            continue
        seen.add(key)
        try:
            matched = answer(model, config)
        except Exception as error:
            print("not a configuration:", config, error)
            continue
        cases.append({"model": model, "config": config, "matched": matched})
    with open(path, "w") as file:
        file.write(
            '{"models": '
            + json.dumps(MODELS)
            + ', "cases": [\n'
            + ",\n".join(json.dumps(case) for case in cases)
            + "\n]}\n"
        )
    print(len(cases), "cases,", sum(1 for case in cases if case["matched"]), "match something")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))
