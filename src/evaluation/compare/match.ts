/**
 * Which prompts several models answered all, told by the prompt itself and not by its name: rows of
 * one name whose prompts differ are not compared. A prompt that a set holds several times is
 * several samples of one cluster. Everything that is left out is counted.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Prompt } from "../../text/messages.ts";
import type { AnswerSet, SetAnswer } from "./answer-set.ts";
import type { Groups } from "./groups.ts";
import { readGroups } from "./groups.ts";
import { gapsIn, matchSome } from "./gaps.ts";
import type {
  FoundPrompts,
  MatchedAnswers,
  MatchedPrompt,
  MatchNote,
  PromptIndex,
} from "./matched.ts";
import { hasReturns, placed, promptOf, shortPrompt } from "./matched.ts";

/**
 * Prompts that are in all sets, in the order of the first.
 * @param options group: the column that names a prompt's category; gaps: takes prompts that two of
 * more models answered as well
 * @throws AttuneError `data` where there is nothing to compare
 */
export function matchAnswers(
  sets: readonly AnswerSet[],
  { group, gaps = false }: { group?: string | undefined; gaps?: boolean } = {},
): MatchedAnswers {
  checkSets(sets);
  const indices = sets.map(({ answers }) => byPrompt(answers));
  const own = sets.flatMap((set) => emptyNote(set));
  const found = gaps && gapsIn(indices) ? matchSome(sets, indices) : matchAll(sets, indices);
  const { prompts } = found;
  const notes: MatchNote[] = [...own, ...found.notes];
  if (prompts.length === 0) throw nothingInCommon(sets, notes);
  const groups = readGroups(prompts, group);
  const without = groups?.values.filter((value) => value === undefined).length ?? 0;
  if (groups && without > 0) notes.push(groupNote(prompts, groups, without));
  return {
    names: sets.map(({ name }) => name),
    prompts: uniqueKeys(prompts).map((each, i) => {
      const value = groups?.values[i];
      return value === undefined ? each : { ...each, group: value };
    }),
    notes,
    ...(prompts.some(({ answers }) => answers.includes(undefined)) ? { gaps: true as const } : {}),
    ...(groups ? { groupColumn: groups.column } : {}),
  };
}

function groupNote(
  prompts: readonly MatchedPrompt[],
  { column, values }: Groups,
  without: number,
): MatchNote {
  const example = prompts[values.indexOf(undefined)]!;
  return {
    kind: "groups",
    count: without,
    text:
      `${countOf(without, "prompt")} ${without === 1 ? "has" : "have"} no ${column}, ` +
      `such as ${shortPrompt(example.prompt)}`,
  };
}

/** Prompts that all models answered. */
function matchAll(sets: readonly AnswerSet[], indices: readonly PromptIndex[]): FoundPrompts {
  const [first, ...others] = indices as [PromptIndex, ...PromptIndex[]];
  const notes: MatchNote[] = [
    ...sets.flatMap((set, i) => repeatedNote(set, indices[i]!)),
    ...unequalNotes(sets, indices),
    ...lineEndNotes(sets, indices),
  ];
  const prompts: MatchedPrompt[] = [];
  const unpaired: { prompt: Prompt; counts: number[] }[] = [];
  for (const [text, own] of first) {
    if (!others.every((index) => index.has(text))) continue;
    const lists = alignSamples(indices.map((index) => index.get(text)!));
    const samples = Math.min(...lists.map(({ length }) => length));
    if (lists.some(({ length }) => length > samples))
      unpaired.push({ prompt: own[0]!.prompt, counts: lists.map(({ length }) => length) });
    for (let sample = 0; sample < samples; sample++)
      prompts.push(
        promptOf(
          text,
          lists.map((list) => list[sample]),
          { sample, samples },
        ),
      );
  }
  notes.push(...missingNotes(sets, indices), ...unpairedNote(unpaired));
  return { prompts, notes };
}

function checkSets(sets: readonly AnswerSet[]): void {
  if (sets.length < 2)
    throw new AttuneError("usage", "a comparison needs two models", {
      got: countOf(sets.length, "model"),
    });
  const names = sets.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new AttuneError("usage", `two models of a comparison are named ${twice}`, {
      hint: "give each a name of its own",
    });
  const empty = sets.find(({ answers }) => answers.length === 0);
  if (empty)
    throw new AttuneError("data", `${empty.name} has no answers`, {
      got: `0 from ${empty.source}`,
    });
}

const plainText = (text: string): string => text.trim().replaceAll(/\r\n?/g, "\n");

/** Rows whose prompt did not stand before. */
export function firstOfEachPrompt<T extends { prompt: Prompt }>(rows: readonly T[]): T[] {
  const seen = new Set<string>();
  return rows.filter(({ prompt }) => {
    const identity = promptIdentity(prompt);
    return !seen.has(identity) && seen.add(identity);
  });
}

/**
 * What makes two prompts the same: their text, and the roles of other turns than one of the user's
 * alone. Space around a turn does not count, nor how lines end.
 */
export function promptIdentity(prompt: Prompt): string {
  if (typeof prompt === "string") return plainText(prompt);
  const turns = prompt.map(({ role, content }) => [role, plainText(content)] as const);
  return turns.length === 1 && turns[0]![0] === "user" ? turns[0]![1] : JSON.stringify(turns);
}

function byPrompt(answers: readonly SetAnswer[]): PromptIndex {
  const index = new Map<string, SetAnswer[]>();
  for (const answer of answers) {
    const text = promptIdentity(answer.prompt);
    const list = index.get(text);
    if (list) list.push(answer);
    else index.set(text, [answer]);
  }
  return index;
}

/** Samples of one prompt with the same names stand beside each other. */
function alignSamples(lists: readonly (readonly SetAnswer[])[]): (readonly SetAnswer[])[] {
  const named = lists.map(
    (list) => new Map(list.flatMap((each) => (each.key === undefined ? [] : [[each.key, each]]))),
  );
  const [first] = lists as [readonly SetAnswer[]];
  const distinct = named.every((map, i) => map.size === lists[i]!.length);
  const common = first.flatMap(({ key }) =>
    key !== undefined && named.every((map) => map.has(key)) ? [key] : [],
  );
  if (!distinct || common.length === 0) return [...lists];
  const paired = new Set<string | undefined>(common);
  return lists.map((list, i) => [
    ...common.map((key) => named[i]!.get(key)!),
    ...list.filter(({ key }) => !paired.has(key)),
  ]);
}

/** Rows that share a name, such as that of a category, get numbers. */
function uniqueKeys(prompts: readonly MatchedPrompt[]): MatchedPrompt[] {
  const seen = new Map<string, number>();
  return prompts.map((each) => {
    const before = seen.get(each.key) ?? 0;
    seen.set(each.key, before + 1);
    return before === 0 ? each : { ...each, key: `${each.key} (${before + 1})` };
  });
}

function emptyNote({ name, answers }: AnswerSet): MatchNote[] {
  const empty = answers.filter(({ text }) => text.trim() === "");
  if (empty.length === 0) return [];
  return [
    {
      kind: "empty",
      set: name,
      count: empty.length,
      text:
        `${countOf(empty.length, "answer")} of ${name} ` +
        `${empty.length === 1 ? "is" : "are"} empty, such as the one to ${placed(empty[0]!)}; ` +
        "they are judged as they are",
    },
  ];
}

function repeatedNote({ name }: AnswerSet, index: PromptIndex): MatchNote[] {
  const repeated = [...index.values()].filter(({ length }) => length > 1);
  if (repeated.length === 0) return [];
  return [
    {
      kind: "repeated",
      set: name,
      count: repeated.length,
      text:
        `${countOf(repeated.length, "prompt")} of ${name} ` +
        `${repeated.length === 1 ? "stands" : "stand"} there more than once, such as ` +
        `${placed(repeated[0]![1]!)}: taken for samples of one prompt, which count as one cluster`,
    },
  ];
}

/** Rows of one name that ask different things. */
function unequalNotes(sets: readonly AnswerSet[], indices: readonly PromptIndex[]): MatchNote[] {
  const [first] = sets as [AnswerSet];
  const named = new Map(first.answers.flatMap((each) => (each.key ? [[each.key, each]] : [])));
  return sets.slice(1).flatMap((set): MatchNote[] => {
    const unequal = set.answers.filter((each) => {
      const same = each.key === undefined ? undefined : named.get(each.key);
      const text = promptIdentity(each.prompt);
      return same && promptIdentity(same.prompt) !== text && !indices[0]!.has(text);
    });
    if (unequal.length === 0) return [];
    const example = unequal[0]!;
    return [
      {
        kind: "unequal",
        set: set.name,
        count: unequal.length,
        text:
          `${countOf(unequal.length, "prompt")} of ${set.name} and ${first.name} ` +
          `${unequal.length === 1 ? "has" : "have"} one name and another text, such as ` +
          `${example.key}: ${placed(example)} and ${placed(named.get(example.key!)!)}; left out`,
      },
    ];
  });
}

/** Prompts that are the same but for how their lines end. */
function lineEndNotes(sets: readonly AnswerSet[], indices: readonly PromptIndex[]): MatchNote[] {
  const [first, ...others] = indices as [PromptIndex, ...PromptIndex[]];
  return others.flatMap((index, i): MatchNote[] => {
    const found = [...first].filter(([text, [own]]) => {
      const other = index.get(text)?.[0];
      return other !== undefined && hasReturns(own!) !== hasReturns(other);
    });
    if (found.length === 0) return [];
    const set = sets[i + 1]!.name;
    return [
      {
        kind: "line ends",
        set,
        count: found.length,
        text:
          `${countOf(found.length, "prompt")} of ${set} and ${sets[0]!.name} ` +
          `${found.length === 1 ? "differs" : "differ"} in how lines end (\\r\\n and \\n), such as ` +
          `${placed(found[0]![1][0]!)}: taken for the same`,
      },
    ];
  });
}

function missingNotes(sets: readonly AnswerSet[], indices: readonly PromptIndex[]): MatchNote[] {
  const all = new Map<string, SetAnswer>();
  for (const index of indices)
    for (const [text, [answer]] of index) if (!all.has(text)) all.set(text, answer!);
  return sets.flatMap(({ name }, i): MatchNote[] => {
    const missing = [...all].filter(([text]) => !indices[i]!.has(text));
    if (missing.length === 0) return [];
    return [
      {
        kind: "missing",
        set: name,
        count: missing.length,
        text:
          `${name} has no answer to ${countOf(missing.length, "prompt")} that ` +
          `${sets.length > 2 ? "others" : "the other"} answered, such as ` +
          `${placed(missing[0]![1])}; left out`,
      },
    ];
  });
}

function unpairedNote(unpaired: readonly { prompt: Prompt; counts: number[] }[]): MatchNote[] {
  const [example] = unpaired;
  if (!example) return [];
  return [
    {
      kind: "unpaired",
      count: unpaired.length,
      text:
        `${countOf(unpaired.length, "prompt")} ${unpaired.length === 1 ? "has" : "have"} more ` +
        `samples from one model than from another, such as ${shortPrompt(example.prompt)} with ` +
        `${example.counts.join(" and ")}; what is more is left out`,
    },
  ];
}

function nothingInCommon(sets: readonly AnswerSet[], notes: readonly MatchNote[]): AttuneError {
  const unequal = notes.find(({ kind }) => kind === "unequal");
  return new AttuneError("data", "these models have no prompt in common", {
    got:
      unequal?.text ??
      sets.map(({ name, answers }) => `${name}: ${placed(answers[0]!)}`).join("; "),
    hint:
      "answers to the same prompts; battles, each between two of many models, are read with " +
      "--judge votes and no other judge",
  });
}
