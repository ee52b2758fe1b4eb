/**
 * One kind of record as another, as trainers need it: a pair as two judged answers, several answers
 * as all their pairs, the better answer of a pair as a demonstration. Only conversions that invent
 * nothing exist.
 */
import type { Completion, Message } from "../text/messages.ts";
import { completionText, promptText } from "../text/messages.ts";
import { swapped } from "./formats/format.ts";
import { completionMessages, promptMessages } from "./formats/messages.ts";
import { compact } from "./records.ts";
import type {
  DataRecord,
  PreferenceRecord,
  RankedRecord,
  RecordKind,
  RecordOf,
} from "./records.ts";

type Convert<From extends RecordKind> = {
  readonly [To in RecordKind]?: (record: RecordOf<From>) => RecordOf<To>[];
};

const CONVERSIONS: { readonly [From in RecordKind]: Convert<From> } = {
  preference: {
    unpaired: preferenceToUnpaired,
    demonstration: preferenceToDemonstration,
    conversation: (record) => preferenceToDemonstration(record).map(toConversation),
    prompt: (record) => [toPrompt(record)],
  },
  ranked: {
    preference: rankedToPreferences,
    unpaired: (record) => rankedToPreferences(record).flatMap(preferenceToUnpaired),
    demonstration: bestAnswer,
    conversation: (record) => bestAnswer(record).map(toConversation),
    prompt: (record) => [toPrompt(record)],
  },
  demonstration: {
    conversation: (record) => [toConversation(record)],
    prompt: (record) => [toPrompt(record)],
  },
  unpaired: {
    demonstration: unpairedToDemonstration,
    conversation: (record) => unpairedToDemonstration(record).map(toConversation),
    prompt: (record) => [toPrompt(record)],
  },
  conversation: {
    demonstration: conversationToDemonstration,
    prompt: (record) => conversationToDemonstration(record).map(toPrompt),
  },
  text: {},
  prompt: {},
};

/**
 * The record as other records (none where it says nothing of that kind, such as a tie); undefined
 * where there is no such conversion.
 */
export function convertRecord<K extends RecordKind>(
  record: DataRecord,
  kind: K,
): RecordOf<K>[] | undefined {
  if (record.kind === kind) return [record as RecordOf<K>];
  const convert = CONVERSIONS[record.kind][kind] as
    | ((record: DataRecord) => RecordOf<K>[])
    | undefined;
  return convert?.(record);
}

/** What a conversion leaves behind, in words; undefined where there is no such conversion. */
export function conversionLoss(from: RecordKind, to: RecordKind): string | undefined {
  if (from === to || CONVERSIONS[from][to] === undefined) return undefined;
  if (to === "prompt") return "every answer";
  if (to === "unpaired") return "which answers were compared, how sure the label is, and ties";
  if (from === "unpaired") return "undesirable answers, and the label";
  if (to === "preference") return "ranks and scores that are not pairs";
  if (from === "preference" || from === "ranked")
    return "every answer but the best, how sure the label is, and ties";
  return from === "conversation"
    ? "every answer but the last one that is learned, as one to learn"
    : "nothing but the place where the prompt ends";
}

type Common = Pick<
  DataRecord,
  "place" | "plain" | "split" | "cluster" | "source" | "extra" | "tools" | "templateArguments"
>;

function common({
  place,
  plain,
  split,
  cluster,
  source,
  extra,
  tools,
  templateArguments,
}: DataRecord): Common {
  return compact({
    place,
    plain,
    split,
    cluster,
    source,
    extra,
    tools,
    templateArguments,
  }) as Common;
}

/** The better answer is desirable and the worse one is not; a tie says neither. */
function preferenceToUnpaired(record: PreferenceRecord): RecordOf<"unpaired">[] {
  if (record.p === 0.5) return [];
  const { prompt, chosen, rejected, annotator } = record.p > 0.5 ? record : swapped(record);
  const judged = (completion: Completion, label: boolean): RecordOf<"unpaired"> => ({
    kind: "unpaired",
    prompt,
    completion,
    label,
    ...(annotator === undefined ? {} : { annotator }),
    ...common(record),
  });
  return [judged(chosen, true), judged(rejected, false)];
}

function preferenceToDemonstration(record: PreferenceRecord): RecordOf<"demonstration">[] {
  if (record.p === 0.5) return [];
  return [
    {
      kind: "demonstration",
      prompt: record.prompt,
      completion: record.p > 0.5 ? record.chosen : record.rejected,
      ...common(record),
    },
  ];
}

function unpairedToDemonstration(record: RecordOf<"unpaired">): RecordOf<"demonstration">[] {
  return record.label
    ? [
        {
          kind: "demonstration",
          prompt: record.prompt,
          completion: record.completion,
          ...common(record),
        },
      ]
    : [];
}

/** What the assistant said in the prompt stays unlearned. */
function toConversation(record: RecordOf<"demonstration">): RecordOf<"conversation"> {
  const prompt = promptMessages(record.prompt).map((message): Message =>
    message.role === "assistant" ? { ...message, weight: 0 } : message,
  );
  const messages: Message[] = [...prompt, ...completionMessages(record.completion)];
  return { kind: "conversation", messages, ...common(record) };
}

/** The last answer that is to be learned, with everything before it as the prompt. */
function conversationToDemonstration(
  record: RecordOf<"conversation">,
): RecordOf<"demonstration">[] {
  const index = record.messages.findLastIndex(
    ({ role, weight }) => role === "assistant" && weight !== 0,
  );
  if (index < 1) return [];
  return [
    {
      kind: "demonstration",
      prompt: record.messages.slice(0, index),
      completion: record.messages.slice(index, index + 1),
      ...common(record),
    },
  ];
}

function toPrompt(
  record: Exclude<DataRecord, { kind: "conversation" | "text" }>,
): RecordOf<"prompt"> {
  return { kind: "prompt", prompt: record.prompt, ...common(record) };
}

/**
 * All pairs of the answers, in one cluster, so that they stay together in a batch and in a split.
 */
export function rankedToPreferences(record: RankedRecord): PreferenceRecord[] {
  const { prompt, completions, annotator } = record;
  const cluster =
    record.cluster ?? `${record.place.file ?? ""}:${record.place.row ?? promptText(prompt)}`;
  return comparisonsOf(record).flatMap(({ first, second, p }) => {
    const [a, b] = [completions[first]!, completions[second]!];
    if (completionText(a.completion).trim() === completionText(b.completion).trim()) return [];
    const models =
      a.model === undefined || b.model === undefined
        ? undefined
        : { chosen: a.model, rejected: b.model };
    const pair: PreferenceRecord = {
      kind: "preference",
      prompt,
      chosen: a.completion,
      rejected: b.completion,
      p,
      ...compact({ annotator, models }),
      ...common(record),
      cluster,
    };
    return [p < 0.5 ? swapped(pair) : pair];
  });
}

/** Judged pairs, or all C(K, 2) pairs by rank, or by score. */
function comparisonsOf({
  completions,
  comparisons,
}: RankedRecord): { first: number; second: number; p: number }[] {
  if (comparisons !== undefined) return [...comparisons];
  // a lower rank is better, a higher score is
  const byRank = completions.every(({ rank }) => rank !== undefined);
  const worth = completions.map(({ rank, score }) => (byRank ? -rank! : (score ?? NaN)));
  return worth.flatMap((a, first) =>
    worth.slice(first + 1).map((b, offset) => ({
      first,
      second: first + 1 + offset,
      p: a === b ? 0.5 : a > b ? 1 : 0,
    })),
  );
}

/** The answer that wins most pairs; none where two share the first place. */
function bestAnswer(record: RankedRecord): RecordOf<"demonstration">[] {
  const wins = record.completions.map(() => 0);
  for (const { first, second, p } of comparisonsOf(record)) {
    wins[first]! += p;
    wins[second]! += 1 - p;
  }
  const most = Math.max(...wins);
  if (wins.filter((value) => value === most).length > 1) return [];
  return [
    {
      kind: "demonstration",
      prompt: record.prompt,
      completion: record.completions[wins.indexOf(most)]!.completion,
      ...common(record),
    },
  ];
}
