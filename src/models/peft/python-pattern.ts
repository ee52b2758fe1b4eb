/**
 * Regular expressions of Python's `re` over module names, which adapters come with. They are
 * rewritten for JavaScript where the two differ; what has no counterpart is refused. Names are
 * plain ASCII without line ends, so `\d`, `\w`, `.` and `$` mean the same in both. A pattern from a
 * file is not trusted: all matching is done in one call with a deadline.
 */
import { createContext, Script } from "node:vm";
import { AttuneError, preview } from "../../core/errors.ts";

/** Far above what tens of thousands of names take. */
const DEADLINE_MILLISECONDS = 1000;

/** What is asked about each name. */
export interface PatternQuestion {
  /**
   * `full`: re.fullmatch(pattern, name). `part`: re.match of `(^|.*\.)pattern($|\..*)`. `last`:
   * re.match of `(.*\.)?(pattern)$`.
   */
  readonly kind: "full" | "part" | "last";
  readonly patterns: readonly string[];
}

const WRAPPED: Readonly<Record<PatternQuestion["kind"], (pattern: string) => string>> = {
  full: (pattern) => `^(?:${pattern})$`,
  part: (pattern) => `^(^|.*\\.)${pattern}($|\\..*)`,
  last: (pattern) => `^(.*\\.)?(${pattern})$`,
};

/**
 * For each question the place of the first of its patterns that each name matches, or -1.
 * @throws AttuneError `model` for a pattern that cannot be read or takes too long
 */
export function firstMatches(
  questions: readonly PatternQuestion[],
  names: readonly string[],
  file: string,
): number[][] {
  const compiled = questions.map(({ kind, patterns }) =>
    patterns.map((pattern) => compile(pattern, WRAPPED[kind], file)),
  );
  const answer = (): number[][] =>
    compiled.map((expressions) =>
      names.map((name) => expressions.findIndex((expression) => expression.test(name))),
    );
  try {
    // Only the virtual machine can interrupt a match.
    return new Script("answer()").runInContext(createContext({ answer }), {
      timeout: DEADLINE_MILLISECONDS,
    }) as number[][];
  } catch (error) {
    const longest = questions
      .flatMap(({ patterns }) => patterns)
      .reduce((a, b) => (b.length > a.length ? b : a), "");
    // too large once it is compiled, which happens at its first use
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT")
      throw unreadable(longest, file, error);
    throw new AttuneError("model", "a pattern of the adapter takes too long to match", {
      file,
      got: preview(longest),
      expected: `all module names within ${DEADLINE_MILLISECONDS} ms`,
      hint: "list the module names in place of the pattern",
    });
  }
}

function compile(pattern: string, wrap: (pattern: string) => string, file: string): RegExp {
  try {
    const { source, flags } = toJavaScript(pattern);
    // Alone first: a stray bracket must not close what stands around it.
    const alone = new RegExp(source, flags);
    return new RegExp(wrap(alone.source), flags);
  } catch (cause) {
    throw unreadable(pattern, file, cause);
  }
}

function unreadable(pattern: string, file: string, cause: unknown): AttuneError {
  return new AttuneError("model", "a pattern of the adapter cannot be read", {
    file,
    got: preview(pattern),
    expected: "a regular expression of Python's re that JavaScript has too",
    hint: "list the module names in place of the pattern",
    cause,
  });
}

/**
 * Named groups, anchors, flags and counts in JavaScript's spelling.
 * @throws Error where there is none
 */
export function toJavaScript(pattern: string): { source: string; flags: string } {
  const [, leading = ""] = /^\(\?([aimsu]+)\)/.exec(pattern) ?? [];
  const rest = leading ? pattern.slice(leading.length + 3) : pattern;
  let source = "";
  for (let at = 0; at < rest.length;) {
    const [taken, written] = nextPiece(rest, at);
    source += written;
    at += taken;
  }
  return { source, flags: leading.includes("i") ? "i" : "" };
}

/** Characters that were read, and what stands for them. */
function nextPiece(pattern: string, at: number): [taken: number, written: string] {
  const two = pattern.slice(at, at + 2);
  if (two === "\\A") return [2, "^"];
  if (two === "\\Z") return [2, "$"];
  if (two[0] === "\\") return [2, two];
  if (two[0] === "[") return characterClass(pattern, at);
  const rest = pattern.slice(at, at + 200);
  const named = /^\(\?P<(\w+)>/.exec(rest);
  if (named) return [named[0].length, `(?<${named[1]!}>`];
  const back = /^\(\?P=(\w+)\)/.exec(rest);
  if (back) return [back[0].length, `\\k<${back[1]!}>`];
  // These flags change nothing on names.
  const scoped = /^\(\?[amsu]+:/.exec(rest);
  if (scoped) return [scoped[0].length, "(?:"];
  const open = /^\{,(\d+)\}/.exec(rest);
  if (open) return [open[0].length, `{0,${open[1]!}}`];
  return [1, two[0]!];
}

/** In Python a bracket that comes first in a class stands for itself. */
function characterClass(pattern: string, start: number): [taken: number, written: string] {
  let at = start + 1;
  let written = "[";
  if (pattern[at] === "^") [written, at] = ["[^", at + 1];
  if (pattern[at] === "]") [written, at] = [`${written}\\]`, at + 1];
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    written += pattern[at]!;
    if (pattern[at] === "\\") written += pattern[++at] ?? "";
  }
  return [at + 1 - start, `${written}]`];
}
