"""What llama.cpp makes of the tokenizers in src/text/golden when they are metadata of a GGUF file.

    pip install -r scripts/golden/requirements-llama.txt
    python scripts/golden/gguf_tokenizers.py src/text/golden

Writes gguf/NAME.json: `metadata` (the keys below `tokenizer.`), and for each text of NAME.json
`ids` (control tokens recognised) and `plain`. Scores of SentencePiece pieces are the order of the
merges, as in the models' own files.
"""

import json
import tempfile
from pathlib import Path

import llama_cpp
from command_line import positional
from gguf import GGUFWriter

PRE = {
    "gpt2": "gpt-2",
    "smollm": "smollm",
    "llama3": "llama-bpe",
    "qwen2": "qwen2",
    "tekken": "tekken",
    "llama2": "default",
}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def metadata_of(name: str, golden: dict) -> dict:
    model, config = golden["tokenizer"]["model"], golden["config"]
    added = {token["content"]: token for token in golden["tokenizer"]["added_tokens"]}
    ids = model["vocab"] | {content: token["id"] for content, token in added.items()}
    tokens = sorted(ids, key=ids.get)
    pieces = name == "llama2"

    def kind(token: str) -> int:
        if pieces and token == config["unk_token"]:
            return UNKNOWN
        if token in added:
            return CONTROL if added[token]["special"] else USER_DEFINED
        return BYTE if pieces and token.startswith("<0x") and len(token) == 6 else NORMAL

    metadata = {
        "ggml.model": "llama" if pieces else "gpt2",
        "ggml.pre": PRE[name],
        "ggml.tokens": tokens,
        "ggml.token_type": [kind(token) for token in tokens],
    }
    if pieces:
        rank = {
            left + right: float(-index)
            for index, (left, right) in reversed(list(enumerate(model["merges"])))
        }
        metadata["ggml.scores"] = [rank.get(token, -10000.0) for token in tokens]
    else:
        metadata["ggml.merges"] = [" ".join(merge) for merge in model["merges"]]
    for key, named in (
        ("bos", "bos_token"),
        ("eos", "eos_token"),
        ("padding", "pad_token"),
        ("unknown", "unk_token"),
    ):
        if named in config:
            metadata[f"ggml.{key}_token_id"] = ids[config[named]]
    return metadata


def write_gguf(path: str, metadata: dict) -> None:
    """A model without weights, which llama.cpp opens for its vocabulary alone."""
    writer = GGUFWriter(path, "llama")
    for add in (
        writer.add_context_length,
        writer.add_embedding_length,
        writer.add_block_count,
        writer.add_feed_forward_length,
        writer.add_head_count,
    ):
        add(32)
    writer.add_layer_norm_rms_eps(1e-5)
    for key, value in metadata.items():
        name = f"tokenizer.{key}"
        if isinstance(value, list):
            writer.add_array(name, value)
        elif isinstance(value, str):
            writer.add_string(name, value)
        else:
            writer.add_uint32(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder: str) -> None:
    target = Path(folder, "gguf")
    target.mkdir(exist_ok=True)
    for name in PRE:
        golden = json.loads(Path(folder, f"{name}.json").read_text())
        metadata = metadata_of(name, golden)
        with tempfile.TemporaryDirectory() as scratch:
            path = str(Path(scratch, "vocabulary.gguf"))
            write_gguf(path, metadata)
            model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
        cases = []
        for case in golden["cases"]:
            ids, plain = (
                model.tokenize(case["text"].encode(), add_bos=False, special=special)
                for special in (True, False)
            )
            cases.append(
                json.dumps(
                    {"text": case["text"], "ids": ids, **({} if plain == ids else {"plain": plain})}
                )
            )
            for mine, rust, which in (
                (ids, case["ids"], "ids"),
                (plain, case.get("plain", case["ids"]), "plain"),
            ):
                if mine != rust:
                    print(f"{name} {which} differ from the Rust library's: {case['text']!r}")
        head = json.dumps({"metadata": metadata}, separators=(",", ":"))
        Path(target, f"{name}.json").write_text(
            head[:-1] + ',"cases":[\n' + ",\n".join(cases) + "\n]}\n"
        )


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))
