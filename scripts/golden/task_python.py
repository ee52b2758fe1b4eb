"""What Python itself makes of samples, regular expressions and literals, and Jinja of templates, as
lm_eval uses them.

    python scripts/golden/task_python.py src/evaluation/tasks/golden/python.json

Needs jinja2 3.1.6. Writes lists of [given..., expected]; null where Python refuses.
"""

import ast
import json
import random
import re

from command_line import positional
from jinja2 import BaseLoader, Environment, StrictUndefined

PATTERNS = [
    (r"#### (\-?[0-9\.\,]+)", "it is\n#### 1,234.50 and #### -7"),
    (r"(-?[$0-9.,]{2,})|(-?[0-9]+)", "costs $12.50, or 7, or -3."),
    (r"(?i)the answer is \(?([A-D])\)?", "The Answer is (b). THE ANSWER IS C"),
    (r"^\s*(\w+)", "  Größe und"),
    (r"(?m)^(\w+)$", "one\ntwo words\nthree\n"),
    (r"(\w+)$", "last\n"),
    (r"\A(\d+)\Z", "١٢٣"),
    (r"\d+", "٣ and 45"),
    (r"(?P<a>[a-z])(?P=a)", "book keeper"),
    (r"[^\]\s]+", "a]b c"),
    (r"\bcat\b", "cat concat cat's"),
    (r"{x}|a{2}|b{1,}|c{,2}!", "{x} aa bbb cc!"),
    (r"(?s)a.b", "a\nb"),
    (r"(?<=\$)\d+", "$5 and 6"),
    (r"[\w'-]+", "don't stop-now"),
    (r"(a)(b)?", "ab a"),
    (r"\.$", "end.\n"),
    (r"(?x) a b", "ab"),
    (r"a++b", "aaab"),
    (r"(?>a)b", "ab"),
]
REPLACED = [
    (r",", "", "1,234,5"),
    (r"(?s).*#### ", "", "x\ny #### 7"),
    (r"(\w+) (\w+)", r"\2 \g<1>", "one two"),
    (r"\$", "", "$5"),
    (r"a", "$1", "banana"),
]
LITERALS = [
    "['a', 'b']",
    "['it\\'s', \"two\"]",
    "('a',)",
    "('a')",
    "[1, -2.5, True, None]",
    "{'a': [1], 2: 'b'}",
    "['\\n\\x41\\u00e9']",
    "r'\\n'",
    "'''long'''",
    "[1, 2,]",
    "[1 2]",
    "a",
    "[a]",
    "",
    "['Lomé', '“x”']",
]
DOCUMENT = {
    "question": "What?\n",
    "choices": ["a", "it's"],
    "answer": 1,
    "price": 2.5,
    "nothing": None,
    "nested": {"text": ["x", "y"]},
}
TEMPLATES = [
    "{{question}}\nAnswer:\n",
    "{{choices}}",
    "{{ choices[answer] }}",
    "{% for c in choices %}\n{{ loop.index }}. {{ c }}\n{% endfor %}\nEnd\n",
    "{{question.strip()|upper}} {{price}} {{nothing}} {{nested.text|join('-')}}",
    "{{missing}}",
    "{% if missing %}x{% endif %}",
    "{{nested.missing}}",
    "{{missing is defined}}",
    "{{missing|default('d')}}",
    "{{question|regex_replace('W(.)', '\\\\1')}}",
    "{{ ['no', 'yes'][answer] }}",
    "{%- set x = answer + 1 -%} {{ x }}",
    "{{ 'ABCD'[answer] }}) {{choices|length}}",
    "{{ {'a': 1}['a'] }}",
    "  {% if answer == 1 %}  \n  one\n  {% else %}\n  other\n  {% endif %}\n",
]


def or_none(work):
    try:
        return work()
    except Exception:  # noqa: BLE001 - whatever it is, it is refused
        return None


def samples() -> list:
    found = []
    for seed in (0, 1, 42, 1234, 2**40 + 7):
        for n, k in ((6, 2), (21, 5), (22, 5), (100, 6), (300, 25), (5000, 3)):
            draw = random.Random(seed)
            found.append([seed, n, k, [draw.sample(range(n), k) for _ in range(3)]])
    return found


def environment() -> Environment:
    made = Environment(loader=BaseLoader, undefined=StrictUndefined, keep_trailing_newline=True)
    made.filters["regex_replace"] = lambda text, pattern, repl, count=0: re.sub(
        pattern, repl, text, count=count
    )
    return made


def main(out: str) -> None:
    jinja = environment()
    found = {
        "samples": samples(),
        "patterns": [[p, t, or_none(lambda p=p, t=t: re.findall(p, t))] for p, t in PATTERNS],
        "replaced": [[p, by, t, re.sub(p, by, t)] for p, by, t in REPLACED],
        "literals": [
            [text, or_none(lambda text=text: json.loads(json.dumps(ast.literal_eval(text))))]
            for text in LITERALS
        ],
        "document": DOCUMENT,
        "templates": [
            [text, or_none(lambda text=text: jinja.from_string(text).render(**DOCUMENT))]
            for text in TEMPLATES
        ],
    }
    with open(out, "w", encoding="utf8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*positional(__doc__, "out"))
