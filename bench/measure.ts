/**
 * Ratios of two things that are measured in turns, so that whatever else the machine does hits
 * both. Turns in which other processes were busy are measured again, and it is said how busy they
 * were in those that were kept.
 */
import { watchOthers } from "../src/runtime/other-work.ts";

export interface Spread {
  median: number;
  /** Quartiles. */
  low: number;
  high: number;
  count: number;
}

export interface Target {
  atLeast?: number;
  atMost?: number;
}

/** One line of the table. */
export interface Figure {
  name: string;
  title: string;
  ratio: Spread;
  target: Target;
  /** What the ratio was made of, and anything a reader needs to judge it. */
  details: Readonly<Record<string, number | string>>;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    count: values.length,
  };
}

export async function seconds(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return (performance.now() - began) / 1000;
}

/** A measurement: gives a rate, or a time. */
export type Measured = () => Promise<number>;

export interface Turns {
  subject: number[];
  /**
   * The limit around each turn of the subject: the mean of the measurements just before and just
   * after.
   */
  limit: number[];
  /** Largest share of the processors that other processes used in a turn that was kept. */
  others: number;
}

/**
 * More turns than were asked for, where others were busy; then the quietest are kept, whatever
 * their ratio was.
 */
export const PATIENCE = 3;
/** Share of all processors that others may use in a quiet turn. */
const QUIET = 0.05;

/** Limit, subject, limit, subject, ..., limit. Warm up before calling this. */
export async function inTurns({
  subject,
  limit,
  rounds,
}: {
  subject: Measured;
  limit: Measured;
  rounds: number;
}): Promise<Turns> {
  const turns: { subject: number; limit: number; others: number }[] = [];
  let before = await limit();
  while (
    turns.filter(({ others }) => others <= QUIET).length < rounds &&
    turns.length < PATIENCE * rounds
  ) {
    const others = watchOthers();
    const value = await subject();
    const after = await limit();
    turns.push({ subject: value, limit: (before + after) / 2, others: others() });
    before = after;
  }
  const kept = turns.toSorted((a, b) => a.others - b.others).slice(0, rounds);
  return {
    subject: kept.map((turn) => turn.subject),
    limit: kept.map((turn) => turn.limit),
    others: Math.max(...kept.map((turn) => turn.others)),
  };
}

/** Quotients of the same turn. */
export const ratios = (over: readonly number[], under: readonly number[]): number[] =>
  over.map((value, turn) => value / under[turn]!);

export function meets(
  { median: value }: Spread,
  { atLeast = -Infinity, atMost = Infinity }: Target,
): boolean {
  return value >= atLeast && value <= atMost;
}

/** How disturbed the kept turns were, for a figure's details. */
export const disturbance = (...all: readonly Turns[]): string =>
  `${Math.round(100 * Math.max(...all.map(({ others }) => others)))}%`;

export const rounded = (value: number, digits = 3): number => Number(value.toPrecision(digits));
