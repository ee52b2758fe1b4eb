"""Logits of a model folder, with an exported adapter or without, from transformers and peft in
float32.

    python scripts/golden/peft_check.py --base FOLDER [--adapter FOLDER] --ids FILE [--out FILE]
        [--compare FILE] [--tolerance 1e-4]

--base       folder that transformers loads: a base model, or merged safetensors
--adapter    folder that peft loads onto it: adapter_config.json and adapter_model.safetensors
--ids        JSON: a list of rows of token ids, each of its own length
--out        safetensors to write: logits.ROW float32 [T, V] for every row, each computed alone
--compare    safetensors with the same names, from attune: prints the largest difference relative
             to the largest logit, and exits with 1 where it exceeds --tolerance or a row is missing
"""

import json
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import peft
import torch
import transformers
from command_line import file_name, parser_of
from safetensors.torch import load_file, save_file


def load(base: str, adapter: str | None) -> torch.nn.Module:
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, output_loading_info=True
    )
    strange = {
        key: sorted(loading[key])
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if loading[key]
    }
    if strange:
        sys.exit(f"{base} does not fit its config.json: {strange}")
    if adapter:
        expected = set(load_file(os.path.join(adapter, "adapter_model.safetensors")))
        model = peft.PeftModel.from_pretrained(model, adapter)
        attached = set(peft.get_peft_model_state_dict(model))
        if expected != attached:
            sys.exit(f"peft did not take these weights of {adapter}: {sorted(expected ^ attached)}")
    return model.eval()


def main() -> int:
    parser = parser_of(__doc__)
    for name in ("base", "ids"):
        parser.add_argument(f"--{name}", type=file_name, required=True)
    for name in ("adapter", "out", "compare"):
        parser.add_argument(f"--{name}", type=file_name)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    model = load(options.base, options.adapter)
    with open(options.ids) as file:
        rows = json.load(file)
    with torch.no_grad():
        logits = {
            f"logits.{row}": model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
            for row, ids in enumerate(rows)
        }
    if options.out:
        save_file(logits, options.out)
    if not options.compare:
        return 0
    other = load_file(options.compare)
    missing = sorted(set(logits) - set(other))
    worst = max(
        (
            ((other[name] - values).abs().max() / values.abs().max()).item()
            for name, values in logits.items()
            if name in other
        ),
        default=float("nan"),
    )
    passed = not missing and worst <= options.tolerance
    print(
        json.dumps(
            {
                "rows": len(rows),
                "missing": missing,
                "largest_relative_difference": worst,
                "tolerance": options.tolerance,
                "passed": passed,
            }
        )
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
