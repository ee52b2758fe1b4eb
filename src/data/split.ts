/**
 * Training and held-out records by prompt: no prompt, no cluster and no beginning of the same
 * conversation is in both. Which prompts are held out depends on the seed and the prompts alone,
 * not on the order of the rows.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { stringifyExactly } from "../core/json.ts";
import { Random } from "../core/random.ts";
import { promptMessages } from "./formats/messages.ts";
import type { DataRecord, Split } from "./records.ts";
import { callsAndThought } from "./records.ts";

/** Records in two parts. */
export interface SplitRecords<R extends DataRecord> {
  /** To learn from, in their order. */
  readonly train: R[];
  /** To measure on, in their order. */
  readonly heldOut: R[];
}

/** What is the same for records of one prompt. */
export function promptKey(record: DataRecord): string {
  return turnKeys(record).at(-1)!;
}

/**
 * Keys of the prompt and of its beginnings that end before an answer, shortest first; the last is
 * the prompt's own.
 */
function turnKeys(record: DataRecord): string[] {
  if (record.kind === "text") return [record.text.trim()];
  const turns =
    record.kind === "conversation"
      ? record.messages.slice(
          0,
          record.messages.findLastIndex(({ role }) => role === "assistant"),
        )
      : promptMessages(record.prompt);
  const keys: string[] = [];
  let key = "";
  for (const [index, message] of turns.entries()) {
    const { role, content } = message;
    key += `\u0000${role}\u0001${content.trim()}${callsAndThought(message)}`;
    if (index === turns.length - 1 || (turns[index + 1]!.role === "assistant" && role !== "system"))
      keys.push(key);
  }
  return keys.length === 0 ? [""] : keys;
}

/**
 * Parts records into training and held-out ones so that no prompt, cluster or beginning of a
 * conversation is in both. What is held out depends on the seed and the prompts alone.
 * @param heldOut share of the records below 1, or a number of records from 1 on; met to within one
 * group's records
 * @throws AttuneError `usage` where nothing would be left to train on
 */
export function splitRecords<R extends DataRecord>(
  records: readonly R[],
  heldOut: number,
  seed: number,
): SplitRecords<R> {
  const wanted = heldOut >= 1 ? Math.floor(heldOut) : Math.round(heldOut * records.length);
  if (!(heldOut >= 0) || (wanted > 0 && wanted >= records.length)) {
    throw new AttuneError("usage", "holding out so many records leaves none to train on", {
      got: `${heldOut}, of ${countOf(records.length, "record")}`,
      expected: "a share below 1, or a number of records below theirs",
      hint: "hold out fewer",
    });
  }
  const held = new Set<R>();
  for (const group of shuffledGroups(records, seed)) {
    if (held.size >= wanted) break;
    if (held.size + group.length < records.length) for (const record of group) held.add(record);
  }
  if (wanted > 0 && held.size === 0)
    throw new AttuneError(
      "usage",
      "the records cannot be split: they all belong together by prompt or cluster",
      {
        got: countOf(records.length, "record"),
        hint: "hold out nothing, or give a held-out file of its own",
      },
    );
  return {
    train: records.filter((record) => !held.has(record)),
    heldOut: withoutRepeats(records.filter((record) => held.has(record))),
  };
}

/** Each row once: a data set of a larger weight repeats its rows. */
function withoutRepeats<R extends DataRecord>(records: readonly R[]): R[] {
  const seen = new Set<string>();
  return records.filter((record) => {
    if (record.place.row === undefined) return true;
    const key = stringifyExactly(record);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Records that must stay together, in an order that the seed and the groups' own keys decide. */
function shuffledGroups<R extends DataRecord>(records: readonly R[], seed: number): R[][] {
  const groups = new Map<string, R[]>();
  const roots = findRoots(records);
  records.forEach((record, index) => {
    const group = groups.get(roots[index]!);
    if (group === undefined) groups.set(roots[index]!, [record]);
    else group.push(record);
  });
  const order = [...groups].map(([root, group]) => ({
    root,
    group,
    rank: Random.for(seed, "split", root).uniform(),
  }));
  return order
    .toSorted((a, b) => a.rank - b.rank || (a.root < b.root ? -1 : 1))
    .map(({ group }) => group);
}

/**
 * The smallest key of each record's group: records are joined by their prompt, by a prompt that
 * another continues, and by cluster.
 */
function findRoots(records: readonly DataRecord[]): string[] {
  const parent = new Map<string, string>();
  const root = (key: string): string => {
    let top = key;
    for (let next = parent.get(top); next !== undefined; next = parent.get(top)) top = next;
    for (let step = key; step !== top;) {
      const next = parent.get(step)!;
      parent.set(step, top);
      step = next;
    }
    return top;
  };
  const join = (a: string, b: string): void => {
    const [x, y] = [root(a), root(b)];
    if (x !== y) parent.set(x < y ? y : x, x < y ? x : y);
  };
  const keys = records.map(turnKeys);
  const prompts = new Set(keys.map((own) => own.at(-1)!));
  records.forEach((record, index) => {
    const own = keys[index]!.at(-1)!;
    for (const beginning of keys[index]!) if (prompts.has(beginning)) join(own, beginning);
    if (record.cluster !== undefined) join(own, `\u0002${record.cluster}`);
  });
  return keys.map((own) => root(own.at(-1)!));
}

export interface SplitOptions {
  /** Share of the records below 1, or a number of records from 1 on. */
  readonly heldOut: number;
  readonly seed: number;
}

/**
 * Training and held-out records of a data set. Where its files are parts of their own (train,
 * validation, test), those are used: held-out is the validation part, else the test part, less what
 * is in the training part too (none where `heldOut` is 0); the seed then plays no role. Records of
 * no part are trained on with the training part; `unused` counts those of a part that is neither
 * trained on nor held out.
 */
export function splitDataset<R extends DataRecord>(
  dataset: { readonly records: readonly R[] },
  { heldOut, seed }: SplitOptions,
): SplitRecords<R> & { readonly leaked: number; readonly unused: number } {
  const part = (split: Split): R[] => dataset.records.filter((record) => record.split === split);
  const [named, validation, test] = [part("train"), part("validation"), part("test")];
  const held = withoutRepeats(validation.length > 0 ? validation : test);
  if (named.length === 0 || held.length === 0)
    return { ...splitRecords(dataset.records, heldOut, seed), leaked: 0, unused: 0 };
  // what no name gives to a part is there to be learned
  const train = dataset.records.filter(({ split }) => split === undefined || split === "train");
  const unused = dataset.records.length - train.length - held.length;
  if (heldOut === 0) return { train, heldOut: [], leaked: 0, unused: unused + held.length };
  const seen = new Set(train.map(promptKey));
  const clean = held.filter((record) => !seen.has(promptKey(record)));
  return { train, heldOut: clean, leaked: held.length - clean.length, unused };
}
