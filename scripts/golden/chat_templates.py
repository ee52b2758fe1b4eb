"""What transformers renders: ids of conversations under the chat templates of published models, and
the text of many small templates.

    python scripts/golden/chat_templates.py src/text/golden

Writes `chat/FAMILY.json` for each template of `FAMILIES`: the tokenizer (one of `tokenizer_ids.py`
with the family's control tokens added), and for each conversation the ids of `apply_chat_template`,
or null where the template refuses it. Templates that may not be copied are taken from the installed
TRL. Writes `chat/jinja.json`: templates with the text that transformers' environment gives, or null
where it raises. The clock of templates stands still. Same versions, same bytes.
"""

import datetime
import importlib.util
import json
import random
from pathlib import Path

from command_line import positional
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

NOW = datetime.datetime(2026, 5, 4, 13, 7, 59)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = Clock

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": 'The weather in a city. "Now" & <here>.',
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City, e.g. Köln"},
                "unit": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "description": "Unit",
                },
                "days": {"type": "integer", "default": 3, "description": "How many"},
            },
            "required": ["city"],
        },
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Finds texts.",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "Words"},
                "filters": {
                    "type": "object",
                    "properties": {"items": {"type": "array", "items": {"type": "string"}}},
                    "description": "Limits",
                },
            },
            "required": ["query", "filters"],
        },
    },
}


def call(name, arguments, identifier):
    return {
        "id": identifier,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def tool(content, identifier, name):
    return {"role": "tool", "content": content, "tool_call_id": identifier, "name": name}


SYSTEM = {"role": "system", "content": "Answer briefly.\n  Be kind. "}
ONE_CALL = [
    user("Weather in Köln?"),
    assistant(
        "", tool_calls=[call("get_weather", {"city": "Köln", "unit": "celsius"}, "abc123DEF")]
    ),
    tool('{"temperature": 21.5, "sky": "clear"}', "abc123DEF", "get_weather"),
]
ODD_ARGUMENTS = {
    "query": "a \"quoted\" <b> & 'it'\nline\ttab \\ slash 🙂 é \u2028",
    "filters": {
        "items": ["x", "y"],
        "n": 3,
        "ratio": 0.1,
        "big": 12345678901234567,
        "tiny": 1.5e-07,
        "no": None,
        "yes": True,
        "empty": {},
        "none": [],
    },
}

#: name, messages, tools, template arguments, generation prompt
CONVERSATIONS = [
    ("plain", [user("Hi")], None, {}, True),
    ("system", [SYSTEM, user("Hi there!")], None, {}, True),
    ("answered", [SYSTEM, user("2+2?"), assistant("4")], None, {}, False),
    (
        "turns",
        [
            user("Hi"),
            assistant("Hello. How are you?"),
            user("  Fine,  thanks \n"),
            assistant("\n\nGood."),
            user("Bye"),
        ],
        None,
        {},
        True,
    ),
    ("turns with system", [SYSTEM, user("a"), assistant("b"), user("c")], None, {}, True),
    (
        "spaces",
        [user(" \n\tx \u00a0"), assistant("\u2028y\u0085 "), user("\ufeffz")],
        None,
        {},
        True,
    ),
    ("tools", [SYSTEM, user("Weather?")], [WEATHER, SEARCH], {}, True),
    ("tools alone", [user("Weather?")], [WEATHER], {}, True),
    ("call", ONE_CALL, [WEATHER], {}, True),
    (
        "call answered",
        [SYSTEM, *ONE_CALL, assistant("21.5 degrees and clear.")],
        [WEATHER, SEARCH],
        {},
        False,
    ),
    (
        "call with words",
        [
            user("Weather?"),
            assistant(
                "Let me look.", tool_calls=[call("get_weather", {"city": "Rom"}, "abc123DEF")]
            ),
        ],
        [WEATHER],
        {},
        False,
    ),
    (
        "two calls",
        [
            user("Find."),
            assistant(
                "",
                tool_calls=[
                    call("search", ODD_ARGUMENTS, "abcdefghi"),
                    call("get_weather", {"city": "Oslo", "days": 2}, "jklmnopqr"),
                ],
            ),
            tool("none found", "abcdefghi", "search"),
            tool("rain", "jklmnopqr", "get_weather"),
        ],
        [SEARCH, WEATHER],
        {},
        True,
    ),
    (
        "odd arguments",
        [user("Find."), assistant("", tool_calls=[call("search", ODD_ARGUMENTS, "abcdefghi")])],
        [SEARCH],
        {},
        False,
    ),
    (
        "no arguments",
        [user("Go."), assistant("", tool_calls=[call("go", {}, "abcdefghi")])],
        [WEATHER],
        {},
        False,
    ),
    (
        "thought",
        [user("Why?"), assistant("Because.", reasoning_content="Let me think.\nYes.")],
        None,
        {},
        False,
    ),
    (
        "thoughts of earlier turns",
        [
            user("Why?"),
            assistant("Because.", reasoning_content="Hm."),
            user("Sure?"),
            assistant("Yes.", reasoning_content="Am I?"),
            user("Really?"),
        ],
        None,
        {},
        True,
    ),
    (
        "thoughts in contents",
        [
            user("Why?"),
            assistant("<think>\nHm.\n</think>\n\nBecause."),
            user("Sure?"),
            assistant("<think>\nAm I?\n</think>\n\nYes."),
        ],
        None,
        {},
        False,
    ),
    (
        "marks in contents",
        [
            user("What is </think>?"),
            assistant("A mark: </think> and <think>."),
            user("And <tool_response>?"),
        ],
        None,
        {},
        True,
    ),
    (
        "thought and call",
        [
            user("Weather?"),
            assistant(
                "",
                reasoning_content="I must look.",
                tool_calls=[call("get_weather", {"city": "Rom"}, "abc123DEF")],
            ),
            tool("sun", "abc123DEF", "get_weather"),
            assistant("Sun.", reasoning_content="Now I know."),
        ],
        [WEATHER],
        {},
        False,
    ),
    (
        "tool response as user",
        [
            user("a"),
            assistant("b"),
            user("<tool_response>\nc\n</tool_response>"),
            assistant("d", reasoning_content="e"),
        ],
        None,
        {},
        False,
    ),
    ("thinking off", [user("Hi")], None, {"enable_thinking": False}, True),
    ("thinking on", [user("Hi")], None, {"enable_thinking": True}, True),
    (
        "thinking off in system",
        [
            {"role": "system", "content": "/no_think Be brief."},
            user("Hi"),
            assistant("Hello"),
            user("x"),
        ],
        None,
        {},
        True,
    ),
    (
        "system override",
        [{"role": "system", "content": "Only this. /system_override"}, user("Hi")],
        None,
        {},
        True,
    ),
    ("date", [user("Hi")], None, {"date_string": "1 Jan 2020"}, True),
    (
        "tools in system",
        [SYSTEM, user("Weather?")],
        [WEATHER],
        {"tools_in_user_message": False},
        True,
    ),
    (
        "builtin tools",
        [
            SYSTEM,
            user("Weather?"),
            assistant("", tool_calls=[call("brave_search", {"query": "weather"}, "abc123DEF")]),
            tool("sun", "abc123DEF", "brave_search"),
        ],
        None,
        {"builtin_tools": ["brave_search", "code_interpreter"]},
        True,
    ),
    (
        "lists of tools",
        [SYSTEM, user("Weather?")],
        None,
        {
            "xml_tools": [WEATHER["function"], SEARCH["function"]],
            "python_tools": ["def f(x):\n    return 'x'"],
        },
        True,
    ),
    ("nobody", [], None, {}, True),
    ("two users", [user("a"), user("b")], None, {}, True),
    ("assistant first", [assistant("a"), user("b")], None, {}, True),
]

QWEN = ["<|im_start|>", "<|im_end|>"]
#: template: tokenizer of tokenizer_ids.py, control tokens to add, named tokens, where the template
#: comes from
FAMILIES = {
    "llama3_1": (
        "llama3",
        ["<|eom_id|>", "<|python_tag|>"],
        {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
        "trl",
    ),
    "gemma3": (
        "llama2",
        ["<start_of_turn>", "<end_of_turn>", "<start_of_image>"],
        {"bos_token": "<s>", "eos_token": "</s>"},
        "trl",
    ),
    "qwen2_5": ("qwen2", [], {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, "here"),
    "qwen3": (
        "qwen2",
        ["<tool_response>", "</tool_response>"],
        {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        "here",
    ),
    "mistral_nemo": (
        "tekken",
        [
            "[AVAILABLE_TOOLS]",
            "[/AVAILABLE_TOOLS]",
            "[TOOL_CALLS]",
            "[TOOL_RESULTS]",
            "[/TOOL_RESULTS]",
        ],
        {"bos_token": "<s>", "eos_token": "</s>"},
        "here",
    ),
    "mistral_small": (
        "tekken",
        [
            "[AVAILABLE_TOOLS]",
            "[/AVAILABLE_TOOLS]",
            "[TOOL_CALLS]",
            "[TOOL_RESULTS]",
            "[/TOOL_RESULTS]",
            "[SYSTEM_PROMPT]",
            "[/SYSTEM_PROMPT]",
        ],
        {"bos_token": "<s>", "eos_token": "</s>"},
        "here",
    ),
    "phi3": (
        "llama2",
        ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
        {"bos_token": "<s>", "eos_token": "</s>"},
        "here",
    ),
    "phi4_mini": (
        "gpt2",
        ["<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|/tool|>", "<|end|>"],
        {"eos_token": "<|endoftext|>"},
        "here",
    ),
    "phi4_mini_llamacpp": (
        "gpt2",
        [
            "<|system|>",
            "<|user|>",
            "<|assistant|>",
            "<|tool|>",
            "<|/tool|>",
            "<|tool_call|>",
            "<|/tool_call|>",
            "<|tool_response|>",
            "<|end|>",
        ],
        {"eos_token": "<|endoftext|>"},
        "here",
    ),
    "smollm2": ("smollm", [], {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}, "here"),
    "smollm3": ("qwen2", [], {"eos_token": "<|im_end|>"}, "here"),
}


def template_source(name, where, out):
    if where == "here":
        return (out / "templates" / f"{name}.jinja").read_text()
    package = Path(importlib.util.find_spec("trl").submodule_search_locations[0])
    return (package / "chat_templates" / f"{name}.jinja").read_text()


def family(name, out):
    base, added, named, where = FAMILIES[name]
    golden = json.loads((out / f"{base}.json").read_text())
    tokenizer = Tokenizer.from_str(json.dumps(golden["tokenizer"]))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in added]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
    fast.chat_template = template_source(name, where, out)
    cases = []
    for title, messages, tools, arguments, prompt in CONVERSATIONS:
        try:
            ids = list(
                fast.apply_chat_template(
                    messages,
                    tools=tools,
                    add_generation_prompt=prompt,
                    tokenize=True,
                    return_dict=False,
                    **arguments,
                )
            )
        except Exception as error:  # a template may raise anything
            print(f"  {name}: {title}: {type(error).__name__}: {str(error)[:80]}")
            ids = None
        cases.append({"name": title, "ids": ids})
    return {"tokenizer": base, "added": added, "config": named, "template": where, "cases": cases}


SNIPPETS = Path(__file__).with_name("jinja_snippets.txt")
VARIABLES = {
    "s": "Hello, World",
    "e": "",
    "u": "äöü 🙂 ß\u00a0x",
    "m": "  a b\n\tc  ",
    "q": 'it\'s "q" <b> & \\',
    "n": 7,
    "z": 0,
    "f": 2.5,
    "big": 12345678901234567890,
    "t": True,
    "no": None,
    "l": [3, 1, 2],
    "w": ["b", "A", "c", "a"],
    "d": {"b": 1, "a": "x", "C": None},
    "nested": [
        {"name": "x", "v": 2, "k": {"z": 1}},
        {"name": "y", "v": 1, "k": {"z": 2}},
        {"name": "x", "v": 3},
    ],
    "messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "<think>\nT\n</think>\n\nA"},
    ],
}


def render(template):
    try:
        return chat_template_utils._cached_compile_jinja_template(template).render(
            **json.loads(json.dumps(VARIABLES))
        )
    except Exception:
        return None


# What the generator puts behind values.
TEXT_METHODS = [
    "strip",
    "lstrip",
    "rstrip",
    "upper",
    "lower",
    "title",
    "capitalize",
]
STRIPS = ["strip", "lstrip", "rstrip"]
STRIPPED = [
    "'a'",
    "'Hd'",
    "'abc '",
    "none",
]
TEXT_FILTERS = [
    "upper",
    "lower",
    "trim",
    "title",
    "capitalize",
    "string",
    "tojson",
    "escape",
    "indent",
    "indent(2, true)",
    "replace('a', 'zz')",
    "replace('b', '', 1)",
    "center(20)",
    "truncate(5, true)",
    "truncate(8)",
    "urlencode",
    "reverse",
    "wordcount | string",
]
ANY_FILTERS = [
    "tojson",
    "string",
    "tojson(indent=2)",
    "tojson(sort_keys=true)",
    "tojson(ensure_ascii=true)",
    "tojson(separators=(',', ':'))",
]
ARITHMETIC = ["+", "-", "*", "/", "//", "%"]
NUMBER_FILTERS = [
    "abs",
    "round",
    "round(1)",
    "round(2, 'floor')",
    "round(0, 'ceil')",
    "int",
    "float",
]
SPLITS = [
    "split()",
    "split(',')",
    "split(' ', 1)",
    "rsplit(',', 1)",
    "splitlines()",
    "split(none, 1)",
    "rsplit()",
    "partition(',')",
    "rpartition('b')",
]
LIST_FILTERS = [
    "sort",
    "list",
    "unique | list",
    "reverse | list",
    "sort(reverse=true)",
    "batch(2) | list",
    "slice(2) | list",
    "map('upper') | list",
    "map('string') | list",
    "select | list",
    "reject('none') | list",
    "select('in', 'abc') | list",
    "select('string') | list",
]
NESTED_FILTERS = [
    "selectattr('name', 'equalto', 'x') | list",
    "rejectattr('k') | list",
    "map(attribute='name') | list",
    "map(attribute='k.z', default=0) | list",
    "groupby('name') | list",
    "sort(attribute='v')",
    "selectattr('k', 'defined') | list",
    "sort(attribute='name,v') | map(attribute='v') | list",
]
DICT_FILTERS = [
    "dictsort",
    "items | list",
    "list",
    "dictsort(by='key')",
]
TESTS = [
    "string",
    "number",
    "mapping",
    "iterable",
    "sequence",
    "none",
    "defined",
    "integer",
    "float",
    "boolean",
    "true",
    "false",
    "sameas none",
    "eq 1",
    "in l",
]
NUMBER_TESTS = [
    "odd",
    "even",
    "divisibleby(3)",
    "divisibleby 2",
]
TEXT_TESTS = [
    "isdigit",
    "isalpha",
    "isspace",
    "isupper",
    "islower",
    "isalnum",
]


class Generator:
    """Expressions by chance, by the kind of their value."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options, depth):
        return self.random.choice(options)(max(0, depth - 1))

    def text(self, depth):
        leaf = [
            lambda _: self.random.choice(
                [
                    "s",
                    "e",
                    "u",
                    "m",
                    "q",
                    "'a,b,,c'",
                    "'x y  z'",
                    "'</think>'",
                    "messages[2].content",
                    "d.a",
                    "'abcabc'",
                ]
            )
        ]
        if depth == 0:
            return leaf[0](0)
        more = [
            lambda k: f"({self.text(k)}).{self.random.choice(TEXT_METHODS)}()",
            lambda k: (
                f"({self.text(k)}).{self.random.choice(STRIPS)}({self.random.choice(STRIPPED)})"
            ),
            lambda k: f"({self.text(k)} + {self.text(k)})",
            lambda k: f"({self.any(k)} ~ {self.any(k)})",
            lambda k: f"({self.text(k)} | {self.random.choice(TEXT_FILTERS)})",
            lambda k: f"({self.any(k)} | {self.random.choice(ANY_FILTERS)})",
            lambda k: f"({self.list(k)} | join({self.text(0)}))",
            lambda k: f"({self.text(k)}){self.slice(k)}",
            lambda k: f"({self.text(k)}).replace({self.text(0)}, {self.text(0)})",
            lambda k: f"('%s-%5s|%-4s' % ({self.any(k)}, {self.any(k)}, {self.number(k)}))",
            lambda k: f"({self.text(k)} * {self.random.randint(-1, 3)})",
            lambda k: f"({self.text(k)} if {self.truth(k)} else {self.text(k)})",
            lambda k: (
                f"('{{}} {{0}} {{x!r}}'.format({self.any(k)}, x={self.any(k)}))"
                if False
                else f"('{{}}/{{:>6}}'.format({self.any(k)}, {self.text(k)}))"
            ),
        ]
        return self.pick(leaf + more, depth)

    def slice(self, depth):
        part = lambda: self.random.choice(["", "", "1", "-1", "2", "-3", "10", "-10", "0"])
        step = self.random.choice(["", ":", ":2", ":-1", ":-2", ":1"])
        return f"[{part()}:{part()}{step}]"

    def number(self, depth):
        leaf = [
            lambda _: self.random.choice(
                [
                    "n",
                    "z",
                    "f",
                    "3",
                    "-2",
                    "0.1",
                    "1e3",
                    "1.5e-7",
                    "100",
                    "t",
                    "big",
                    "l[0]",
                    "1_000",
                ]
            )
        ]
        if depth == 0:
            return leaf[0](0)
        more = [
            lambda k: f"({self.number(k)} {self.random.choice(ARITHMETIC)} {self.number(k)})",
            lambda k: f"({self.number(k)} ** {self.random.choice(['0', '1', '2', '-1'])})",
            lambda k: f"({self.text(k)} | length)",
            lambda k: f"({self.list(k)} | length)",
            lambda k: (
                f"({self.any(k)} | {self.random.choice(['int', 'float', 'int(5)', 'float(1.5)'])})"
            ),
            lambda k: f"({self.number(k)} | {self.random.choice(NUMBER_FILTERS)})",
            lambda k: (
                f"({self.text(k)}).{self.random.choice(['find', 'count', 'rfind'])}({self.text(0)})"
            ),
            lambda k: (
                f"({self.list(k)} | {self.random.choice(['sum', 'min', 'max', 'first', 'last'])})"
            ),
            lambda k: f"-{self.number(k)}",
        ]
        return self.pick(leaf + more, depth)

    def list(self, depth):
        leaf = [
            lambda _: self.random.choice(
                [
                    "l",
                    "w",
                    "[]",
                    "range(4)",
                    "range(5, 0, -2)",
                    "[1, 'a', none]",
                    "nested",
                    "messages",
                    "(1, 2)",
                    "d.keys() | list",
                    "d.items() | list",
                    "['a']",
                ]
            )
        ]
        if depth == 0:
            return leaf[0](0)
        more = [
            lambda k: f"({self.text(k)}).{self.random.choice(SPLITS)}",
            lambda k: f"({self.list(k)} | {self.random.choice(LIST_FILTERS)})",
            lambda k: f"(nested | {self.random.choice(NESTED_FILTERS)})",
            lambda k: f"({self.list(k)}){self.slice(k)}",
            lambda k: f"({self.list(k)} + {self.list(k)})",
            lambda k: f"[{self.any(k)}, {self.any(k)}]",
            lambda k: f"(d | {self.random.choice(DICT_FILTERS)})",
        ]
        return self.pick(leaf + more, depth)

    def truth(self, depth):
        leaf = [
            lambda _: self.random.choice(
                ["true", "false", "t", "z", "e", "no", "missing", "l", "s"]
            )
        ]
        if depth == 0:
            return leaf[0](0)
        more = [
            lambda k: f"({self.any(k)} {self.random.choice(['==', '!='])} {self.any(k)})",
            lambda k: (
                f"({self.number(k)} {self.random.choice(['<', '<=', '>', '>='])} {self.number(k)})"
            ),
            lambda k: f"({self.text(k)} < {self.text(k)})",
            lambda k: f"({self.text(k)} {self.random.choice(['in', 'not in'])} {self.text(k)})",
            lambda k: f"({self.any(k)} in {self.list(k)})",
            lambda k: f"({self.text(0)} in d)",
            lambda k: f"not {self.truth(k)}",
            lambda k: f"({self.truth(k)} {self.random.choice(['and', 'or'])} {self.truth(k)})",
            lambda k: (
                f"({self.any(k)} is {self.random.choice(['', 'not '])}{self.random.choice(TESTS)})"
            ),
            lambda k: f"({self.number(k)} is {self.random.choice(NUMBER_TESTS)})",
            lambda k: (
                f"({self.text(k)}).{self.random.choice(['startswith', 'endswith'])}({self.text(0)})"
            ),
            lambda k: f"({self.text(k)}).{self.random.choice(TEXT_TESTS)}()",
            lambda k: f"({self.number(k)} < {self.number(k)} < {self.number(k)})",
        ]
        return self.pick(leaf + more, depth)

    def any(self, depth):
        return self.random.choice(
            [
                self.text,
                self.text,
                self.number,
                self.list,
                self.truth,
                lambda _: self.random.choice(
                    ["no", "d", "missing", "{'k': [1, 2.0], 1: none}", "messages[-1]"]
                ),
            ]
        )(depth)

    def statement(self, depth):
        choice = self.random.randrange(7)
        white = lambda: self.random.choice(["", "", "-"])
        tag = lambda text: f"{{%{white()} {text} {white()}%}}"
        out = lambda text: f"{{{{{white()} {text} {white()}}}}}"
        space = lambda: self.random.choice(["", " ", "\n", "\n  ", "x\n"])
        if depth == 0 or choice == 0:
            return space() + out(self.any(2)) + space()
        inner = lambda: space() + self.statement(depth - 1) + space()
        if choice == 1:
            return (
                tag(f"if {self.truth(2)}")
                + inner()
                + tag(f"elif {self.truth(1)}")
                + inner()
                + tag("else")
                + inner()
                + tag("endif")
            )
        if choice == 2:
            return (
                tag(f"for x in {self.list(2)}")
                + inner()
                + out("loop.index ~ loop.last ~ x")
                + (
                    tag("if loop.index > 2")
                    + tag(self.random.choice(["break", "continue"]))
                    + tag("endif")
                    if self.random.random() < 0.4
                    else ""
                )
                + inner()
                + tag("else")
                + "none"
                + tag("endfor")
            )
        if choice == 3:
            return tag(f"set y = {self.any(2)}") + inner() + out("y")
        if choice == 4:
            return (
                tag("macro f(a, b=3)")
                + inner()
                + out("a ~ b")
                + tag("endmacro")
                + out(f"f({self.any(1)})")
                + out("f(1, b=2)")
            )
        if choice == 5:
            return (
                tag("set ns = namespace(v='')")
                + tag(f"for i in {self.list(1)}")
                + tag("set ns.v = ns.v ~ i")
                + inner()
                + tag("endfor")
                + out("ns.v")
            )
        return (
            tag("set held")
            + inner()
            + tag("endset")
            + out("held | length")
            + f"{{#{white()} note {white()}#}}"
            + inner()
        )


def snippets():
    cases = [
        line.encode().decode("unicode_escape") if line.startswith("\\") else line
        for line in SNIPPETS.read_text().split("\n----\n")
    ]
    generator = Generator(7)
    cases += [f"{{{{ {generator.any(3)} }}}}" for _ in range(700)]
    cases += [generator.statement(3) for _ in range(300)]
    return [[case, render(case)] for case in dict.fromkeys(cases)]


def main(out):
    chat = out / "chat"
    chat.mkdir(exist_ok=True)
    for name in FAMILIES:
        (chat / f"{name}.json").write_text(
            json.dumps(family(name, out), ensure_ascii=False, separators=(",", ":")) + "\n"
        )
    conversations = [
        {
            "name": name,
            "messages": messages,
            "tools": tools,
            "arguments": arguments,
            "generationPrompt": prompt,
        }
        for name, messages, tools, arguments, prompt in CONVERSATIONS
    ]
    (chat / "conversations.json").write_text(
        json.dumps(conversations, ensure_ascii=False, separators=(",", ":")) + "\n"
    )
    rendered = snippets()
    print(
        f"jinja: {len(rendered)} templates, {sum(text is None for _, text in rendered)} of them raise"
    )
    (chat / "jinja.json").write_text(
        json.dumps(
            {"time": NOW.isoformat(), "variables": VARIABLES, "cases": rendered},
            ensure_ascii=True,
            separators=(",", ":"),
        )
        + "\n"
    )


if __name__ == "__main__":
    main(*map(Path, positional(__doc__, "FOLDER")))
