/**
 * Whether an answer in words is right: it is, or holds, one of the right answers after both are
 * normalised, or the same number.
 *
 * Source: normalisation of SQuAD's evaluation script (Rajpurkar et al., arXiv 1606.05250): lower
 * case, no punctuation, no articles, single spaces.
 * Differences:
 * 1. an answer that holds the right one among other words is right, as models answer in sentences.
 * 2. Numbers are compared as numbers.
 * 3. Where holding may mislead, the match is called doubtful, and how many are is told.
 */

/** What the words of an answer say of its being right. */
export interface Match {
  right: boolean;
  /** How it was decided. */
  rule: "exact" | "number" | "contained" | "wrong answer" | "none";
  /** Why a reader should look at it; undefined where nothing speaks against the rule. */
  doubt?: string;
}

/** SQuAD's normalisation; accents are kept, dashes part words. */
export function normalised(text: string): string {
  return text
    .toLowerCase()
    .replace(/[-–—/]/g, " ")
    .replace(/[^\p{L}\p{M}\p{N}\s.%]/gu, "")
    .replace(/\.(?!\d)|(?<!\d)\./g, "")
    .replace(/\b(?:a|an|the)\b/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

const NUMBER = /-?\d[\d,]*(?:\.\d+)?/g;

/** Numbers that a text holds, without thousands separators. */
export function numbersOf(text: string): number[] {
  return (text.match(NUMBER) ?? []).map((found) => Number(found.replaceAll(",", "")));
}

/** The number that a text is, with a unit or sign before or behind; undefined where it is none. */
function numberOf(text: string): number | undefined {
  const [number, ...others] = numbersOf(text);
  const rest = text.replace(NUMBER, "").replace(/[\s$€£%°.]/g, "");
  return number !== undefined && others.length === 0 && rest === "" ? number : undefined;
}

/** Where words stand in a text as a whole; -1 where they do not. */
function placeOf(words: string, text: string): number {
  return words === "" ? -1 : ` ${text} `.indexOf(` ${words} `);
}

const NEGATION =
  /\b(?:not|no|never|isnt|wasnt|arent|cannot|nor|neither|false|incorrect)\s(?:\w+\s){0,3}$/;
/** Words of an answer beyond which holding the right one says little. */
const LONG = 60;

/**
 * @param right ways to write what is right
 * @param wrong answers that are known to be wrong, where there are some
 */
export function matchAnswer(
  answer: string,
  right: readonly string[],
  wrong: readonly string[] = [],
): Match {
  const said = normalised(answer);
  const norms = right.map(normalised).filter((text) => text !== "");
  if (said === "") return { right: false, rule: "none" };
  if (norms.includes(said)) return { right: true, rule: "exact" };
  const numeric = matchNumber(answer, right);
  if (numeric) return numeric;
  const places = norms.map((words) => placeOf(words, said)).filter((place) => place >= 0);
  const wrongs = wrong
    .map(normalised)
    // A wrong answer that holds the right one, or is held by it, tells nothing.
    .filter((each) => !norms.some((norm) => placeOf(norm, each) >= 0 || placeOf(each, norm) >= 0))
    .map((words) => placeOf(words, said))
    .filter((place) => place >= 0);
  if (places.length === 0)
    return wrongs.length > 0
      ? { right: false, rule: "wrong answer" }
      : { right: false, rule: "none", ...near(said, norms) };
  const first = Math.min(...places);
  const before = Math.min(Infinity, ...wrongs) < first;
  const doubt =
    wrongs.length > 0
      ? "it holds a right and a wrong answer"
      : NEGATION.test(said.slice(0, first))
        ? "a negation stands before the right answer"
        : said.split(" ").length > LONG
          ? "a long answer holds the right one"
          : Math.max(...norms.map((norm) => norm.length)) <= 3
            ? "the right answer is very short"
            : undefined;
  return { right: !before, rule: "contained", ...(doubt === undefined ? {} : { doubt }) };
}

/** Where what is right is a number: the answer's last one, as a result stands at the end. */
function matchNumber(answer: string, right: readonly string[]): Match | undefined {
  const wanted = right.map(numberOf).filter((number) => number !== undefined);
  const found = numbersOf(answer);
  if (wanted.length === 0 || found.length === 0) return undefined;
  const isRight = (number: number): boolean => wanted.includes(number);
  if (found.length === 1) return { right: isRight(found[0]!), rule: "number" };
  const last = isRight(found.at(-1)!);
  return {
    right: last,
    rule: "number",
    ...(last === found.some(isRight)
      ? {}
      : { doubt: "the right number stands before another one" }),
  };
}

/** Half of a right answer's words: a person might let it pass. */
function near(said: string, norms: readonly string[]): { doubt?: string } {
  const words = new Set(said.split(" "));
  const half = norms.some((norm) => {
    const parts = norm.split(" ");
    return parts.length > 1 && parts.filter((word) => words.has(word)).length * 2 >= parts.length;
  });
  return half ? { doubt: "it holds half of the words of a right answer" } : {};
}
