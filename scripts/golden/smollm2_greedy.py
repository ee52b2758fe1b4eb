"""Token ids and greedy continuations of 20 prompts from llama.cpp, for a real model.

    pip install -r scripts/golden/requirements-llama.txt
    python scripts/golden/smollm2_greedy.py SmolLM2-135M-Instruct.Q4_1.gguf
        tests/golden/smollm2-greedy.json [--keep FILE.gguf]

llama.cpp multiplies quantised weights with activations that it rounds to 8 bits, and keeps keys and
values in float16. The exact reference is therefore a second file, with every weight dequantised to
float32 by the gguf package, run with a float32 cache. Both are recorded: `exact`, which an engine
on dequantised weights must reproduce, and `quantised`, what llama.cpp's users see. --keep keeps the
float32 file.
"""

import ctypes
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import llama_cpp
import numpy as np
from command_line import file_name, parser_of
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.constants import GGUFValueType
from gguf.quants import dequantize
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

TOKENS = 64
RAW = [
    "The lighthouse keeper climbed the stairs and saw",
    "Once upon a time, in a village by a cold lake,",
    "def fibonacci(n):\n    ",
    "Ingredients for a simple bread:\n1.",
    "The three largest rivers of Europe are",
    "Q: What is 12 times 11?\nA:",
    "Dear Ms. Lindqvist,\n\nThank you for",
    "Zwischen den Bergen lag ein kleines Dorf, das",
    "Temperature: 21.5\u00a0°C, humidity: 48\u202f%. The weather is",
    '{"name": "Otto", "age": 41, "city": "',
]
CHAT = [
    [("user", "Where should I store bread so that it stays fresh?")],
    [("user", "Write a haiku about an old bridge.")],
    [("system", "You answer in one short sentence."), ("user", "Why is the sky blue?")],
    [("user", "Name five birds.")],
    [("user", "Is it safe to mix bleach and vinegar?")],
    [("user", "I have 3 boxes with 14 apples each and eat 5 apples. How many are left?")],
    [
        ("user", "Hi!"),
        ("assistant", "Hello! How can I help you?"),
        ("user", "Tell me a fact about bees."),
    ],
    [("system", "You are a pirate."), ("user", "What's for dinner? 🦜")],
    [("user", "Translate to French: The cat sleeps on the chair.")],
    [("user", "  List the steps\n\tto plant a tree.  ")],
]


def widen(source: str, target: str) -> None:
    """The same GGUF file with float32 weights."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kinds = field.types
        inner = kinds[-1] if kinds[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kinds[0], sub_type=inner)
    writer.add_file_type(0)
    for tensor in reader.tensors:
        writer.add_tensor(
            tensor.name,
            dequantize(tensor.data, tensor.tensor_type).astype(np.float32),
            raw_dtype=GGMLQuantizationType.F32,
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Engine:
    def __init__(self, path: str, *, exact: bool):
        cache = {"type_k": 0, "type_v": 0} if exact else {}
        self.model = llama_cpp.Llama(
            path, n_ctx=512, n_threads=2, n_threads_batch=2, n_gpu_layers=0, verbose=False, **cache
        )

    def logits(self) -> np.ndarray:
        pointer = llama_cpp.llama_get_logits_ith(self.model.ctx, -1)
        return np.ctypeslib.as_array(
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (self.model.n_vocab(),)
        ).copy()

    def greedy(self, ids: list[int], stops: set[int]) -> dict:
        """Ids up to and with the stop token; margin: the smallest gap between the best and the
        second-best logit.
        """
        self.model.reset()
        self.model.eval(ids)
        chosen, margins, first = [], [], []
        for _ in range(TOKENS):
            logits = self.logits()
            order = np.argsort(-logits, kind="stable")[:5]
            first = first or [[int(token), round(float(logits[token]), 5)] for token in order]
            margins.append(float(logits[order[0]] - logits[order[1]]))
            chosen.append(int(order[0]))
            if chosen[-1] in stops:
                break
            self.model.eval(chosen[-1:])
        return {
            "ids": chosen,
            "text": self.model.detokenize(chosen, special=False).decode(errors="replace"),
            "margin": round(min(margins), 5),
            "first": first,
        }


def first_difference(left: list[int], right: list[int]) -> int | None:
    """Index of the first token that differs; nothing where both are equal."""
    if left == right:
        return None
    return next(
        (index for index, (a, b) in enumerate(zip(left, right)) if a != b),
        min(len(left), len(right)),
    )


def main() -> None:
    parser = parser_of(__doc__)
    for argument in ("source", "target", "--keep"):
        parser.add_argument(argument, type=file_name)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wide = options.keep or str(Path(scratch) / "float32.gguf")
        widen(options.source, wide)
        engines = {
            "quantised": Engine(options.source, exact=False),
            "exact": Engine(wide, exact=True),
        }
    model = engines["exact"].model
    vocabulary = llama_cpp.llama_model_get_vocab(model.model)
    adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(vocabulary))
    stops = {
        token for token in range(model.n_vocab()) if llama_cpp.llama_vocab_is_eog(vocabulary, token)
    }
    formatter = Jinja2ChatFormatter(
        model.metadata["tokenizer.chat_template"], eos_token="<|im_end|>", bos_token="<|im_start|>"
    )
    prompts = []
    for source in [*RAW, *CHAT]:
        messages = (
            None
            if isinstance(source, str)
            else [{"role": role, "content": content} for role, content in source]
        )
        text = formatter(messages=messages).prompt if messages else source
        ids = model.tokenize(
            text.encode(), add_bos=adds_bos and not messages, special=bool(messages)
        )
        runs = {name: engine.greedy(ids, stops) for name, engine in engines.items()}
        differs = first_difference(runs["exact"]["ids"], runs["quantised"]["ids"])
        prompts.append(
            {
                **({"messages": messages} if messages else {}),
                "text": text,
                "ids": ids,
                **runs,
                "first_difference": differs,
            }
        )
        print(
            f"{differs!s:>5} {runs['exact']['margin']:.4f} {runs['exact']['text'][:90]!r}",
            flush=True,
        )
    result = {
        "made_with": {"llama-cpp-python": llama_cpp.__version__, "gguf": "0.19.0"},
        "file": {
            "name": Path(options.source).name,
            "sha256": hashlib.sha256(Path(options.source).read_bytes()).hexdigest(),
        },
        "adds_bos": adds_bos,
        "stop_ids": sorted(stops),
        "max_tokens": TOKENS,
        "prompts": prompts,
    }
    lines = json.dumps({**result, "prompts": []}, ensure_ascii=False, indent=1)[: -len("[]\n}")]
    Path(options.target).write_text(
        lines
        + "[\n"
        + ",\n".join(json.dumps(prompt, ensure_ascii=False) for prompt in prompts)
        + "\n]}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
