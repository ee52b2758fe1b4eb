"""Opens exported models with transformers, and exported adapters with peft, and compares what they
compute with attune.

    python scripts/golden/open_exports.py FOLDER

FOLDER holds folders, each with expected.json beside a model or adapter: {"ids": [...],
"log_probabilities": [[...]] or "score": x, "dtype": "bfloat16", "tied": true, "base": FOLDER of an
adapter's base}. Prints a line of JSON for each: {"name", "class", "difference" (relative to the
largest value), "wrong": what does not fit}. Weights are computed with in float32, whatever they are
kept in.
"""

import json
import os
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import peft
import torch
import transformers
from command_line import positional
from safetensors.torch import load_file


def open_model(path: str, reward: bool, dtype="auto") -> tuple[torch.nn.Module, list[str]]:
    kind = (
        transformers.AutoModelForSequenceClassification
        if reward
        else transformers.AutoModelForCausalLM
    )
    model, loading = kind.from_pretrained(
        path, dtype=dtype, output_loading_info=True, **({"num_labels": 1} if reward else {})
    )
    wrong = [
        f"{key}: {sorted(loading[key])}"
        for key in ("missing_keys", "mismatched_keys")
        if loading[key] and not (reward and loading[key] == {"score.weight"})
    ]
    # attune reads a reward model back with its head of tokens
    unexpected = [
        key for key in loading["unexpected_keys"] if not (reward and key == "lm_head.weight")
    ]
    return model, wrong + ([f"unexpected: {unexpected}"] if unexpected else [])


def check(folder: Path) -> dict:
    expected = json.loads((folder / "expected.json").read_text())
    reward = "score" in expected
    if "base" in expected:
        model, _ = open_model(expected["base"], reward, torch.float32)
        wrong = []
        model = peft.PeftModel.from_pretrained(model, folder)
        # a base's own weight beside its adapter, which peft reads but writes only for targets of
        # some names
        named = lambda names: {name for name in names if ".base_layer." not in name}
        kept, attached = (
            named(load_file(folder / "adapter_model.safetensors")),
            named(peft.get_peft_model_state_dict(model)),
        )
        if kept != attached:
            wrong.append(f"peft did not take {sorted(kept ^ attached)}")
        name = type(model.get_base_model()).__name__
    else:
        model, wrong = open_model(folder, reward)
        config, name = model.config, type(model).__name__
        facts = {
            "dtype": str(model.dtype) == f"torch.{expected['dtype']}",
            "config.dtype": str(config.dtype) == f"torch.{expected['dtype']}",
            "tied": config.tie_word_embeddings == expected["tied"],
            "architectures": config.architectures == [name],
        }
        wrong += [key for key, holds in facts.items() if not holds]
        if reward and config.num_labels != 1:
            wrong.append(f"{config.num_labels} labels")
        if (
            transformers.AutoTokenizer.from_pretrained(folder).eos_token_id is not None
            and transformers.GenerationConfig.from_pretrained(folder).eos_token_id is None
        ):
            wrong.append("nothing to stop at")
        # A constant of Gemma's is rounded to the dtype that a model is opened in.
        model, _ = open_model(folder, reward, torch.float32)
    with torch.no_grad():
        logits = (
            model.float()
            .eval()(input_ids=torch.tensor([expected["ids"]]), use_cache=False)
            .logits[0]
        )
        logits = logits if reward else torch.log_softmax(logits.double(), -1)
    wanted = torch.tensor([expected["score"]] if reward else expected["log_probabilities"])
    difference = ((logits - wanted).abs().max() / wanted.abs().max()).item()
    return {"name": folder.name, "class": name, "difference": difference, "wrong": wrong}


def main(root: str) -> None:
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    for folder in sorted(path.parent for path in Path(root).glob("*/expected.json")):
        print(json.dumps(check(folder)), flush=True)


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))
