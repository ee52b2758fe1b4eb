"""Small tokenizers of each kind that attune reads, trained by the Rust library, with the ids it
gives for many texts.

    python scripts/golden/tokenizer_ids.py src/text/golden

Writes NAME.json: `tokenizer` (tokenizer.json) and `config` (tokenizer_config.json), whose settings
are those of the models named in `kinds`; and for each text `ids` (control tokens recognised),
`plain` (encode_special_tokens: control tokens are characters), `text` of the decoded ids where it
is not the text itself, and `later` (ids of the same tokenizer without the space that it puts before
a text) where that differs from `plain`. Same versions, same bytes.
"""

import json
from pathlib import Path

from command_line import positional
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = """The lighthouse keeper climbed the stairs and saw the ship. It's late, and they'll say that he'd gone; we've 12 boats in 2024.
Once upon a time, in a village by a cold lake, there lived a baker who had 365 loaves and 1,234,567.89 crumbs.
def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n\nfor (let i = 0; i < items.length; i++) { total += items[i].price * 1.19; }
{"name": "Otto", "age": 41, "city": "Köln", "tags": ["a", "b"]}\n<div class="row"><p>Hello, World!</p></div>\n\tif (x == y) {\n\t\treturn x;\n\t}
Zwischen den Bergen lag ein kleines Dorf, das größer wurde. Où est la bibliothèque? El niño comió piñas. Život je lep. Πού είναι το βιβλίο;
Привет, мир! Это простой текст. 你好，世界！今天天气很好，我们去公园散步吧。 こんにちは、世界。東京は大きいです。 안녕하세요 세계 مرحبا بالعالم नमस्ते दुनिया
The user asks; the assistant answers. The answer is yes. The answer is no. Nobody answered the question that the user had asked.
Thank you for your letter of 3 May 1998. We are sorry to hear about it. 🙂 👍🏽 😀😀 What's for dinner? No one knows!!! ... -- // ==""".split(
    "\n"
)

TEXTS = [
    "Hello, World! It's late, we've 12 boats; they'LL say he'd gone.",
    "  two  spaces   three\tand\ttabs \n\n\nlines\r\n  \n end  ",
    "def f(x):\n    return {'a': [1, 22, 333, 4444, 55555], \"b\": x**2}  # camelCase HTMLParser2 IOError",
    "for (let i = 0; i < 10; i++) {\n\t\ttotal += items[i].price * 1.19;\n\t}\n",
    '{"name": "Otto", "age": 41}\n<div class="row">a &amp; b</div>',
    "http://example.org/path?query=1&b=two#three user@example.com 3.14e-10 0x1F 100000 1234567",
    "½ ² Ⅻ ٣٤٥ ९८७ １２３ ④ 〇 ௧௨",
    "x½y 5² Ⅷth 7٣8",
    "a\u0085b\u0085\u0085 c \u0085d",
    "\ufeffstart a\ufeffb \ufeff c\ufeff",
    "\u00a0no\u00a0break\u2003em\u200bzero\u200dwidth\u3000wide\u2028line\u2029paragraph\u1680ogham\u180emvs\u202fnarrow",
    "\u001c\u001d\u001e\u001f\u000b\u000c\u0000control\u007f",
    "🙂👍🏽 😀😀 👩\u200d👩\u200d👧 🇩🇪 ❤\ufe0f",
    "你好，世界！今天天气很好。東京は大きい。ｶﾀｶﾅ 안녕하세요 세계",
    "Привет, мир! Πού είναι; مرحبا بالعالم नमस्ते दुनिया ไทย",
    "Ünïcödé ÆØÅ naïve café, e\u0301 o\u0308 \u212b \u1e9b\u0323 ﬁ ǅ ǆ İi ſ K",
    "‘quoted’ “double” ’s ’t it’s 'S 'T 'RE 'Ve 'm 'LL 'd 'ſ",
    "… — – · • ! !! !!! ??? .... //// ____ ---- ==== ~~ ^^ `` $$$ ++ <= >= != -> =>",
    "aaaaaaaaaaaaaaaa bbbb thethethe answeranswer",
    "The user wrote <|im_end|> and </s> and <s>, then <|endoftext|><|eot_id|> again.",
    "<|im_start|>user\nIgnore this.<|im_end|>\n<|im_start|>assistant\nNo.<|im_end|>",
    "<s>[INST] Hi there [/INST] Hello</s><s>[INST] more",
    "<think>\nmaybe\n</think>\n\nyes <tool_call> {} </tool_call>",
    "<unk> <pad> [UNK] <0x0A> <0xF0> \u2581under \u2581\u2581two Ġword Ċ",
    "a<mask>b <mask> c  <mask>  d <tail>  e  <tail> f Foo foo FOO words word sword word.",
    " leading",
    "trailing ",
    " ",
    "  ",
    "\n",
    "",
    "a",
    "é",
    "\U0001f9ff",
    "\U000f0000\ue000\uf8ff private",
]


def byte_level(tokenizer: Tokenizer, special: list[str], *, size: int = 1000) -> None:
    """Merges are learned over whole lines, so that a split in the wrong place shows as other ids,
    and so does one too few.
    """
    splitter = tokenizer.pre_tokenizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        max_token_length=6,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*CORPUS, *TEXTS], trainer)
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()


def split(expression: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def gpt2() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level(tokenizer, ["<|endoftext|>"])
    return tokenizer, {
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }


def smollm() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    byte_level(tokenizer, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<reponame>"])
    return tokenizer, {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "add_bos_token": False,
    }


def llama3() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = split(WORDS % r"\p{N}{1,3}")
    byte_level(
        tokenizer,
        [
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|eot_id|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
        ],
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A",
        pair="<|begin_of_text|> $A $B:1",
        special_tokens=[("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))],
    )
    return tokenizer, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}


def qwen2() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = split(WORDS % r"\p{N}")
    byte_level(tokenizer, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    # As in Qwen3: words of the vocabulary that are split off, but no control tokens.
    tokenizer.add_tokens(
        [
            AddedToken(token, normalized=False)
            for token in ("<think>", "</think>", "<tool_call>", "</tool_call>")
        ]
    )
    return tokenizer, {
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "add_bos_token": False,
    }


def tekken() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = split(TEKKEN)
    byte_level(tokenizer, ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])
    return tokenizer, {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "add_bos_token": True,
    }


def sentence_piece(*, prepend: bool) -> tuple[Tokenizer, dict]:
    """As transformers converts Llama 2's (prepend) and, with legacy=False, Mistral's
    tokenizer.model.
    """
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    trained.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=420, limit_alphabet=110, show_progress=False)
    )
    made = json.loads(trained.to_str())["model"]
    learned = ["".join(pair) for pair in made["merges"]]
    letters = sorted(token for token in made["vocab"] if token not in learned)
    # Runs of spaces are pieces of Llama's, although words are split at them in training.
    merges = [["▁", "▁"], ["▁▁", "▁▁"], *made["merges"]]
    pieces = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁▁",
        "▁▁▁▁",
        *learned,
        *letters,
    ]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {piece: index for index, piece in enumerate(pieces)},
        "merges": merges,
    }
    tokenizer = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [],
                "normalizer": None,
                "pre_tokenizer": None,
                "post_processor": None,
                "decoder": None,
                "model": model,
            }
        )
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in pieces[:3]])
    if prepend:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            replacement="▁", prepend_scheme="first", split=False
        )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return tokenizer, {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "add_bos_token": True,
    }


def metaspace() -> tuple[Tokenizer, dict]:
    """BPE with an unknown token behind a Metaspace that splits, all settings at their defaults."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=300,
            limit_alphabet=80,
            special_tokens=["<unk>", "<s>", "</s>"],
            show_progress=False,
        ),
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def tutorial(splitter: pre_tokenizers.PreTokenizer) -> tuple[Tokenizer, dict]:
    """BPE as the library's quick tour builds it."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = splitter
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=300,
            limit_alphabet=80,
            special_tokens=["[UNK]", "<pad>", "</s>"],
            show_progress=False,
        ),
    )
    return tokenizer, {"unk_token": "[UNK]", "pad_token": "<pad>", "eos_token": "</s>"}


def added() -> tuple[Tokenizer, dict]:
    """Every option of an added token: normalised, white space taken along, whole words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level(tokenizer, ["<|endoftext|>"])
    tokenizer.add_special_tokens(
        [
            AddedToken("<mask>", lstrip=True, normalized=False),
            AddedToken("<tail>", rstrip=True, normalized=False),
        ]
    )
    tokenizer.add_tokens(
        [AddedToken("foo", normalized=True), AddedToken("word", single_word=True, normalized=False)]
    )
    return tokenizer, {"eos_token": "<|endoftext|>"}


def later(tokenizer: Tokenizer) -> Tokenizer:
    """The same without what it puts before a text."""
    spec = json.loads(tokenizer.to_str())
    if spec["normalizer"] and spec["normalizer"]["type"] == "Sequence":
        spec["normalizer"]["normalizers"] = [
            part for part in spec["normalizer"]["normalizers"] if part["type"] != "Prepend"
        ]
    if spec["pre_tokenizer"] and spec["pre_tokenizer"]["type"] == "Metaspace":
        spec["pre_tokenizer"]["prepend_scheme"] = "never"
    return Tokenizer.from_str(json.dumps(spec))


def ids_of(tokenizer: Tokenizer, text: str, *, plain: bool) -> list[int]:
    tokenizer.encode_special_tokens = plain
    return tokenizer.encode(text, add_special_tokens=False).ids


def case(tokenizer: Tokenizer, prefixless: Tokenizer, text: str) -> dict:
    ids, plain, without = (
        ids_of(tokenizer, text, plain=False),
        ids_of(tokenizer, text, plain=True),
        ids_of(prefixless, text, plain=True),
    )
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    return {
        "text": text,
        "ids": ids,
        **({} if plain == ids else {"plain": plain}),
        **({} if without == plain else {"later": without}),
        **({} if decoded == text else {"decoded": decoded}),
    }


def main(folder: str) -> None:
    kinds = {
        "gpt2": gpt2,
        "smollm": smollm,
        "llama3": llama3,
        "qwen2": qwen2,
        "tekken": tekken,
        "llama2": lambda: sentence_piece(prepend=True),
        "mistral": lambda: sentence_piece(prepend=False),
        "metaspace": metaspace,
        "words": lambda: tutorial(pre_tokenizers.Whitespace()),
        "spaces": lambda: tutorial(pre_tokenizers.WhitespaceSplit()),
        "added": added,
    }
    for name, make in kinds.items():
        tokenizer, config = make()
        prefixless = later(tokenizer)
        cases = [json.dumps(case(tokenizer, prefixless, text), ensure_ascii=True) for text in TEXTS]
        head = json.dumps(
            {"tokenizer": json.loads(tokenizer.to_str()), "config": config},
            ensure_ascii=True,
            separators=(",", ":"),
        )
        Path(folder, f"{name}.json").write_text(
            head[:-1] + ',"cases":[\n' + ",\n".join(cases) + "\n]}\n"
        )
        print(name, tokenizer.get_vocab_size())


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))
