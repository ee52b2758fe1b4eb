"""Bytes that the gguf package makes of numbers, for every block format that attune writes.

    python scripts/golden/gguf_quantize.py src/models/weights/golden/quantize.safetensors

Writes numbers float32 [N], and Q8_0, Q4_0 and Q4_1 uint8: the blocks of gguf.quants.quantize. Among
the numbers: normal ones of many sizes, equal ones, zeros, halves between two steps, one number
alone, negative and positive extremes of the same size.
"""

import numpy as np
from command_line import positional
from gguf import GGMLQuantizationType
from gguf.quants import quantize
from safetensors.numpy import save_file


def main(path: str) -> None:
    rng = np.random.default_rng(20261128)
    blocks = [rng.normal(size=32) * 10.0 ** rng.uniform(-6, 4) for _ in range(400)]
    blocks += [rng.uniform(0.5, 1, size=32) * size for size in (1e-3, 1, 300)]
    blocks += [
        np.zeros(32),
        np.full(32, 0.25),
        np.full(32, -3.0),
        np.eye(32)[5],
        -np.eye(32)[31] * 7,
    ]
    blocks += [
        np.concatenate([np.arange(16) - 8, 8 - np.arange(16)]) * step for step in (1, 0.5, 1 / 3)
    ]
    blocks += [
        (np.arange(32) - 15.5) * 2.0,
        np.where(np.arange(32) % 2, 127, 63.5),
        np.where(np.arange(32) % 2, -127, 0.5),
        np.arange(32) / 2,
    ]
    blocks += (
        [rng.integers(-8, 9, size=32) * 0.5 for _ in range(40)]
        + [rng.integers(-127, 128, size=32) * 0.5 for _ in range(40)]
        + [rng.integers(0, 31, size=32) * 0.5 for _ in range(40)]
    )
    numbers = np.stack(blocks).astype(np.float32).reshape(-1)
    made = {
        name: np.ascontiguousarray(quantize(numbers, GGMLQuantizationType[name]))
        for name in ("Q8_0", "Q4_0", "Q4_1")
    }
    save_file({"numbers": numbers, **made}, path)
    print({name: len(values) for name, values in made.items()})


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))
