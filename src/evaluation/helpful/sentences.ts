/**
 * Sentences and words of English texts, as IFEval counts them.
 *
 * Source: Punkt (Kiss and Strunk 2006) and the word tokenizer in nltk 3.10 (punkt.py,
 * destructive.py).
 * Difference: Punkt's English model (abbreviations, and how often each word was seen in capitals)
 * is not shipped; a list of abbreviations and of words that begin sentences stands for it. How
 * often the count is the same is in docs/results.md.
 */

/** As in Punkt's English model, which knows neither "etc." nor "e.g.". */
const ABBREVIATIONS = new Set(
  (
    "a.d a.m adm ariz aug ave bros c calif co col colo conn corp cos ct d.c dec dr feb fla fri ft " +
    "ga gen ill inc jan jr kan ky l.a lt ltd maj messrs mg mich minn mr mrs ms n.c n.d n.h n.j n.m n.y " +
    "nev nov oct okla ore p.m pa ph.d prof r.i rep reps s.c sen sep sept sr st tenn tues u.k u.n u.s " +
    "u.s.a v va vs vt wash wed wis yr"
  ).split(" "),
);
/** Words that rarely follow an abbreviation inside a sentence, and often begin one. */
const STARTERS = new Set(
  (
    "according although among both but despite even he however i if in indeed instead it many " +
    "meanwhile moreover most nevertheless nor separately similarly since so some the there these they " +
    "this though thus under when while yet"
  ).split(" "),
);
const NUMBER_OR_INITIAL = /^(?:-?[\d.,]*\d|\p{L})$/u;

/** Number of sentences of an English text; 0 where it is empty. */
export const countSentences = (text: string): number => sentencesOf(text).length;

/** Sentences of an English text in their order, without space around them. */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  // A run without space that holds an end mark, with what may follow it, and the next run.
  const candidate = /(\S*?)([.?!]+)([)\]}"'”’*_»]*)(\s+|(?=[([{;]))(?=(\S+))/gu;
  for (let found = candidate.exec(text); found !== null; found = candidate.exec(text)) {
    const [, before, marks, , , next] = found;
    candidate.lastIndex = found.index + found[0].length || candidate.lastIndex + 1;
    if (!ends(before!, marks!, next!)) continue;
    const sentence = text.slice(start, candidate.lastIndex).trim();
    if (sentence !== "") sentences.push(sentence);
    start = candidate.lastIndex;
  }
  const rest = text.slice(start).trim();
  if (rest !== "") sentences.push(rest);
  return sentences;
}

function ends(before: string, marks: string, next: string): boolean {
  const word = before.replace(/^\P{L}+(?=\p{L})/u, "").toLowerCase();
  const following = next.replace(/^[^\p{L}\p{N}]+/u, "");
  const lower = /^\p{Ll}/u.test(following);
  if (/[?!]/.test(marks)) return true;
  // An ellipsis ends a sentence where the next word looks like the beginning of one.
  if (marks.length > 1) return !lower && following !== "";
  const last = word.split("-").at(-1)!;
  const starter = !lower && STARTERS.has(following.replace(/[^\p{L}].*$/su, "").toLowerCase());
  if (ABBREVIATIONS.has(word) || ABBREVIATIONS.has(last)) return starter;
  // After a number or an initial the words of a list or a name go on.
  if (NUMBER_OR_INITIAL.test(before)) return !lower && !/^\p{L}$/u.test(before);
  return true;
}

type Rule = readonly [pattern: RegExp, replacement: string];

const BEFORE: readonly Rule[] = [
  [/([«“‘„]|`+)/g, " $1 "],
  [/^"/, "``"],
  [/(``)/g, " $1 "],
  [/([ ([{<])("|'{2})/g, "$1 `` "],
  [/(?<![\p{L}\p{N}_])(')(?!(?:re|ve|ll|m|t|s|d|n)(?![\p{L}\p{N}_]))(?=[\p{L}\p{N}_])/giu, "$1 "],
  [/([^.])(\.)([\]})>"'»”’ ]*)\s*$/, "$1 $2 $3 "],
  [/([:,])([^\d])/g, " $1 $2"],
  [/([:,])$/, " $1 "],
  [/\.{2,}/g, " $& "],
  [/[;@#$%&]/g, " $& "],
  [/[\u2012-\u2015]/g, " $& "],
  [/([^.])(\.)([\]})>"']*)\s*$/, "$1 $2$3 "],
  [/[?!]/g, " $& "],
  [/([^'])' /g, "$1 ' "],
  [/\*/g, " $& "],
  [/[\][(){}<>]/g, " $& "],
  [/--/g, " -- "],
];
const AFTER: readonly Rule[] = [
  [/([»”’])/g, " $1 "],
  [/''/g, " '' "],
  [/"/g, " '' "],
  [/\s+/g, " "],
  [/([^' ])('[sS]|'[mM]|'[dD]|') /g, "$1 $2 "],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /g, "$1 $2 "],
  [/\b(can)(not)\b/gi, " $1 $2 "],
  [/\b(d)('ye)\b/gi, " $1 $2 "],
  [/\b(gim)(me)\b/gi, " $1 $2 "],
  [/\b(gon)(na)\b/gi, " $1 $2 "],
  [/\b(got)(ta)\b/gi, " $1 $2 "],
  [/\b(lem)(me)\b/gi, " $1 $2 "],
  [/\b(more)('n)\b/gi, " $1 $2 "],
  [/\b(wan)(na)(?=\s)/gi, " $1 $2 "],
  [/ ('t)(is)\b/gi, " $1 $2 "],
  [/ ('t)(was)\b/gi, " $1 $2 "],
];

/** Words and marks, sentence by sentence, as nltk's `word_tokenize` parts them. */
export function wordTokens(text: string): string[] {
  return sentencesOf(text).flatMap((sentence) => {
    const opened = apply(BEFORE, sentence);
    return apply(AFTER, ` ${opened} `)
      .split(/\s+/)
      .filter((token) => token !== "");
  });
}

const apply = (rules: readonly Rule[], text: string): string =>
  rules.reduce((changed, [pattern, replacement]) => changed.replace(pattern, replacement), text);
