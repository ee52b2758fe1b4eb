"""Greedy generation in transformers: new tokens per second.

    python transformers_generate.py [--sweep]

Prompts are random token ids, all of one length, so that nothing is padded. `tokens_per_second` is
the median over --runs of all new tokens by the time of the whole call, reading the prompts
included; `decode_tokens_per_second` leaves the first token out.
"""

import json
import statistics
import sys
import time

from common import Memory, build_model, parser, product_rate, sweep, versions


def options():
    result = parser(__doc__)
    result.add_argument("--batch", type=int, default=16)
    result.add_argument("--prompt-tokens", type=int, default=128)
    result.add_argument("--new-tokens", type=int, default=64)
    result.add_argument("--runs", type=int, default=5)
    result.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    result.add_argument("--cache", choices=("dynamic", "static"), default="dynamic")
    return result.parse_args()


def settings() -> list[list[str]]:
    kinds = [["--dtype", dtype] for dtype in ("bfloat16", "float32-medium", "float32")]
    return [
        *kinds,
        ["--dtype", "bfloat16", "--attention", "eager"],
        ["--dtype", "float32", "--attention", "eager"],
    ]


def main() -> None:
    given = options()
    if given.sweep:
        return sweep(__file__, settings(), best_of="tokens_per_second")
    import torch

    torch.set_num_threads(given.threads)
    memory = Memory()
    model = build_model(given.model, given.dtype).eval()
    model.set_attn_implementation(given.attention)
    ids = torch.randint(
        10,
        model.config.vocab_size,
        (given.batch, given.prompt_tokens),
        generator=torch.Generator().manual_seed(0),
    )
    model.generation_config.eos_token_id = None

    def generate(count: int) -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            output = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=count,
                use_cache=True,
                cache_implementation=given.cache,
                pad_token_id=0,
            )
        assert output.shape == (given.batch, given.prompt_tokens + count)
        return time.perf_counter() - began

    generate(4)
    whole = [generate(given.new_tokens) for _ in range(given.runs)]
    first = statistics.median(generate(1) for _ in range(given.runs))
    seconds = statistics.median(whole)
    print(
        json.dumps(
            {
                "peer": "transformers generate",
                "tokens_per_second": round(given.batch * given.new_tokens / seconds, 2),
                "decode_tokens_per_second": round(
                    given.batch * (given.new_tokens - 1) / (seconds - first), 2
                ),
                "prompt_seconds": round(first, 3),
                "seconds": [round(value, 3) for value in whole],
                **memory.report(),
                "product_gflops": round(product_rate(given.dtype), 1),
                "settings": {
                    "dtype": given.dtype,
                    "batch": given.batch,
                    "prompt_tokens": given.prompt_tokens,
                    "new_tokens": given.new_tokens,
                    "attention": given.attention,
                    "cache": given.cache,
                    "threads": torch.get_num_threads(),
                },
                "versions": versions("torch", "transformers"),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
