/**
 * Votes of several annotators on pairs of answers: rows of data as numbers, with everything counted
 * that is not a vote, or not one that can be used.
 */
import { AttuneError, formatPlace } from "../../core/errors.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { swapped } from "../../data/formats/format.ts";
import { completionMessages } from "../../data/formats/messages.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { callsAndThought } from "../../data/records.ts";
import { promptKey } from "../../data/split.ts";
import type { Completion } from "../../text/messages.ts";
import { completionText } from "../../text/messages.ts";

/** A pair of answers on which somebody voted. */
export interface VotedPair {
  /** The pair, its first answer as chosen, without a judgement. */
  record: PreferenceRecord;
  /** Pairs that may depend on each other: one prompt's, or one session's. */
  cluster: string;
  /** Above 0 where the first answer is longer, in characters. */
  longer: number;
}

/** What one annotator said of one pair. */
export interface PairVote {
  pair: number;
  annotator: number;
  /** 1: the first answer is better; 0.5: a tie. */
  outcome: 0 | 0.5 | 1;
  /** Whether the first answer stood left (or on top); undefined where nobody knows. */
  firstLeft?: boolean;
  place: ErrorPlace;
}

/** Something that was dropped, guessed or may mislead. */
export interface VoteNote {
  id: string;
  message: string;
}

export interface Votes {
  pairs: VotedPair[];
  /** Names by number. */
  annotators: string[];
  /** In the order of the rows. */
  votes: PairVote[];
  /** Votes that were read, before any was left out. */
  read: number;
  notes: VoteNote[];
  /** Pair by what it consists of, for gold. */
  numbers: ReadonlyMap<string, number>;
}

export const NAMES = ["exact", "folded"] as const;

export interface VoteOptions {
  /** `folded`: names that differ in case or in spaces around them are one annotator. */
  names: (typeof NAMES)[number];
  /** Rows without an annotator count, each as somebody of his own. */
  unnamed: boolean;
}

/** How annotators are called that have no name. */
export const UNNAMED = "(unnamed ";

/** Rows of one kind, with their count and the first of them. */
class Found {
  private readonly kinds = new Map<string, { count: number; first: string }>();

  add(id: string, place: ErrorPlace, example = ""): void {
    const at = `${formatPlace(place)}${example === "" ? "" : `, ${example}`}`;
    const found = this.kinds.get(id) ?? { count: 0, first: at };
    found.count++;
    this.kinds.set(id, found);
  }

  /** @param say what is told of so many */
  note(id: string, say: (count: string) => string): VoteNote[] {
    const found = this.kinds.get(id);
    return found === undefined
      ? []
      : [{ id, message: `${say(found.count.toLocaleString("en-US"))}; the first: ${found.first}` }];
  }
}

/** @throws AttuneError `data` where no row can be used */
export function readVotes(
  records: readonly PreferenceRecord[],
  { names, unnamed }: VoteOptions,
): Votes {
  const found = new Found();
  const people = new People(names);
  const pairs: VotedPair[] = [];
  const numbers = new Map<string, number>();
  const cast: PairVote[] = [];
  let nobody = 0;
  for (const record of records) {
    const { place, p, annotator } = record;
    const name = annotator?.trim() ?? "";
    if (name === "" && !unnamed) {
      found.add("no-annotator", place);
      continue;
    }
    if (name === "") found.add("unnamed", place);
    if (p !== 0 && p !== 0.5 && p !== 1) found.add("soft-votes", place, `p ${p}`);
    const { key, oriented } = orient(record);
    const pair = numbers.get(key) ?? pairs.push(pairOf(oriented)) - 1;
    numbers.set(key, pair);
    if (oriented.cluster !== undefined && oriented.cluster !== pairs[pair]!.record.cluster)
      delete pairs[pair]!.record.cluster;
    cast.push({
      pair,
      annotator: people.number(name === "" ? `${UNNAMED}${++nobody})` : name, place),
      outcome: oriented.p > 0.5 ? 1 : oriented.p < 0.5 ? 0 : 0.5,
      ...(oriented.side === undefined ? {} : { firstLeft: oriented.side === "first" }),
      place,
    });
  }
  if (cast.length === 0)
    throw new AttuneError("data", "no row says who judged", {
      ...records[0]?.place,
      expected: "a column annotator",
      hint:
        "name the column that says it: --columns annotator=COLUMN; or count heads alone: " +
        "--method majority",
    });
  const votes = withoutRepeats(cast, found);
  if (votes.length === 0)
    throw new AttuneError("data", "no vote is left: every annotator contradicts himself", {
      ...cast[0]!.place,
      got: `${cast.length.toLocaleString("en-US")} votes`,
    });
  return {
    pairs,
    annotators: people.names,
    votes,
    read: cast.length,
    numbers,
    notes: [...notesOf(found), ...people.notes()],
  };
}

function notesOf(found: Found): VoteNote[] {
  return [
    ...found.note("no-annotator", (count) => `rows that do not say who judged, left out: ${count}`),
    ...found.note(
      "unnamed",
      (count) =>
        `rows that do not say who judged, counted each as somebody of his own, and left out of ` +
        `the table of annotators: ${count}`,
    ),
    ...found.note(
      "soft-votes",
      (count) =>
        `votes with a p that is neither 0, 0.5 nor 1, taken as a vote for the likelier: ${count}`,
    ),
    ...found.note(
      "repeated-votes",
      (count) => `votes that repeat the same annotator's on the same pair, left out: ${count}`,
    ),
    ...found.note(
      "contradictory-votes",
      (count) =>
        `votes of annotators who say something else of the same pair elsewhere, left out: ${count}`,
    ),
  ];
}

/**
 * Of votes of one annotator on one pair the first stays; where they contradict each other none
 * does.
 */
function withoutRepeats<T extends PairVote>(cast: readonly T[], found: Found): T[] {
  const byBoth = new Map<string, T[]>();
  for (const vote of cast) {
    const key = `${vote.annotator}/${vote.pair}`;
    byBoth.set(key, [...(byBoth.get(key) ?? []), vote]);
  }
  return cast.filter((vote) => {
    const same = byBoth.get(`${vote.annotator}/${vote.pair}`)!;
    if (same.length === 1) return true;
    const contrary = same.find(({ outcome }) => outcome !== vote.outcome);
    if (contrary !== undefined) {
      found.add("contradictory-votes", vote.place, `against ${formatPlace(contrary.place)}`);
      return false;
    }
    if (vote === same[0]) return true;
    found.add("repeated-votes", vote.place, `as ${formatPlace(same[0]!.place)}`);
    return false;
  });
}

/**
 * The votes that count where they are averaged by pair: one of each annotator on a pair, none where
 * he contradicts himself. Rows that do not say who judged all count.
 */
export function oneVoteEach(records: readonly PreferenceRecord[]): {
  votes: PreferenceRecord[];
  notes: VoteNote[];
} {
  const found = new Found();
  const numberIn = (numbers: Map<string, number>, key: string): number => {
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  };
  const [pairs, people] = [new Map<string, number>(), new Map<string, number>()];
  const cast = records.map((record, row): PairVote & { record: PreferenceRecord } => {
    const { key, oriented } = orient(record);
    const name = record.annotator?.trim() ?? "";
    return {
      pair: numberIn(pairs, key),
      annotator: numberIn(people, name === "" ? `${UNNAMED}${row})` : name),
      outcome: oriented.p > 0.5 ? 1 : oriented.p < 0.5 ? 0 : 0.5,
      place: record.place,
      record,
    };
  });
  const votes = withoutRepeats(cast, found).map(({ record }) => record);
  return { votes, notes: notesOf(found) };
}

/** Annotators by name. */
class People {
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly spellings = new Map<string, Map<string, ErrorPlace>>();
  private readonly folds: boolean;

  constructor(names: (typeof NAMES)[number]) {
    this.folds = names === "folded";
  }

  number(name: string, place: ErrorPlace): number {
    const folded = name.normalize("NFKC").toLowerCase();
    const spelt = this.spellings.get(folded) ?? new Map<string, ErrorPlace>();
    if (!spelt.has(name)) spelt.set(name, place);
    this.spellings.set(folded, spelt);
    const key = this.folds ? folded : name;
    const known = this.numbers.get(key) ?? this.names.push(name) - 1;
    this.numbers.set(key, known);
    return known;
  }

  notes(): VoteNote[] {
    const several = [...this.spellings.values()].filter(({ size }) => size > 1);
    if (several.length === 0) return [];
    const shown = [...several[0]!].map(([name, place]) => `${name} (${formatPlace(place)})`);
    const told = this.folds
      ? "taken for one annotator each"
      : "taken for different annotators; --names folded takes them for one";
    return [
      {
        id: "spellings",
        message:
          `names that differ only in case: ${several.length}, ${told}; ` +
          `the first: ${shown.join(", ")}`,
      },
    ];
  }
}

/** A completion as a text to compare by. */
const answerKey = (completion: Completion): string =>
  completionMessages(completion)
    .map((message) => `${message.content.trim()}${callsAndThought(message)}`)
    .join("\u0000");

/**
 * The pair whichever answer is chosen, and the record with one answer first that the pair's hash
 * decides: an order by the texts would make the first answer mean something, and agreement by
 * chance with it.
 */
export function orient(record: PreferenceRecord): { key: string; oriented: PreferenceRecord } {
  const [chosen, rejected] = [answerKey(record.chosen), answerKey(record.rejected)];
  const sorted = chosen <= rejected;
  const key = [promptKey(record), ...(sorted ? [chosen, rejected] : [rejected, chosen])].join(
    "\u0002",
  );
  return { key, oriented: new Random(key).chance(0.5) === sorted ? record : swapped(record) };
}

function pairOf(oriented: PreferenceRecord): VotedPair {
  const { annotator: _, side: __, margin: ___, ...record } = oriented;
  const [first, second] = [record.chosen, record.rejected].map(completionText) as [string, string];
  return {
    record: { ...record },
    cluster: record.cluster ?? promptKey(record),
    longer: first.length - second.length,
  };
}

/** Which answer of a pair is known to be the better one: 0 for the first. */
export interface Gold {
  labels: Map<number, number>;
  notes: VoteNote[];
}

/** @throws AttuneError `data` where gold contradicts itself, or knows none of the pairs */
export function readGold(records: readonly PreferenceRecord[], votes: Votes): Gold {
  const found = new Found();
  const labels = new Map<number, number>();
  const places = new Map<number, ErrorPlace>();
  for (const record of records) {
    const { key, oriented } = orient(record);
    const pair = votes.numbers.get(key);
    if (pair === undefined) {
      found.add("gold-without-votes", record.place);
      continue;
    }
    if (oriented.p === 0.5) {
      found.add("gold-ties", record.place);
      continue;
    }
    const label = oriented.p > 0.5 ? 0 : 1;
    const before = labels.get(pair);
    if (before !== undefined && before !== label)
      throw new AttuneError("data", "two rows of gold contradict each other", {
        ...record.place,
        got: `another answer is the better one at ${formatPlace(places.get(pair)!)}`,
        hint: "remove one of them",
      });
    labels.set(pair, label);
    places.set(pair, record.place);
  }
  const notes = [
    ...found.note("gold-without-votes", (count) => `gold pairs that nobody voted on: ${count}`),
    ...found.note("gold-ties", (count) => `gold pairs that are ties, left out: ${count}`),
  ];
  if (labels.size === 0)
    throw new AttuneError("data", "no gold pair is among the pairs that were voted on", {
      ...records[0]?.place,
      got: notes.map(({ message }) => message).join("; "),
      expected: "the same prompts with the same two answers, and the better one as chosen",
    });
  return { labels, notes };
}
