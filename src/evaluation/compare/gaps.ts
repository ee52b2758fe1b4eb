/**
 * Prompts that only some of the models answered, as in an arena, where two of many answer each: any
 * two are compared on what both answered. Only votes can be read so: whoever judges is not asked of
 * answers that nobody gave, and how hard a model's prompts were may differ from another's.
 */
import { countOf } from "../../core/counts.ts";
import type { AnswerSet, SetAnswer } from "./answer-set.ts";
import type { ModelPair } from "./ask.ts";
import { modelPairs } from "./ask.ts";
import type {
  FoundPrompts,
  MatchedAnswers,
  MatchedPrompt,
  MatchNote,
  PromptAnswers,
  PromptIndex,
} from "./matched.ts";
import { hasReturns, placed, promptOf } from "./matched.ts";

/**
 * Whether more than two models answered prompts that are not the same for all, or battles on one
 * prompt that are not.
 */
export const gapsIn = (indices: readonly PromptIndex[]): boolean =>
  indices.length > 2 &&
  indices.some((index) =>
    [...index].some(([text, answers]) =>
      indices.some((each) => !holdsAll(each.get(text), answers)),
    ),
  );

/** Whether a model answered what another did; samples that are named, each. */
function holdsAll(own: readonly SetAnswer[] | undefined, others: readonly SetAnswer[]): boolean {
  if (own === undefined) return false;
  if (own.length === 1 && others.length === 1) return true;
  const named = new Set(own.map(({ key }) => key));
  return others.every(({ key }) => key === undefined || named.has(key));
}

/** Prompts that two models at least answered. */
export function matchSome(
  sets: readonly AnswerSet[],
  indices: readonly PromptIndex[],
): FoundPrompts {
  const texts = new Set(indices.flatMap((index) => [...index.keys()]));
  const prompts: MatchedPrompt[] = [];
  const alone: SetAnswer[] = [];
  for (const text of texts) {
    const all = rowsOf(indices.map((index) => index.get(text) ?? []));
    const rows = all.filter((row) => row.filter(Boolean).length > 1);
    alone.push(
      ...all
        .filter((row) => !rows.includes(row))
        .flatMap((row) => row.filter((each) => each !== undefined)),
    );
    for (const [sample, row] of rows.entries())
      prompts.push(promptOf(text, row, { sample, samples: rows.length }));
  }
  const notes = [...repeatedNote(indices), ...lineEndNote(indices), ...aloneNote(alone)];
  return { prompts, notes: [...notes, ...gapNotes(sets, prompts)] };
}

/** Samples of one name stand beside each other, the others in their order. */
function rowsOf(lists: readonly (readonly SetAnswer[])[]): PromptAnswers[] {
  if (lists.every(({ length }) => length <= 1)) return [lists.map(([only]) => only)];
  const counts = new Map<string, number>();
  for (const list of lists)
    for (const key of new Set(list.flatMap((each) => each.key ?? [])))
      counts.set(key, (counts.get(key) ?? 0) + 1);
  const shared = [...counts].flatMap(([key, count]) => (count > 1 ? [key] : []));
  const named = lists.map((list) => new Map(list.toReversed().map((each) => [each.key, each])));
  const used = new Set(shared.flatMap((key) => named.flatMap((map) => map.get(key) ?? [])));
  const rest = lists.map((list) => list.filter((each) => !used.has(each)));
  const longest = Math.max(...rest.map(({ length }) => length));
  return [
    ...shared.map((key) => named.map((map) => map.get(key))),
    ...Array.from({ length: longest }, (_, i) => rest.map((list) => list[i])),
  ];
}

/** Prompts that both of two models answered, by number. */
export function bothAnswered(
  { prompts }: Pick<MatchedAnswers, "prompts">,
  { candidate, baseline }: ModelPair,
): number[] {
  return [...prompts.keys()].filter((i) => {
    const { answers } = prompts[i]!;
    return answers[candidate] !== undefined && answers[baseline] !== undefined;
  });
}

/** What is compared, and on which prompts: where prompts differ, all that met. */
export function comparedPairs(
  matched: MatchedAnswers,
  which: "baseline" | "all",
): { pair: ModelPair; prompts: number[] }[] {
  return modelPairs(matched.names.length, matched.gaps ? "all" : which)
    .map((pair) => ({ pair, prompts: bothAnswered(matched, pair) }))
    .filter(({ prompts }) => prompts.length > 0);
}

/** Prompts that a model answered several times. */
function repeatedNote(indices: readonly PromptIndex[]): MatchNote[] {
  const repeated = new Map(
    indices.flatMap((index) => [...index].filter(([, { length }]) => length > 1)),
  );
  const [example] = repeated.values();
  if (!example) return [];
  return [
    {
      kind: "repeated",
      count: repeated.size,
      text:
        `${countOf(repeated.size, "prompt")} ${repeated.size === 1 ? "was" : "were"} answered by ` +
        `a model more than once, such as ${placed(example[1]!)}: taken for samples of one prompt, ` +
        "which count as one cluster",
    },
  ];
}

/** Prompts that are the same but for how their lines end. */
function lineEndNote(indices: readonly PromptIndex[]): MatchNote[] {
  const ends = new Map<string, Map<boolean, SetAnswer>>();
  for (const [text, answers] of indices.flatMap((index) => [...index])) {
    const own = ends.get(text) ?? new Map<boolean, SetAnswer>();
    for (const answer of answers) own.set(hasReturns(answer), answer);
    ends.set(text, own);
  }
  const mixed = [...ends.values()].filter(({ size }) => size > 1);
  if (mixed.length === 0) return [];
  return [
    {
      kind: "line ends",
      count: mixed.length,
      text:
        `${countOf(mixed.length, "prompt")} ${mixed.length === 1 ? "differs" : "differ"} in how ` +
        `lines end (\\r\\n and \\n), such as ${placed(mixed[0]!.get(false)!)}: taken for the same`,
    },
  ];
}

function aloneNote(alone: readonly SetAnswer[]): MatchNote[] {
  const [example] = alone;
  if (!example) return [];
  return [
    {
      kind: "missing",
      count: alone.length,
      text:
        `${countOf(alone.length, "answer")} of one model ${alone.length === 1 ? "stands" : "stand"} ` +
        `beside no other model's, such as the one to ${placed(example)}; left out`,
    },
  ];
}

function gapNotes(sets: readonly AnswerSet[], prompts: readonly MatchedPrompt[]): MatchNote[] {
  const gaps = prompts.filter(({ answers }) => answers.includes(undefined)).length;
  if (gaps === 0) return [];
  const pairs = modelPairs(sets.length, "all");
  const unmet = pairs.filter((pair) => bothAnswered({ prompts }, pair).length === 0);
  const notes: MatchNote[] = [
    {
      kind: "gaps",
      count: gaps,
      text:
        `${countOf(gaps, "prompt")} of ${prompts.length} ` +
        `${gaps === 1 ? "was" : "were"} not answered by all ${countOf(sets.length, "model")}: all ` +
        "pairs of models that met are compared, each on the prompts that both answered",
    },
  ];
  if (unmet.length > 0) {
    const { candidate, baseline } = unmet[0]!;
    notes.push({
      kind: "unmet",
      count: unmet.length,
      text:
        `${countOf(unmet.length, "pair")} of models of ${pairs.length} never met, such as ` +
        `${sets[baseline]!.name} and ${sets[candidate]!.name}: only ratings can compare them, ` +
        "through models that both met",
    });
  }
  return notes;
}
