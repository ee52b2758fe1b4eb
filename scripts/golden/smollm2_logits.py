"""transformers' view of the same GGUF file: the 20 best logits at every position of a prompt, and
whether it continues alike.

    python scripts/golden/smollm2_logits.py FOLDER SmolLM2-135M-Instruct.Q4_1.gguf
        tests/golden/smollm2-greedy.json tests/golden/smollm2-logits.json

FOLDER is where the GGUF file lies. Runs in float32 on dequantised weights; each prompt of
smollm2-greedy.json is continued greedily and compared with llama.cpp's exact run, and the first
difference, if any, is recorded.
"""

import json
from pathlib import Path

import torch
import transformers
from command_line import positional

PROMPT, BEST = 12, 20  # a chat with a system prompt


def continuation(model, ids: list[int], *, stops: list[int], count: int) -> list[int]:
    output = model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=count,
        eos_token_id=stops,
        pad_token_id=stops[0],
    )
    return output[0, len(ids) :].tolist()


def main(folder: str, name: str, greedy: str, target: str) -> None:
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32
    ).eval()
    golden = json.loads(Path(greedy).read_text())
    agreement = []
    for prompt in golden["prompts"]:
        ids = continuation(
            model, prompt["ids"], stops=golden["stop_ids"], count=golden["max_tokens"]
        )
        exact = prompt["exact"]["ids"]
        agreement.append(
            None
            if ids == exact
            else next(
                (at for at, (a, b) in enumerate(zip(ids, exact)) if a != b),
                min(len(ids), len(exact)),
            )
        )
    ids = golden["prompts"][PROMPT]["ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    values, tokens = logits.topk(BEST)
    result = {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "prompt": PROMPT,
        "ids": ids,
        "first_difference_from_exact": agreement,
        "tokens": tokens.tolist(),
        "logits": [[round(value, 5) for value in row] for row in values.tolist()],
        "log_sum_exp": [round(value, 5) for value in logits.double().logsumexp(-1).tolist()],
    }
    lines = [f' "{key}": {json.dumps(value)}' for key, value in result.items()]
    Path(target).write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(agreement)


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER", "NAME", "GREEDY", "TARGET"))
