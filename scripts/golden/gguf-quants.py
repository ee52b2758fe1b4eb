"""Golden numbers of every GGUF block format that attune reads.

    pip install gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0
    python scripts/golden/gguf-quants.py src/models/weights/golden

Writes quants.gguf (random blocks, written by the gguf package) and quants.safetensors (the same
numbers as float32, dequantised by the gguf package, under the same names). Same seed, same bytes.
"""

from pathlib import Path

import numpy as np
from command_line import positional
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize
from safetensors.numpy import save_file

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
# Byte offsets of the halves in a block: any bits are a valid quant, but scales must be finite.
HALVES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}
EXTREMES = np.array([0.0, -0.0, 6e-8, -6.1e-5, 65504.0, -65504.0, 1.0, -1.0], dtype=np.float16)
ROWS, BLOCKS_PER_ROW = 4, 2


def random_blocks(kind: GGMLQuantizationType, rng: np.random.Generator) -> np.ndarray:
    elements, size = GGML_QUANT_SIZES[kind]
    if kind.name in ("F32", "F16", "BF16"):
        values = rng.normal(size=(ROWS, 16)).astype(np.float32)
        values[0, :8] = EXTREMES
        if kind.name == "F32":
            return values.view(np.uint8)
        return (
            values.astype(np.float16).view(np.uint8)
            if kind.name == "F16"
            else (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        )
    blocks = rng.integers(0, 256, size=(ROWS * BLOCKS_PER_ROW, size), dtype=np.uint8)
    for offset in HALVES[kind.name]:
        scales = rng.normal(scale=0.05, size=len(blocks)).astype(np.float16)
        scales[:3] = rng.choice(EXTREMES, size=3)
        blocks[:, offset : offset + 2] = scales[:, None].view(np.uint8)
    return blocks.reshape(ROWS, BLOCKS_PER_ROW * size)


def main(folder: Path) -> None:
    rng = np.random.default_rng(20261123)
    writer = GGUFWriter(str(folder / "quants.gguf"), "llama")
    expected: dict[str, np.ndarray] = {}
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        blocks = random_blocks(kind, rng)
        raw = {"F32": np.float32, "F16": np.float16}.get(name)
        writer.add_tensor(name, blocks.view(raw) if raw else blocks, raw_dtype=kind)
        expected[name] = np.ascontiguousarray(dequantize(blocks, kind).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, str(folder / "quants.safetensors"))


if __name__ == "__main__":
    main(*map(Path, positional(__doc__, "FOLDER")))
