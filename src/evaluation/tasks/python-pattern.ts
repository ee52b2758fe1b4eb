/**
 * Regular expressions as Python writes them, for JavaScript. What means something else there is
 * written anew; what JavaScript has not is refused by name.
 * Source: Python's library reference, `re`.
 */
import { AttuneError } from "../../core/errors.ts";
import { withinTime } from "../../text/within-time.ts";

/** Processor time of one pattern on one text, milliseconds. */
const LONGEST = 2000;
/** Of classes in Python's texts, which are Unicode's. */
export const CLASSES: Readonly<Record<string, string>> = {
  d: String.raw`\p{Nd}`,
  w: String.raw`\p{L}\p{N}_`,
  s: String.raw`\t-\r\x1C-\x20\x85\p{Z}`,
};
const NOT_CLASSES: Readonly<Record<string, string>> = {
  D: String.raw`\P{Nd}`,
  W: String.raw`[^\p{L}\p{N}_]`,
  S: String.raw`[^\t-\r\x1C-\x20\x85\p{Z}]`,
};
const WORD = String.raw`[\p{L}\p{N}_]`;
const SYNTAX = new Set(String.raw`^$\.*+?()[]{}|/`);
const SET_SYNTAX = new Set(String.raw`^\]-[`);

const refused = (pattern: string, what: string): AttuneError =>
  new AttuneError("data", `attune does not read this regular expression: it has ${what}`, {
    got: pattern,
    hint: "write it without, or as a filter of another kind",
  });

/**
 * The pattern for JavaScript, with the flags `gu` and those that it names itself.
 * @throws AttuneError `data` for what JavaScript has not
 */
export function patternOf(pattern: string): RegExp {
  const [, flags = "", body = ""] = /^(?:\(\?([aiLmsux]+)\))?([^]*)$/.exec(pattern)!;
  if (/[xL]/.test(flags)) throw refused(pattern, `the flag (?${flags})`);
  const translated = translate(body, { pattern, multiline: flags.includes("m") });
  try {
    return new RegExp(translated, `gu${[...new Set(flags.replaceAll(/[aum]/g, ""))].join("")}`);
  } catch (cause) {
    throw new AttuneError("data", "the regular expression cannot be read", {
      got: pattern,
      cause,
    });
  }
}

function translate(
  body: string,
  { pattern, multiline }: { pattern: string; multiline: boolean },
): string {
  let out = "";
  for (let at = 0; at < body.length;) {
    const rest = body.slice(at);
    if (rest[0] === "\\") {
      const escape = body[at + 1] ?? "";
      out += escaped(escape, pattern);
      at += 2;
    } else if (rest[0] === "[") {
      const { text, length } = classOf(rest, pattern);
      out += text;
      at += length;
    } else if (rest.startsWith("(?")) {
      const { text, length } = groupOf(rest, pattern);
      out += text;
      at += length;
    } else {
      // Python's $ stands before a last line end too
      if (rest[0] === "$")
        out += multiline ? String.raw`(?=\n|(?![^]))` : String.raw`(?=\n?(?![^]))`;
      else if (rest[0] === "^") out += multiline ? String.raw`(?<=\n|(?<![^]))` : "(?<![^])";
      else if (/^(?:[*+?]|\{\d*,?\d*\})\+/.test(rest))
        throw refused(pattern, "a possessive repeat");
      else if (rest[0] === "{" && !/^\{\d*,?\d*\}/.test(rest)) out += String.raw`\{`;
      else if (rest[0] === "{") out += rest[1] === "," ? "{0" : "{";
      else if ((rest[0] === "}" && !/\{\d*,?\d*$/.test(body.slice(0, at))) || rest[0] === "]")
        out += `\\${rest[0]}`;
      else out += rest[0];
      at++;
    }
  }
  return out;
}

function escaped(escape: string, pattern: string): string {
  if (escape === "A") return "(?<![^])";
  if (escape === "Z") return "(?![^])";
  if (escape === "b") return `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
  if (escape === "B") return `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`;
  if (Object.hasOwn(CLASSES, escape)) return `[${CLASSES[escape]!}]`;
  if (Object.hasOwn(NOT_CLASSES, escape)) return NOT_CLASSES[escape]!;
  return character(escape, pattern, SYNTAX);
}

/** One character behind a backslash. */
function character(escape: string, pattern: string, syntax: ReadonlySet<string>): string {
  if (/[ntrfvxu]/.test(escape)) return `\\${escape}`;
  if (escape === "a") return String.raw`\x07`;
  if (/\d/.test(escape)) return escape === "0" ? String.raw`\x00` : `\\${escape}`;
  if (/[A-Za-z]/.test(escape) || escape === "") throw refused(pattern, `\\${escape}`);
  return syntax.has(escape) ? `\\${escape}` : escape;
}

/** A set in brackets. */
function classOf(rest: string, pattern: string): { text: string; length: number } {
  let at = rest[1] === "^" ? 2 : 1;
  let text = rest.slice(0, at);
  const first = at;
  while (at < rest.length && (rest[at] !== "]" || at === first)) {
    if (rest[at] === "\\") {
      const escape = rest[at + 1] ?? "";
      if (Object.hasOwn(CLASSES, escape)) text += CLASSES[escape]!;
      else if (escape === "b") text += String.raw`\x08`;
      else if (escape === "D") text += String.raw`\P{Nd}`;
      else if (Object.hasOwn(NOT_CLASSES, escape)) throw refused(pattern, `\\${escape} in a set`);
      else text += character(escape, pattern, SET_SYNTAX);
      at += 2;
    } else {
      text += rest[at] === "[" || rest[at] === "]" ? `\\${rest[at]}` : rest[at];
      at++;
    }
  }
  if (at >= rest.length) throw refused(pattern, "a set that is not closed");
  return { text: `${text}]`, length: at + 1 };
}

/** What stands behind an opening bracket. */
function groupOf(rest: string, pattern: string): { text: string; length: number } {
  const named = /^\(\?P<(\w+)>/.exec(rest);
  if (named) return { text: `(?<${named[1]}>`, length: named[0].length };
  const again = /^\(\?P=(\w+)\)/.exec(rest);
  if (again) return { text: `\\k<${again[1]}>`, length: again[0].length };
  const comment = /^\(\?#[^)]*\)/.exec(rest);
  if (comment) return { text: "", length: comment[0].length };
  const plain = /^\(\?(?::|=|!|<=|<!)/.exec(rest);
  if (plain) return { text: plain[0], length: plain[0].length };
  throw refused(pattern, `the group ${rest.slice(0, 4)}...`);
}

const within = <T>(pattern: RegExp, work: () => T): T =>
  withinTime(work, {
    milliseconds: LONGEST,
    error: () =>
      new AttuneError("data", "a regular expression takes too long on an answer", {
        got: pattern.source.slice(0, 200),
        hint: "repeats within repeats take exponential time",
      }),
  });

/** As re.findall: the whole match, its one group, or all of its groups. */
export function findAll(pattern: RegExp, text: string): (string | readonly string[])[] {
  return within(pattern, () =>
    [...text.matchAll(pattern)].map((match) => {
      const groups = match.slice(1).map((group) => group ?? "");
      return groups.length === 0 ? match[0] : groups.length === 1 ? groups[0]! : groups;
    }),
  );
}

/** As re.sub, whose replacement may name groups (`\1`, `\g<name>`). */
export function replaceAll(pattern: RegExp, text: string, by: string): string {
  const replacement = by
    .replaceAll("$", "$$$$")
    .replaceAll(/\\(?:(\d)|g<(\d+)>|g<(\w+)>|(n|t|\\))/g, (_, one, number, name, simple) =>
      (one ?? number)
        ? `$${(one ?? number) as string}`
        : name
          ? `$<${name as string}>`
          : ({ n: "\n", t: "\t" }[simple as string] ?? "\\"),
    );
  return within(pattern, () => text.replaceAll(pattern, replacement));
}
