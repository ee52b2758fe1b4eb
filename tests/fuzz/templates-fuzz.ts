/**
 * Hostile chat templates by chance: programs that want time, memory or depth, broken syntax, and
 * published templates with pieces changed.
 */
import type { Arbitrary } from "fast-check";
import { array, constantFrom, letrec, nat, oneof, string, tuple } from "fast-check";

const size = constantFrom(
  "9",
  "99",
  "999",
  "99999",
  "10**6",
  "10**9",
  "10**12",
  "2**63",
  "-1",
  "0",
  "1e308",
  "messages | length",
  "'x'",
  "none",
);
const name = constantFrom(
  "a",
  "b",
  "ns.s",
  "ns.l",
  "ns.d",
  "messages",
  "messages[0].content",
  "tools",
  "loop.index",
  "caller",
  "missing",
  "missing.more",
);

/** Filters that make much of little, and one that there is not. */
const FILTERS = [
  "list",
  "join(',')",
  "tojson",
  "tojson(indent=99999999)",
  "sort",
  "unique | list",
  "reverse",
  "upper",
  "indent(99999999)",
  "indent(9, true)",
  "center(999999999)",
  "replace('a', 'aaaaaaaaaa')",
  "replace('', 'zz')",
  "map('tojson') | list",
  "map('upper') | join",
  "batch(2, 'x') | list",
  "batch(999999999, 'x') | list",
  "slice(999999999) | list",
  "groupby('a')",
  "urlencode",
  "string",
  "length",
  "int",
  "float",
  "round(300)",
  "format(1, 2)",
  "wordcount",
  "truncate(3)",
  "dictsort",
  "sum",
  "items | list",
  "escape",
  "nofilter",
] as const;

/** Methods of the kind, and two that are forbidden. */
const METHODS = [
  "split('')",
  "split()",
  "replace('a', 'b' * 1000)",
  "ljust(10**9)",
  "zfill(10**10)",
  "join(['a'] * 99999)",
  "format('x' * 999)",
  "strip()",
  "items()",
  "keys()",
  "find('a' * 9999)",
  "rsplit(none, 10**9)",
  "append(1)",
  "__class__",
  "copy()",
] as const;

/** Expressions that grow. */
const growing = letrec<{ value: string }>((tie) => ({
  value: oneof(
    { maxDepth: 4, withCrossShrink: true },
    oneof(name, size, constantFrom("'ab' * 50", "[1, 2]", "{'a': 1}", "'\\u00e9'", "ns")),
    tuple(
      tie("value"),
      constantFrom("+", "*", "**", "~", "%", "//", "-", "==", "in", "<"),
      tie("value"),
    ).map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    tuple(tie("value"), constantFrom(...FILTERS)).map(
      ([value, filter]) => `(${value} | ${filter})`,
    ),
    tuple(tie("value"), constantFrom(...METHODS)).map(([value, method]) => `(${value}).${method}`),
    tuple(
      tie("value"),
      constantFrom("[::-1]", "[0:10**12]", "[::2]", "['a']", "[-10**9]", "[ns]"),
    ).map(([value, slice]) => `(${value})${slice}`),
    tie("value").map((value) => `range(${value})`),
    tuple(
      constantFrom("%s", "%999999999d", "%.999999999f", "%099999d", "%(a)s", "%"),
      tie("value"),
    ).map(([format, value]) => `('${format}' % ${value})`),
    tuple(
      constantFrom("{:>999999999}", "{0}{0}{0}", "{:.999999999f}", "{a[0]}", "{"),
      tie("value"),
    ).map(([format, value]) => `'${format}'.format(${value})`),
    tie("value").map((value) => `m(${value})`),
  ),
}));

/** Statements that loop, recurse, nest and keep. */
const program = letrec<{ statement: string }>((tie) => ({
  statement: oneof(
    { maxDepth: 5, withCrossShrink: true },
    growing.value.map((value) => `{{ ${value} }}`),
    tuple(growing.value, tie("statement")).map(
      ([value, body]) => `{% for a in ${value} %}${body}{% endfor %}`,
    ),
    tuple(size, tie("statement"), tie("statement")).map(
      ([count, one, other]) => `{% for a in range(${count}) %}${one}${other}{% endfor %}`,
    ),
    tuple(constantFrom("s", "l", "d", "n"), growing.value).map(
      ([key, value]) => `{% set ns.${key} = ${value} %}`,
    ),
    constantFrom(
      "{% set ns.s = ns.s ~ ns.s %}",
      "{% set ns.l = ns.l + ns.l %}",
      "{% set ns.d = {'a': ns.d, 'b': ns.d} %}",
      "{% set ns.l = [ns.l, ns.l] %}",
      "{{ ns.d | tojson }}{{ ns.l }}",
      "{% set ns.s = (ns.s | tojson) %}",
      "{% set ns.n = ns.n * ns.n %}",
      "{% set ns.s = ns.s.replace('a', ns.s) %}",
    ),
    tuple(growing.value, tie("statement"), tie("statement")).map(
      ([test, yes, no]) => `{% if ${test} %}${yes}{% else %}${no}{% endif %}`,
    ),
    tuple(tie("statement"), growing.value).map(
      ([body, value]) =>
        `{% macro m(x=3) %}${body}{{ m(x) }}{{ m(${value}) }}{% endmacro %}{{ m(1) }}`,
    ),
    tuple(growing.value, tie("statement")).map(
      ([value, body]) => `{% for a in ${value} recursive %}${body}{{ loop([a, a]) }}{% endfor %}`,
    ),
    tie("statement").map((body) => `{% set b %}${body}{{ b }}{% endset %}{{ b }}{{ b }}`),
    tie("statement").map((body) => `{% filter upper | indent(99) %}${body}{% endfilter %}`),
    tie("statement").map((body) => `{% call(x) m() %}${body}{{ caller(x) }}{% endcall %}`),
    tuple(tie("statement"), tie("statement")).map(([one, other]) => one + other),
  ),
}));

const repeated = tuple(
  constantFrom(
    "{",
    "{{",
    "{%",
    "{#",
    "(",
    "[",
    "{{ (",
    "{{ [",
    "{{ {1:",
    "{% if a %}",
    "{% for a in b %}",
    "{{ a.",
    "{{ a|",
    "{{ not ",
    "{{ -",
    "{{ a if ",
    "{{ '",
    "{{ a is ",
    " ",
    "\n",
    "\\",
    "{% raw %}",
    "{{ a ~ ",
    "{{ a + ",
    "{{ f(",
    "{{ 1 < ",
    "{% set a %}",
    "{{ '\\x",
    "9",
    "é",
  ),
  constantFrom(10, 300, 5000, 100_000),
).map(([piece, count]) => piece.repeat(Math.min(count, Math.ceil(300_000 / piece.length))));

/** @param published templates to change */
export function hostileTemplates(published: readonly string[]): Arbitrary<string> {
  const started = program.statement.map(
    (text) =>
      "{% set ns = namespace(s='a', l=[1], d={}, n=3) %}{% macro m(x) %}{{ x }}{% endmacro %}{% " +
      `for i in range(60) %}${text}{% endfor %}{{ ns.s }}{{ ns.l }}{{ ns.d }}`,
  );
  const changed = tuple(
    constantFrom(...published),
    array(
      tuple(
        nat(),
        nat(60),
        oneof(
          growing.value,
          program.statement,
          repeated.map((text) => text.slice(0, 200)),
          string({ unit: "grapheme" }),
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  ).map(([source, changes]) =>
    changes.reduce(
      (text, [at, length, piece]) =>
        text.slice(0, at % (text.length + 1)) +
        piece +
        text.slice((at % (text.length + 1)) + length),
      source,
    ),
  );
  return oneof(
    { weight: 5, arbitrary: started },
    { weight: 3, arbitrary: changed },
    { weight: 1, arbitrary: repeated },
    {
      weight: 1,
      arbitrary: tuple(repeated, started).map(([one, other]) => one.slice(0, 2000) + other),
    },
  );
}
