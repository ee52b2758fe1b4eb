"""A full fine-tuning step in transformers on PyTorch: tokens per second.

    python torch_train_step.py [--tokens 1024] [--rows 1] [--sweep]

A step is forward, backward and AdamW on every weight. `gflops` counts the products of forward and
backward, attention and head included (three times the forward's), as attune's own figure does;
`share_of_product_rate` divides it by the rate of a 2048-cubed product in the same process.
"""

import contextlib
import json
import statistics
import sys
import time

from common import SHAPE, Memory, build_model, parser, product_rate, sweep, versions


def options():
    result = parser(__doc__)
    result.add_argument("--tokens", type=int, default=1024, help="tokens of a step")
    result.add_argument("--rows", type=int, default=1, help="rows that the tokens are divided into")
    result.add_argument("--steps", type=int, default=6)
    result.add_argument("--checkpointing", action="store_true")
    return result.parse_args()


def settings() -> list[list[str]]:
    return [
        ["--dtype", dtype] for dtype in ("autocast", "bfloat16", "float32-medium", "float32")
    ] + [["--dtype", "float32", "--checkpointing"]]


def forward_products(tokens: int, rows: int) -> float:
    """Operations of the forward's products; attention counts the causal half."""
    hidden, wide, layers, heads = (
        SHAPE[key]
        for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    )
    keys = hidden // heads * SHAPE["num_key_value_heads"]
    weights = (
        layers * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * wide)
        + hidden * SHAPE["vocab_size"]
    )
    attention = layers * 2 * hidden * (tokens / rows) / 2
    return 2 * tokens * (weights + attention)


def main() -> None:
    given = options()
    if given.sweep:
        return sweep(__file__, settings(), best_of="tokens_per_second")
    import torch

    torch.set_num_threads(given.threads)
    memory = Memory()
    model = build_model(given.model, given.dtype).train()
    if given.checkpointing:
        model.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ids = torch.randint(
        10,
        model.config.vocab_size,
        (given.rows, given.tokens // given.rows),
        generator=torch.Generator().manual_seed(0),
    )
    seconds, losses = [], []
    for _ in range(given.steps):
        began = time.perf_counter()
        with (
            torch.autocast("cpu", dtype=torch.bfloat16)
            if given.dtype == "autocast"
            else contextlib.nullcontext()
        ):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - began)
        losses.append(loss.item())
    step = statistics.median(seconds[2:])
    rate = 3 * forward_products(given.tokens, given.rows) / step / 1e9
    product = product_rate(given.dtype)
    print(
        json.dumps(
            {
                "peer": "torch full step",
                "tokens_per_second": round(given.tokens / step, 2),
                "gflops": round(rate, 1),
                "product_gflops": round(product, 1),
                "share_of_product_rate": round(rate / product, 3),
                "step_seconds": [round(value, 3) for value in seconds],
                "losses": [losses[0], losses[-1]],
                **memory.report(),
                "settings": {
                    "dtype": given.dtype,
                    "tokens": given.tokens,
                    "rows": given.rows,
                    "checkpointing": given.checkpointing,
                    "threads": torch.get_num_threads(),
                },
                "versions": versions("torch", "transformers"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
