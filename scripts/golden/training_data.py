"""Eight comparisons and the tokenizer they are read with: what training.py trains on.

    python scripts/golden/training_data.py tests/golden

Writes training/pairs.jsonl and, beside the model with the same vocabulary size,
models/smollm2/tokenizer.json and tokenizer_config.json: byte-pair encoding over the characters that
the texts use, with a chat template.
"""

import json
from pathlib import Path

from command_line import positional
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 97
SPECIALS = ["<pad>", "<start>", "<end>", "<user>", "<assistant>"]
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)

PAIRS = [
    {
        "prompt": "where is the baker ?",
        "chosen": " the baker is at the mill .",
        "rejected": " no one knows .",
        "margin": 1.0,
    },
    {
        "prompt": "who keeps the bees ?",
        "chosen": " ida keeps them .",
        "rejected": " the bees keep the bees and the bees keep ida .",
        "margin": 2.0,
    },
    {
        "prompt": "count the ducks on the pond .",
        "chosen": " there are three ducks .",
        "rejected": " there are ducks .",
        "margin": 0.5,
    },
    {
        "prompt": "how old is the tower ?",
        "chosen": " i do not know .",
        "rejected": " it is a thousand years old , trust me .",
        "margin": 3.0,
    },
    {
        "prompt": "name two trees by the river .",
        "chosen": " an oak and a willow .",
        "rejected": " an oak .",
        "margin": 0.25,
    },
    {
        "prompt": "is the bridge safe ?",
        "chosen": " yes , but walk slowly when it rains .",
        "rejected": " yes .",
        "margin": 1.5,
    },
    {
        "prompt": "tell me a secret about otto .",
        "chosen": " that is not mine to tell .",
        "rejected": " otto hides coins in the well .",
        "margin": 0.75,
    },
    {
        "prompt": "what does the smith make ?",
        "chosen": " nails , hinges and horse shoes .",
        "rejected": " bread .",
        "margin": 1.25,
    },
]


def train_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [pair[column] for pair in PAIRS for column in ("prompt", "chosen", "rejected")]
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIALS]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False),
    )
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def main(target: str) -> None:
    model, training = Path(target) / "models" / "smollm2", Path(target) / "training"
    training.mkdir(exist_ok=True)
    (training / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    train_tokenizer().save(str(model / "tokenizer.json"))
    # No bos_token: TRL's CPO and ORPO trainers would put it before every prompt.
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "<end>",
        "model_max_length": 64,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (model / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main(*positional(__doc__, "FOLDER"))
