/**
 * Exports of other labelling tools: texts under names that somebody chose, and answers of several
 * people to questions that somebody named. Which text is the prompt, which are the answers to it,
 * and which of them a person chose is told by those names; what cannot be told is noted, never
 * guessed.
 */
import type { Completion, Message, Prompt } from "../../text/messages.ts";
import { ROLES } from "../../text/messages.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import type { DataRecord, PreferenceRecord } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { swapped } from "./format.ts";
import type { Notes } from "./format.ts";

/** What one person answered of one row. */
export interface Answered {
  /** None for what a model suggested. */
  readonly annotator?: string;
  /** Values by the name of the question. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Told of this person's answer alone. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface ForeignRow {
  /** Texts and turns by name, in their order. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly answered: readonly Answered[];
  /** What describes the row. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Names of prompts, the likeliest first. */
export const PROMPTS = [
  "prompt",
  "instruction",
  "question",
  "query",
  "input",
  "context",
  "request",
  "conversation",
  "messages",
  "chat",
];
/** Beginnings of the names of answers. */
export const ANSWERS = [
  "response",
  "answer",
  "generation",
  "completion",
  "output",
  "candidate",
  "reply",
  "summary",
  "option",
  "chosen",
  "rejected",
  "text",
  "model",
] as const;
const ENDS = "[0-9]+|[a-d]|left|right|first|second|one|two|three";
const ANSWER = new RegExp(`^(${ANSWERS.join("|")})[-_ .]?(${ENDS})?$`, "i");
const COMMENTS = /comment|reason|explanation|rationale|note|feedback|why/i;

/** A name without case and signs. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

interface Texts {
  prompt: Prompt;
  answers: { name: string; completion: Completion }[];
  /** Fields that are neither. */
  rest: Record<string, unknown>;
}

function asText(value: unknown): string | Message[] | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const turns = value.map((turn: unknown) => {
    const { role, content } = (turn ?? {}) as Record<string, unknown>;
    const known = ROLES.find((each) => each === role);
    return known === undefined || typeof content !== "string"
      ? undefined
      : { role: known, content };
  });
  return turns.includes(undefined) ? undefined : (turns as Message[]);
}

/** @throws BadRow where no field can be the prompt */
function textsOf({ fields }: ForeignRow, row: Row): Texts {
  const texts = Object.entries(fields).flatMap(([name, value]) => {
    const text = asText(value);
    return text === undefined ? [] : [{ name, text }];
  });
  const named = PROMPTS.map((name) => texts.find((each) => plain(each.name) === name));
  const prompt = named.find((each) => each !== undefined);
  if (prompt === undefined)
    throw new BadRow(BAD_ROWS.noPrompt, row.place, Object.keys(fields).join(", "));
  const answers = texts.filter((each) => each !== prompt && ANSWER.test(each.name));
  const turns = typeof prompt.text !== "string";
  return {
    prompt: prompt.text,
    answers: answers.map(({ name, text }) => ({
      name,
      completion:
        turns && typeof text === "string" ? [{ role: "assistant" as const, content: text }] : text,
    })),
    rest: Object.fromEntries(
      Object.entries(fields).filter(
        ([name]) => name !== prompt.name && !answers.some((each) => each.name === name),
      ),
    ),
  };
}

const ORDINALS: Readonly<Record<string, number>> = {
  "1": 0,
  a: 0,
  left: 0,
  first: 0,
  one: 0,
  "2": 1,
  b: 1,
  right: 1,
  second: 1,
  two: 1,
};

/** What an answer's name and its praise leave over: `responseaisbetter` is `a`. */
const TAIL = new RegExp(`^(?:${ANSWERS.join("|")})?(.+?)(?:isbetter|better|wins)?$`);

type Picked = number | "tie" | "both-bad";

/** Which of two answers a value names; undefined where it names neither. */
function pick(value: unknown, names: readonly string[]): Picked | undefined {
  if (typeof value !== "string") return undefined;
  const said = plain(value);
  const exact = names.findIndex((name) => plain(name) === said);
  if (exact >= 0) return exact;
  if (/^(both(are)?bad|neither|bothworse|none)$/.test(said)) return "both-bad";
  if (/^(tie|equal|same|both|draw|bothgood|botharegood|aboutthesame|nodifference)$/.test(said))
    return "tie";
  return ORDINALS[TAIL.exec(said)?.[1] ?? ""];
}

/** Names from best to worst. */
function ranked(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const names = value.map((each: unknown) =>
    typeof each === "string" ? each : ((each ?? {}) as Record<string, unknown>)["value"],
  );
  return names.every((each) => typeof each === "string") ? names : undefined;
}

const GOOD = /^(yes|true|good|accept(ed)?|correct|thumbsup|like|positive|acceptable)$/;
const BAD = /^(no|false|bad|reject(ed)?|incorrect|thumbsdown|dislike|negative|unacceptable)$/;

/** Every record that a row gives: one for each judgement, or one without any. */
export function foreignRecords(foreign: ForeignRow, row: Row, notes: Notes): DataRecord[] {
  const texts = textsOf(foreign, row);
  const extra = { ...foreign.extra, ...texts.rest };
  const common = {
    prompt: texts.prompt,
    place: row.place,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
  const people = foreign.answered.filter(({ annotator }) => annotator !== undefined);
  const judged = (people.length > 0 ? people : foreign.answered).flatMap((answered) => {
    const record = judgedRecord(texts, answered, { common, notes });
    return record === undefined ? [] : [record];
  });
  return judged.length > 0 ? judged : [plainRecord(texts, common)];
}

interface Common {
  readonly prompt: Prompt;
  readonly place: Row["place"];
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** What is to be judged, where nobody has. */
function plainRecord({ answers }: Texts, common: Common): DataRecord {
  if (answers.length === 0) return { kind: "prompt", ...common };
  if (answers.length === 1)
    return { kind: "demonstration", completion: answers[0]!.completion, ...common };
  return {
    kind: "ranked",
    completions: answers.map(({ completion }) => ({ completion })),
    comparisons: [],
    ...common,
  };
}

function judgedRecord(
  { answers }: Texts,
  { annotator, values, extra }: Answered,
  { common, notes }: { common: Common; notes: Notes },
): DataRecord | undefined {
  const left = new Map(values);
  const told = (studio: object): Pick<Common, "extra"> => {
    const comment = commentIn(left);
    const beside = compact({ ...studio, comment });
    for (const name of left.keys())
      notes.note(`answers to the question ${name}, which do not say which answer is better`);
    const all = {
      ...common.extra,
      ...extra,
      ...(Object.keys(beside).length === 0 ? {} : { studio: beside }),
    };
    return Object.keys(all).length === 0 ? {} : { extra: all };
  };
  const who = compact({ annotator });
  if (answers.length === 2) {
    const pair = pairIn(answers, left);
    if (pair === undefined) return undefined;
    return { ...pair.record, ...common, ...who, ...told(pair.studio) } as DataRecord;
  }
  if (answers.length > 2) {
    const order = rankingIn(answers, left);
    if (order === undefined) return undefined;
    return {
      kind: "ranked",
      completions: answers.map(({ completion }, index) => ({ completion, rank: order[index]! })),
      ...common,
      ...who,
      ...told({}),
    } as DataRecord;
  }
  if (answers.length === 1) {
    const label = verdictIn(left);
    if (label === undefined) return undefined;
    return {
      kind: "unpaired",
      completion: answers[0]!.completion,
      label,
      ...common,
      ...who,
      ...told({}),
    } as DataRecord;
  }
  return writtenIn(left, { common, told: () => told(compact({ annotator })) });
}

/** The first comment, taken out. */
function commentIn(values: Map<string, unknown>): string | undefined {
  for (const [name, value] of values)
    if (COMMENTS.test(name) && typeof value === "string" && value.trim() !== "") {
      values.delete(name);
      return value;
    }
  return undefined;
}

type Answer = Texts["answers"][number];

/** The first question that says which is better; further ones are axes. */
function pairIn(
  answers: readonly Answer[],
  values: Map<string, unknown>,
): { record: Partial<PreferenceRecord>; studio: object } | undefined {
  const names = answers.map(({ name }) => name);
  const picked = [...values].flatMap(([question, value]) => {
    const order = ranked(value);
    const found = pick(order === undefined ? value : order[0], names);
    return found === undefined ? [] : [{ question, found }];
  });
  const main =
    picked.find(({ question }) =>
      /prefer|overall|better|best|choice|rank|pairwise/i.test(question),
    ) ?? picked[0];
  if (main === undefined) return undefined;
  for (const { question } of picked) values.delete(question);
  const { found } = main;
  const [first, second] = answers as [Answer, Answer];
  const record: PreferenceRecord = {
    kind: "preference",
    prompt: "",
    chosen: first.completion,
    rejected: second.completion,
    p: found === 0 ? 1 : found === 1 ? 0 : 0.5,
    place: {},
  };
  const chosen = found === 1 ? 1 : 0;
  const axes = picked.filter((each) => each !== main);
  const { kind, p, chosen: better, rejected } = found === 1 ? swapped(record) : record;
  return {
    record: { kind, p, chosen: better, rejected },
    studio: compact({
      choice: typeof found === "string" ? found : undefined,
      axes:
        axes.length === 0
          ? undefined
          : Object.fromEntries(
              axes.map(({ question, found: each }) => [
                question,
                typeof each === "string" ? each : each === chosen ? "chosen" : "rejected",
              ]),
            ),
    }),
  };
}

/** Ranks by answer. */
function rankingIn(answers: readonly Answer[], values: Map<string, unknown>): number[] | undefined {
  for (const [question, value] of values) {
    const order = ranked(value)?.map(plain);
    if (order === undefined) continue;
    const ranks = answers.map(({ name }) => order.indexOf(plain(name)) + 1);
    if (ranks.includes(0)) continue;
    values.delete(question);
    return ranks;
  }
  return undefined;
}

function verdictIn(values: Map<string, unknown>): boolean | undefined {
  for (const [question, value] of values) {
    const said = plain(String(value));
    if (!GOOD.test(said) && !BAD.test(said)) continue;
    values.delete(question);
    return GOOD.test(said);
  }
  return undefined;
}

/** A text that somebody wrote where there was no answer. */
function writtenIn(
  values: Map<string, unknown>,
  { common, told }: { common: Common; told: () => Pick<Common, "extra"> },
): DataRecord | undefined {
  for (const [question, value] of values) {
    if (typeof value !== "string" || value.trim() === "" || COMMENTS.test(question)) continue;
    values.delete(question);
    const completion: Completion =
      typeof common.prompt === "string" ? value : [{ role: "assistant", content: value }];
    return { kind: "demonstration", completion, ...common, ...told() };
  }
  return undefined;
}
