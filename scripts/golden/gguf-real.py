"""Shapes and sha256 of every tensor of a real llama GGUF file, in Hugging Face names, orientation
and float32.

    pip install gguf==0.19.0 numpy==2.4.6
    python scripts/golden/gguf-real.py SmolLM2-135M-Instruct.Q4_1.gguf
        src/models/weights/golden/smollm2-135m-instruct.q4_1.json

Dequantised by the gguf package; query and key rows are put back as transformers does
(modeling_gguf_pytorch_utils.py, `_reverse_permute_weights`).
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from command_line import positional
from gguf import MODEL_ARCH, GGUFReader, get_tensor_name_map
from gguf.quants import dequantize


def main(source: str, target: str) -> None:
    reader = GGUFReader(source)
    field = lambda key: reader.fields[key].contents()
    layers, heads, kv_heads = (
        field("llama.block_count"),
        field("llama.attention.head_count"),
        field("llama.attention.head_count_kv"),
    )
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, layers)
    parts = [
        "input_layernorm",
        "post_attention_layernorm",
        *(f"self_attn.{p}_proj" for p in "qkvo"),
        *(f"mlp.{p}_proj" for p in ("gate", "up", "down")),
    ]
    known = [
        "model.embed_tokens",
        "model.norm",
        "lm_head",
        *(f"model.layers.{layer}.{part}" for layer in range(layers) for part in parts),
    ]
    checkpoint_name = {names.get_name(name): name for name in known}
    result = {}
    for tensor in reader.tensors:
        base, suffix = tensor.name.rsplit(".", 1)
        data = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        count = heads if ".attn_q." in tensor.name else kv_heads if ".attn_k." in tensor.name else 0
        if count:
            data = (
                data.reshape(count, data.shape[0] // count // 2, 2, *data.shape[1:])
                .swapaxes(2, 1)
                .reshape(data.shape)
            )
        result[f"{checkpoint_name[base]}.{suffix}"] = {
            "shape": list(data.shape),
            "sha256": hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest(),
        }
    Path(target).write_text(json.dumps(result, indent=0) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "SOURCE", "TARGET"))
