/**
 * Whether an answer in words is right: it is, or holds, one of the right answers after both are
 * normalised, or the same number.
 *
 * Source: normalisation of SQuAD's evaluation script (Rajpurkar et al., arXiv 1606.05250): lower
 * case, no punctuation, no articles, single spaces.
 * Differences:
 * 1. an answer that holds the right one among other words is right, as models answer in sentences.
 * 2. Numbers are compared as numbers.
 * 3. One that holds it only after a negation of the same clause ("it is not Paris") is not.
 * 4. Where holding may mislead, the match is called doubtful, and how many are is told.
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

const NEGATES = "(?:not|no|never|isnt|wasnt|arent|werent|doesnt|didnt|cannot|cant|nor|neither)";
const NEGATION = new RegExp(
  `\\b(?:${NEGATES}(?! (?:doubt|question|only|just|sure|certain|surprise|until|other)\\b)|` +
    String.raw`false|incorrect)\s(?:\w+\s){0,3}$`,
);
const DENIED = /^ (?:is|was|are|were) (?:wrong|incorrect|false)\b/;
const DENIED_AS =
  /^ (?:(?:is|was) not|isnt|wasnt) (?:right|correct|true|it|(?:right |correct )?answer)\b/;
const HAS_NEGATION = new RegExp(`\\b${NEGATES}\\b`);

/** Clauses as they are compared: an answer that is denied in one may be given in the next. */
const clausesOf = (text: string): string[] =>
  text
    .split(/(?<=[.!?;,:])\s+|\n+|\s+(?=(?:but|rather|instead|however)\b)/i)
    .map(normalised)
    .filter((clause) => clause !== "");

interface Held {
  /** Where it first stands as a whole. */
  first: number;
  /** Whether it stands anywhere without being denied. */
  asserted: boolean;
}

/** Where an answer holds words as a whole; undefined where it does not. */
function held(words: string, said: string, clauses: readonly string[]): Held | undefined {
  const first = words === "" ? -1 : ` ${said} `.indexOf(` ${words} `);
  if (first < 0) return undefined;
  // an answer that is a denial itself is not denied by its own words
  if (HAS_NEGATION.test(words)) return { first, asserted: true };
  const own = clauses.filter((clause) => ` ${clause} `.includes(` ${words} `));
  return { first, asserted: own.length === 0 || own.some((clause) => asserts(clause, words)) };
}

function asserts(clause: string, words: string): boolean {
  const text = ` ${clause} `;
  for (let at = text.indexOf(` ${words} `); at >= 0; at = text.indexOf(` ${words} `, at + 1)) {
    const rest = text.slice(at + words.length + 1);
    const denied = DENIED.test(rest) || DENIED_AS.test(rest);
    if (!denied && !NEGATION.test(text.slice(0, at + 1))) return true;
  }
  return false;
}

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
  const clauses = clausesOf(answer);
  const holds = (texts: readonly string[]): Held[] =>
    texts.flatMap((words) => held(words, said, clauses) ?? []);
  const rights = holds(norms);
  const wrongs = holds(
    wrong
      .map(normalised)
      // A wrong answer that holds the right one, or is held by it, tells nothing.
      .filter((each) => !norms.some((norm) => within(norm, each) || within(each, norm))),
  );
  const wrongly = wrongs.filter(({ asserted }) => asserted);
  if (rights.length === 0)
    return wrongly.length > 0
      ? { right: false, rule: "wrong answer" }
      : { right: false, rule: "none", ...near(said, norms) };
  if (!rights.some(({ asserted }) => asserted))
    return {
      right: false,
      rule: wrongly.length > 0 ? "wrong answer" : "none",
      doubt: "a negation stands before the right answer",
    };
  const first = Math.min(...rights.map((each) => each.first));
  const before = wrongly.some((each) => each.first < first);
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

const within = (words: string, text: string): boolean => ` ${text} `.includes(` ${words} `);

/** Where what is right is a number: the answer's last one, as a result stands at the end. */
function matchNumber(answer: string, right: readonly string[]): Match | undefined {
  const wanted = right.map(numberOf).filter((number) => number !== undefined);
  const found = numbersOf(answer);
  if (wanted.length === 0 || found.length === 0) return undefined;
  const isRight = (number: number): boolean => wanted.includes(number);
  if (isRight(found.at(-1)!) && deniesNumber(answer))
    return { right: false, rule: "number", doubt: "a negation stands before the right answer" };
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

/** Whether the last number follows a negation in its clause. */
function deniesNumber(answer: string): boolean {
  const last = [...answer.matchAll(NUMBER)].at(-1)!;
  const before = clausesOf(`${answer.slice(0, last.index)}#`).at(-1);
  return !/[.!?;,:]\s+\W*$/.test(answer.slice(0, last.index)) && NEGATION.test(`${before} `);
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
