"""Scores of a reward model in transformers: answers per second.

    python transformers_score.py --rows FILE [--sweep]

The file holds a JSON list of token ids on each line: prompt and answer as one sequence, scored at
its last token. Rows are sorted by length and padded to the longest of their batch, as transformers
users are told to do. The median over --runs of all rows by the time of the whole pass.
"""

import json
import statistics
import sys
import time

from common import SHAPE, Memory, parser, product_rate, sweep, versions


def options():
    result = parser(__doc__)
    result.add_argument("--rows", required=True)
    result.add_argument("--batch", type=int, default=16)
    result.add_argument("--runs", type=int, default=3)
    result.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    result.add_argument("--quantize", action="store_true", help="dynamic int8 of linear layers")
    result.add_argument("--limit", type=int, help="only so many rows, of every length")
    return result.parse_args()


def settings() -> list[list[str]]:
    dtypes = ("float32", "float32-medium", "bfloat16")
    return [
        ["--dtype", "float32", "--batch", "8", "--quantize"],
        ["--dtype", "float32", "--batch", "32", "--quantize"],
        *[["--dtype", dtype, "--batch", str(batch)] for dtype in dtypes for batch in (8, 32, 1)],
        ["--dtype", "float32", "--batch", "8", "--attention", "eager"],
        ["--dtype", "bfloat16", "--batch", "8", "--attention", "eager"],
    ]


def main() -> None:
    given = options()
    if given.sweep:
        return sweep(__file__, settings(), best_of="answers_per_second", give_up=True)
    import torch
    import transformers

    torch.set_num_threads(given.threads)
    if given.dtype == "float32-medium":
        torch.set_float32_matmul_precision("medium")
    memory = Memory()
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**SHAPE, num_labels=1)
    model = transformers.AutoModelForSequenceClassification.from_config(
        config, dtype=torch.bfloat16 if given.dtype == "bfloat16" else torch.float32
    ).eval()
    model.set_attn_implementation(given.attention)
    if given.quantize:
        model = torch.ao.quantization.quantize_dynamic(
            model, {torch.nn.Linear}, dtype=torch.qint8
        )
    with open(given.rows) as file:
        rows = sorted((json.loads(line) for line in file), key=len)
    if given.limit and given.limit < len(rows):
        rows = [rows[i * len(rows) // given.limit] for i in range(given.limit)]

    def score() -> float:
        began = time.perf_counter()
        scores = []
        with torch.inference_mode():
            for start in range(0, len(rows), given.batch):
                batch = rows[start : start + given.batch]
                longest = max(len(row) for row in batch)
                ids = torch.zeros(len(batch), longest, dtype=torch.long)
                mask = torch.zeros(len(batch), longest, dtype=torch.long)
                for i, row in enumerate(batch):
                    ids[i, : len(row)] = torch.tensor(row)
                    mask[i, : len(row)] = 1
                scores += model(ids, attention_mask=mask, use_cache=False).logits[:, 0].tolist()
        assert len(scores) == len(rows)
        return time.perf_counter() - began

    score() if given.runs > 1 else None
    seconds = [score() for _ in range(given.runs)]
    print(
        json.dumps(
            {
                "peer": "transformers score",
                "answers_per_second": round(len(rows) / statistics.median(seconds), 3),
                "seconds": [round(value, 3) for value in seconds],
                **memory.report(),
                "product_gflops": round(product_rate(given.dtype), 1),
                "settings": {
                    "dtype": given.dtype,
                    "batch": given.batch,
                    "attention": given.attention,
                    "quantize": given.quantize,
                    "threads": torch.get_num_threads(),
                },
                "versions": versions("torch", "transformers"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
