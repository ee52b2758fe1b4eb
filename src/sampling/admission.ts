/**
 * How waiting requests come into the slots.
 *
 * Whole: prompts are read at once, many together, where enough slots are free. The fastest way to
 * many answers, and for those whose answers are being decoded meanwhile a wait as long as the
 * reading.
 *
 * Fair: between two steps of decoding about so many tokens of prompts are read as take the time of
 * one step, and at most as much of a prompt's cache is copied. Clients take turns, and a client's
 * requests (their prompts and samples). No request holds more than half of the slots, and no client
 * while there are others. Two readings may be open: of who has waited longest, and of a short
 * prompt, so that a short one does not wait for a long one to be read.
 */
import type { AttuneError } from "../core/errors.ts";
import { inverseTemperature } from "./choose.ts";
import type { Decoder, Prefix } from "./decoder.ts";
import type { GenerationHooks, GenerationRequest, Sampled } from "./request.ts";
import { FairTurns } from "./fair-turns.ts";
import type { Allocate } from "./key-value-cache.ts";
import { reusedMemory } from "./key-value-cache.ts";
import type { PromptScores, ReadingPace } from "./prompt-reading.ts";
import { PromptReading, readingGroups } from "./prompt-reading.ts";

/** A request with what became of it. */
export interface Task {
  readonly request: GenerationRequest;
  readonly hooks: GenerationHooks;
  /** What the request belongs to, and who asked. */
  readonly group: object;
  readonly client: string;
  /** Samples that have a slot or had one. */
  begun: number;
  finished: Sampled[];
  cancelled: boolean;
  /** Kept while some samples wait after the prompt was read. */
  prefix?: Prefix;
  /** Scores of the prompt's own tokens, where they were asked for. */
  promptScores?: PromptScores;
  settle: (outcome: Sampled[] | AttuneError) => void;
}

/** What an engine lets its admission see and do. */
export interface Slots {
  readonly count: number;
  readonly decoder: Decoder;
  /** Rows that are decoded. */
  readonly rows: readonly { readonly task: Task }[];
  /** Requests with samples that have no slot yet. */
  readonly queue: readonly Task[];
  /** Gives slots to so many samples of a request; of a request for none it ends the request. */
  enter(task: Task, count: number, read: { prefix: Prefix; reading?: PromptReading }): void;
}

export interface Admission {
  /** What is done between two steps. */
  turn(slots: Slots): Promise<void>;
}

/** Answers that need a slot. */
export const samplesOf = ({ request: { samples = 1, maxNewTokens } }: Task): number =>
  maxNewTokens === 0 ? 0 : samples;
const lengthOf = ({ request }: Task): number => request.prompt.length;

const readTogether = (decoder: Decoder, tasks: readonly Task[]): Promise<Prefix[]> =>
  decoder.read(
    tasks.map(({ request }) => ({
      ids: request.prompt,
      inverseTemperature: inverseTemperature(request),
    })),
  );

const openReading = (decoder: Decoder, { request }: Task, memory: Allocate): PromptReading =>
  new PromptReading(
    decoder,
    {
      ids: request.prompt,
      inverseTemperature: inverseTemperature(request),
      told: request.promptAlternatives,
    },
    memory,
  );

/** While rows are decoded, prompts are read when so many slots are free, as a share of all. */
const ENTRY_SHARE = 1 / 8;

export class WholePromptAdmission implements Admission {
  private readonly memory = reusedMemory();

  async turn(slots: Slots): Promise<void> {
    const free = slots.count - slots.rows.length;
    const waiting = slots.queue.reduce((total, task) => total + samplesOf(task) - task.begun, 0);
    if (
      slots.queue.length === 0 ||
      (slots.rows.length > 0 &&
        free < Math.max(1, Math.min(waiting, Math.ceil(slots.count * ENTRY_SHARE))))
    )
      return;
    const unread: Entering[] = [];
    for (const each of this.take(slots.queue, free)) {
      if (each.task.prefix) slots.enter(each.task, each.count, { prefix: each.task.prefix });
      else if (each.task.request.promptAlternatives === undefined) unread.push(each);
      else await this.readAlone(slots, each);
    }
    for (const group of readingGroups(unread, ({ task }) => lengthOf(task))) {
      const prefixes = await readTogether(
        slots.decoder,
        group.map(({ task }) => task),
      );
      group.forEach(({ task, count }, index) =>
        slots.enter(task, count, { prefix: prefixes[index]! }),
      );
    }
  }

  private async readAlone({ decoder, enter }: Slots, { task, count }: Entering): Promise<void> {
    const reading = openReading(decoder, task, this.memory);
    while (reading.left > 0) await reading.read(reading.left);
    enter(task, count, { prefix: reading.prefix, reading });
  }

  /** The first requests of the queue, with how many of their samples have room. */
  private take(queue: readonly Task[], free: number): Entering[] {
    const entering: Entering[] = [];
    let left = free;
    for (const task of queue) {
      const count = Math.min(left, samplesOf(task) - task.begun);
      if (count === 0 && samplesOf(task) > 0) break;
      entering.push({ task, count });
      left -= count;
    }
    return entering;
  }
}

/** Samples of a request that enter together. */
interface Entering {
  task: Task;
  count: number;
}

/** Slots that one request may hold, and one client while there are others, as a share of all. */
const MOST_SHARE = 1 / 2;
/**
 * Turns, in units of the slots, for which a client that asks for nothing just now still keeps the
 * others from taking all.
 */
const RECENT_TURNS = 4;
/** Prompts that are read beside a long one, tokens. */
const SHORT_PROMPT = 256;
/** Tokens whose keys and values are copied between two steps, or one row's. */
const COPIED_TOKENS = 512;

interface Lane {
  readonly memory: Allocate;
  open?: { task: Task; reading: PromptReading };
}

export class FairAdmission implements Admission {
  private readonly pace: ReadingPace;
  /**
   * Of whose turn it is, and of whose client's turn it is among those with a short prompt, the
   * shortest first.
   */
  private readonly lanes: readonly [Lane, Lane] = [
    { memory: reusedMemory() },
    { memory: reusedMemory() },
  ];
  private turns = 0;
  private readonly clients = new FairTurns<string>();
  private servings = 0;
  /** When a group was served last. */
  private readonly served = new WeakMap<object, number>();

  constructor(pace: ReadingPace) {
    this.pace = pace;
  }

  async turn(slots: Slots): Promise<void> {
    for (const lane of this.lanes) if (lane.open?.task.cancelled) delete lane.open;
    this.enterRead(slots);
    const budget = this.pace.tokens(slots.rows.length > 0);
    const first = this.turns++ % 2;
    for (const which of [first, 1 - first] as const) {
      if (await this.readIn(which, { slots, budget })) return;
    }
  }

  /** Samples whose prompt was read take free slots, a group after the other. */
  private enterRead(slots: Slots): void {
    for (let copied = 0; slots.rows.length + this.reserved < slots.count;) {
      const task = this.next(slots, (each) => each.prefix !== undefined)[0];
      if (task === undefined || (copied > 0 && copied + lengthOf(task) > COPIED_TOKENS)) return;
      copied += lengthOf(task);
      this.serve(task);
      slots.enter(task, 1, { prefix: task.prefix! });
    }
  }

  /** Goes on with a lane's reading, or begins one; tells whether anything was read. */
  private async readIn(
    which: number,
    { slots, budget }: { slots: Slots; budget: number },
  ): Promise<boolean> {
    const lane = this.lanes[which]!;
    if (lane.open === undefined) {
      const waiting = this.next(
        slots,
        (each) => each.prefix === undefined && this.lanes.every(({ open }) => open?.task !== each),
      );
      const candidates =
        which === 0
          ? waiting
          : waiting
              .filter((each) => lengthOf(each) <= SHORT_PROMPT)
              .toSorted(
                (a, b) => this.clients.compare(a.client, b.client) || lengthOf(a) - lengthOf(b),
              );
      const task = candidates[0];
      if (task === undefined) return false;
      this.serve(task);
      if (lengthOf(task) <= budget && task.request.promptAlternatives === undefined)
        return this.readShort(slots, { candidates, budget });
      lane.open = { task, reading: openReading(slots.decoder, task, lane.memory) };
    }
    const { task, reading } = lane.open;
    const began = performance.now();
    this.pace.readTook(await reading.read(budget), performance.now() - began);
    if (reading.left > 0) return true;
    delete lane.open;
    slots.enter(task, Math.min(1, samplesOf(task)), { prefix: reading.prefix, reading });
    return true;
  }

  /** Reads what fits beside the first of the candidates. */
  private async readShort(
    slots: Slots,
    { candidates, budget }: { candidates: readonly Task[]; budget: number },
  ): Promise<true> {
    const free = slots.count - slots.rows.length - this.reserved;
    const short = candidates
      .filter(
        (task) =>
          lengthOf(task) <= budget &&
          task.request.promptAlternatives === undefined &&
          samplesOf(task) > 0,
      )
      .slice(0, Math.max(1, free));
    const group = readingGroups(short, lengthOf, budget).find((each) =>
      each.includes(candidates[0]!),
    ) ?? [candidates[0]!];
    const began = performance.now();
    const prefixes = await readTogether(slots.decoder, group);
    this.pace.readTook(group.length * Math.max(...group.map(lengthOf)), performance.now() - began);
    group.forEach((task, index) => {
      this.serve(task);
      slots.enter(task, Math.min(1, samplesOf(task)), { prefix: prefixes[index]! });
    });
    return true;
  }

  /** Slots that open readings will need. */
  private get reserved(): number {
    return this.lanes.filter(({ open }) => open !== undefined && samplesOf(open.task) > 0).length;
  }

  private serve({ group, client }: Task): void {
    this.served.set(group, ++this.servings);
    this.clients.serve(client);
  }

  /**
   * The first request of each group that may have a slot, by when its client and then the group was
   * served, longest ago first.
   */
  private next(slots: Slots, matches: (task: Task) => boolean): Task[] {
    const most = Math.max(1, Math.floor(slots.count * MOST_SHARE));
    const held = new Map<object | string, number>();
    const hold = ({ group, client }: Task): void =>
      [group, client].forEach((holder) => held.set(holder, (held.get(holder) ?? 0) + 1));
    const hasMost = (holder: object | string): boolean => (held.get(holder) ?? 0) >= most;
    const waits = new Set(slots.queue.map(({ client }) => client));
    const hasOthers = (client: string): boolean =>
      waits.size > 1 || this.clients.othersWithin(RECENT_TURNS * slots.count, client);
    for (const { task } of slots.rows) hold(task);
    for (const { open } of this.lanes) if (open) hold(open.task);
    const full = slots.rows.length + this.reserved >= slots.count;
    const first = new Map<object, Task>();
    for (const task of slots.queue) {
      if (first.has(task.group) || task.cancelled || !matches(task)) continue;
      if (
        samplesOf(task) > 0 &&
        (full || hasMost(task.group) || (hasMost(task.client) && hasOthers(task.client)))
      )
        continue;
      first.set(task.group, task);
    }
    return [...first.values()].toSorted(
      (a, b) =>
        this.clients.compare(a.client, b.client) ||
        (this.served.get(a.group) ?? 0) - (this.served.get(b.group) ?? 0),
    );
  }
}
