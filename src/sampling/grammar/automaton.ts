/**
 * Texts that a grammar allows, byte by byte: expressions over sets of bytes, which may call rules
 * and so nest. A state is the set of all places at which a text may stand; places are positions in
 * an automaton with the calls that are open. States are made as they are met and remembered, so
 * that the same byte in the same state costs one look.
 */
import { AttuneError } from "../../core/errors.ts";

export type Expression =
  | { kind: "bytes"; set: ReadonlySet<number> }
  | { kind: "sequence"; parts: readonly Expression[] }
  | { kind: "choice"; options: readonly Expression[] }
  /** `most` undefined for any number. */
  | { kind: "repeat"; of: Expression; least: number; most: number | undefined }
  /** Any text up to the first time that a mark stands in it, the mark included. */
  | { kind: "until"; mark: string }
  /** Any text in which a mark does not stand. */
  | { kind: "without"; mark: string }
  | { kind: "rule"; name: string };

/** Symbols from here on are control tokens, which no text can hold: see `TokenTree`. */
export const CONTROL = 256;

export const bytes = (
  ...ranges: readonly (number | readonly [from: number, to: number])[]
): Expression => {
  const set = new Set<number>();
  for (const range of ranges) {
    const [from, to] = typeof range === "number" ? [range, range] : range;
    for (let byte = from; byte <= to; byte++) set.add(byte);
  }
  return { kind: "bytes", set };
};
export const sequence = (...parts: readonly Expression[]): Expression => ({
  kind: "sequence",
  parts,
});
export const choice = (...options: readonly Expression[]): Expression => ({
  kind: "choice",
  options,
});
export const repeat = (of: Expression, least: number, most?: number): Expression => ({
  kind: "repeat",
  of,
  least,
  most,
});
export const optional = (of: Expression): Expression => repeat(of, 0, 1);
export const until = (mark: string): Expression => ({ kind: "until", mark });
export const without = (mark: string): Expression => ({ kind: "without", mark });
export const rule = (name: string): Expression => ({ kind: "rule", name });
/** A text as it is. */
export const literal = (text: string): Expression =>
  sequence(...[...Buffer.from(text)].map((byte) => bytes(byte)));

/** Positions of one grammar at most, and places of one state: a grammar with more is refused. */
const MOST_POSITIONS = 30_000;
const MOST_PLACES = 5_000;
/** States that are remembered; the memory is emptied when it is full. */
const MOST_STATES = 2_000;

interface Position {
  /** On a byte of the set. */
  bytes: { set: ReadonlySet<number>; to: number }[];
  free: number[];
  calls: { name: string; to: number }[];
}

/** Calls that are open, the innermost first. */
interface Calls {
  readonly id: number;
  readonly to: number;
  readonly outer: Calls | undefined;
}

interface Place {
  readonly position: number;
  readonly calls: Calls | undefined;
}

export interface State {
  /** The text may end here. */
  readonly ends: boolean;
  readonly places: readonly Place[];
  /**
   * By byte: the state behind it, null where it is not allowed, undefined where nobody asked yet.
   */
  readonly next: (State | null | undefined)[];
  /**
   * The one state behind all of {@link PLAIN_BYTES}; null where they lead to several or to none,
   * undefined where nobody asked yet.
   */
  plain?: State | null;
}

/** Printable ASCII without quote and backslash: what most of a string is made of. */
export const PLAIN_BYTES: readonly number[] = Array.from(
  { length: 0x7f - 0x20 },
  (_, index) => 0x20 + index,
).filter((byte) => byte !== 0x22 && byte !== 0x5c);

/**
 * For every beginning of a mark and every byte: how much of the mark stands at the end then. Knuth,
 * Morris and Pratt 1977.
 */
function progress(mark: Uint8Array): number[][] {
  return Array.from(mark, (_, matched) =>
    Array.from({ length: 256 }, (_unused, byte) => {
      const text = [...mark.subarray(0, matched), byte];
      let length = Math.min(mark.length, text.length);
      while (length > 0 && !text.slice(-length).every((each, index) => each === mark[index]))
        length--;
      return length;
    }),
  );
}

/** A grammar that texts are held against. */
export class Automaton {
  readonly start: State;
  private readonly positions: Position[] = [];
  private readonly rules = new Map<string, { start: number; end: number }>();
  private readonly states = new Map<string, State>();
  private readonly openCalls = new Map<string, Calls>();
  private nextCall = 0;
  private readonly rootEnd: number;
  private readonly ends: ReadonlySet<number>;

  /**
   * @throws AttuneError `data` where the grammar is too large, or a rule calls itself before
   * anything is read
   */
  constructor(rules: ReadonlyMap<string, Expression>, root: string) {
    for (const name of rules.keys())
      this.rules.set(name, { start: this.position(), end: this.position() });
    this.ends = new Set([...this.rules.values()].map(({ end }) => end));
    for (const [name, expression] of rules) this.lay(expression, this.rules.get(name)!);
    const { start, end } = this.rules.get(root)!;
    this.rootEnd = end;
    this.start = this.stateOf([{ position: start, calls: undefined }]);
  }

  /** The state behind a byte; null where it is not allowed. */
  step(state: State, byte: number): State | null {
    const known = state.next[byte];
    if (known !== undefined) return known;
    const places: Place[] = [];
    for (const { position, calls } of state.places)
      for (const { set, to } of this.positions[position]!.bytes)
        if (set.has(byte)) places.push({ position: to, calls });
    return (state.next[byte] = places.length === 0 ? null : this.stateOf(places));
  }

  /** Whether texts of so many plain characters may follow, whichever they are. */
  allowsPlain(state: State, characters: number): boolean {
    let at: State | null = state;
    for (let count = 0; count < characters && at !== null; count++) {
      const behind: State | null = this.behindPlain(at);
      if (behind === at) return true;
      at = behind;
    }
    return at !== null;
  }

  private behindPlain(state: State): State | null {
    if (state.plain !== undefined) return state.plain;
    const first = this.step(state, PLAIN_BYTES[0]!);
    return (state.plain = PLAIN_BYTES.every((byte) => this.step(state, byte) === first)
      ? first
      : null);
  }

  /** Whether a text is allowed as a whole. */
  accepts(text: string): boolean {
    let state: State | null = this.start;
    for (const byte of Buffer.from(text)) {
      state = this.step(state, byte);
      if (state === null) return false;
    }
    return state.ends;
  }

  private position(): number {
    if (this.positions.length >= MOST_POSITIONS)
      throw new AttuneError("data", "the grammar is too large", {
        expected: `at most ${MOST_POSITIONS} positions`,
        hint: "shorter lists, lengths or enumerations",
      });
    return this.positions.push({ bytes: [], free: [], calls: [] }) - 1;
  }

  private lay(expression: Expression, { start, end }: { start: number; end: number }): void {
    const from = this.positions[start]!;
    switch (expression.kind) {
      case "bytes":
        from.bytes.push({ set: expression.set, to: end });
        break;
      case "rule":
        from.calls.push({ name: expression.name, to: end });
        break;
      case "choice":
        for (const option of expression.options) this.lay(option, { start, end });
        break;
      case "sequence":
        this.positions[
          expression.parts.reduce((at, part) => this.after(part, at), start)
        ]!.free.push(end);
        break;
      case "repeat":
        this.layRepeat(expression, { start, end });
        break;
      case "until":
      case "without":
        this.layMark(Buffer.from(expression.mark), expression.kind, { start, end });
    }
  }

  private layMark(
    mark: Uint8Array,
    kind: "until" | "without",
    { start, end }: { start: number; end: number },
  ): void {
    const places = Array.from(mark, () => this.position());
    this.positions[start]!.free.push(places[0]!);
    if (kind === "without") for (const place of places) this.positions[place]!.free.push(end);
    progress(mark).forEach((behind, matched) => {
      const sets = new Map<number, Set<number>>();
      behind.forEach((length, byte) => sets.set(length, (sets.get(length) ?? new Set()).add(byte)));
      for (const [length, set] of sets)
        if (length < mark.length || kind === "until")
          this.positions[places[matched]!]!.bytes.push({ set, to: places[length] ?? end });
    });
  }

  private layRepeat(
    { of, least, most }: Expression & { kind: "repeat" },
    { start, end }: { start: number; end: number },
  ): void {
    let at = start;
    for (let count = 0; count < least; count++) at = this.after(of, at);
    if (most === undefined) {
      // entered by a step of its own, so that nothing else comes back into the loop
      const loop = this.position();
      this.positions[at]!.free.push(loop);
      this.positions[this.after(of, loop)]!.free.push(loop);
      at = loop;
    } else
      for (let count = least; count < most; count++) {
        this.positions[at]!.free.push(end);
        at = this.after(of, at);
      }
    this.positions[at]!.free.push(end);
  }

  /** Lays an expression from a position on; gives where it ends. */
  private after(expression: Expression, start: number): number {
    const end = this.position();
    this.lay(expression, { start, end });
    return end;
  }

  private call(to: number, outer: Calls | undefined): Calls {
    const key = `${to} ${outer?.id ?? -1}`;
    const known = this.openCalls.get(key);
    if (known) return known;
    const calls = { id: this.nextCall++, to, outer };
    this.openCalls.set(key, calls);
    return calls;
  }

  /** All places that are reached without a byte, as a state. */
  private stateOf(reached: readonly Place[]): State {
    const seen = new Map<string, Place>();
    const open: Place[] = [];
    const reach = (place: Place): void => {
      const key = `${place.position} ${place.calls?.id ?? -1}`;
      if (seen.has(key)) return;
      if (seen.size >= MOST_PLACES)
        throw new AttuneError("data", "the grammar leaves too many readings open", {
          expected: `at most ${MOST_PLACES}`,
          hint: "alternatives that begin differently",
        });
      seen.set(key, place);
      open.push(place);
    };
    for (const place of reached) reach(place);
    let ends = false;
    for (let place = open.pop(); place; place = open.pop()) {
      const { position, calls } = place;
      const { free, calls: called } = this.positions[position]!;
      for (const to of free) reach({ position: to, calls });
      for (const { name, to } of called)
        reach({ position: this.rules.get(name)!.start, calls: this.call(to, calls) });
      if (!this.ends.has(position)) continue;
      if (calls) reach({ position: calls.to, calls: calls.outer });
      else ends ||= position === this.rootEnd;
    }
    const kept = [...seen].filter(([, { position }]) => this.positions[position]!.bytes.length > 0);
    const key = `${ends} ${kept
      .map(([name]) => name)
      .toSorted()
      .join(",")}`;
    const known = this.states.get(key);
    if (known) return known;
    if (this.states.size >= MOST_STATES) {
      this.states.clear();
      this.openCalls.clear();
    }
    const state: State = {
      ends,
      places: kept.map(([, place]) => place),
      next: Array.from({ length: 256 }),
    };
    this.states.set(key, state);
    return state;
  }
}
