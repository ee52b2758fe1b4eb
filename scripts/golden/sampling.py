"""Which tokens transformers' logits warpers keep, and with which probability, in float64.

    python scripts/golden/sampling.py src/sampling/golden/warpers.json

`logits` are multiples of 1/1024, so exact in float32. Of each case: the kept tokens as a bit mask
in hexadecimal (the first token is the lowest bit), and the log-probability of the most and the
least likely of them among the kept. In `ties` many logits are equal; which of equal tokens top-p's
edge takes is left to an unstable sort there, so only how many are kept is written. The warpers are
those that `generate` itself puts together (`_get_logits_processor`), in its order.
"""

import itertools
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from command_line import positional
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

VOCABULARY = 100
TEMPERATURES = [0.5, 1.0, 1.8]
TOP_K = [0, 5, 40]
TOP_P = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 0.999, 1.0]
MIN_P = [0.0, 0.02, 0.2]


def warp(model, logits: torch.Tensor, **options) -> torch.Tensor:
    config = GenerationConfig(do_sample=True, **options)
    processors = model._get_logits_processor(config, input_ids_seq_length=1)
    return processors(torch.zeros(1, 1, dtype=torch.long), logits[None])[0]


def main(target: str) -> None:
    random = np.random.default_rng(21)
    model = GPT2LMHeadModel(
        GPT2Config(
            n_layer=1, n_head=1, n_embd=4, vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0
        )
    )
    shapes = {
        "flat": np.round(random.normal(size=VOCABULARY) * 0.6 * 1024) / 1024,
        "wide": np.round(random.normal(size=VOCABULARY) * 3 * 1024) / 1024,
        "steep": np.round(-np.sort(random.gamma(1.0, 4.0, size=VOCABULARY)) * 1024) / 1024,
        "ties": np.round(random.normal(size=VOCABULARY) * 1.2),
    }
    cases = []
    for name, values in shapes.items():
        logits = torch.tensor(values, dtype=torch.float64)
        for temperature, top_k, top_p, min_p in itertools.product(
            TEMPERATURES, TOP_K, TOP_P, MIN_P
        ):
            scores = warp(
                model, logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
            )
            kept = torch.isfinite(scores)
            logp = scores.log_softmax(-1)[kept]
            mask = sum(1 << i for i in range(VOCABULARY) if kept[i])
            edge = {"count": int(kept.sum())} if name == "ties" else {"mask": f"{mask:x}"}
            cases.append(
                [
                    name,
                    temperature,
                    top_k,
                    top_p,
                    min_p,
                    edge,
                    round(float(logp.max()), 9),
                    round(float(logp.min()), 9),
                ]
            )
    lines = ",\n".join("  " + json.dumps(case, separators=(",", ":")) for case in cases)
    logits = json.dumps(
        {name: values.tolist() for name, values in shapes.items()}, separators=(",", ":")
    )
    made = json.dumps({"transformers": version("transformers"), "torch": version("torch")})
    Path(target).write_text(
        f'{{"made_with": {made},\n "logits": {logits},\n "cases": [\n{lines}\n]}}\n'
    )


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))
