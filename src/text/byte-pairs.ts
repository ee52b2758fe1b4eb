/**
 * Byte-pair merging: of all neighbours that have a merge, the one that stands first in the list is
 * joined, the leftmost of equals, until none is left.
 * Source: the Rust library tokenizers (models/bpe/word.rs, model.rs).
 * Differences:
 * 1. Work is done in slices of counted operations, so that a caller may do something else between
 *    two of them.
 * 2. Merges of tokens that are not in the vocabulary, which the library refuses, are left out.
 *
 * A word of n characters takes n log n operations: neighbours are a linked list, and their merges
 * wait in a heap.
 */
import type { TokenizerModel } from "./tokenizer-json.ts";

/**
 * Ids of merges by the ids of their two sides: open addressing in typed arrays, since a merge is
 * looked up three times for every one made.
 */
class PairTable {
  private readonly keys: Float64Array;
  private readonly values: Int32Array;
  private readonly mask: number;
  private readonly width: number;

  /** @param width ids are below this */
  constructor(count: number, width: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(8, 2 * count)));
    this.keys = new Float64Array(size).fill(-1);
    this.values = new Int32Array(size);
    this.mask = size - 1;
    this.width = width;
  }

  private place(left: number, right: number): number {
    const key = left * this.width + right;
    let place = ((Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 7) & this.mask;
    while (this.keys[place] !== key && this.keys[place] !== -1) place = (place + 1) & this.mask;
    return place;
  }

  set(left: number, right: number, value: number): void {
    const place = this.place(left, right);
    this.keys[place] = left * this.width + right;
    this.values[place] = value;
  }

  /** -1 where there is none. */
  get(left: number, right: number): number {
    const place = this.place(left, right);
    return this.keys[place] === -1 ? -1 : this.values[place]!;
  }
}

/** Smallest first. */
class Heap {
  private readonly items: number[] = [];

  get size(): number {
    return this.items.length;
  }

  push(item: number): void {
    const { items } = this;
    let place = items.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (items[parent]! <= item) break;
      items[place] = items[parent]!;
      place = parent;
    }
    items[place] = item;
  }

  pop(): number {
    const { items } = this;
    const first = items[0]!;
    const last = items.pop()!;
    const size = items.length;
    if (size === 0) return first;
    let place = 0;
    for (let child = 1; child < size; child = 2 * place + 1) {
      if (child + 1 < size && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[place] = items[child]!;
      place = child;
    }
    items[place] = last;
    return first;
  }
}

/** Places in a word are below this, and ranks below 2^53 over it. */
const PLACES = 2 ** 30;

/** Symbols of a word while they are joined. */
class Joining {
  private readonly model: BytePairs;
  private readonly ids: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** Rank of the merge with the next symbol; -1 for none, and of symbols that are gone. */
  private readonly ranks: Int32Array;
  private readonly heap = new Heap();
  /** Pairs before this place have been looked up. */
  private seen = 0;

  constructor(model: BytePairs, symbols: readonly number[]) {
    const { length } = symbols;
    this.model = model;
    this.ids = Int32Array.from(symbols);
    this.next = Int32Array.from({ length }, (_, place) => (place + 1 < length ? place + 1 : -1));
    this.previous = Int32Array.from({ length }, (_, place) => place - 1);
    this.ranks = new Int32Array(length).fill(-1);
  }

  /** Goes on for so many operations; tells whether all is done. */
  run(operations: number): boolean {
    let left = operations;
    for (; this.seen < this.ids.length && left > 0; left--) this.look(this.seen++);
    for (; this.heap.size > 0 && left > 0; left--) this.join(this.heap.pop());
    return this.seen === this.ids.length && this.heap.size === 0;
  }

  result(): number[] {
    const ids: number[] = [];
    for (let place = 0; place >= 0 && place < this.ids.length; place = this.next[place]!)
      ids.push(this.ids[place]!);
    return ids;
  }

  private look(place: number): void {
    const next = this.next[place]!;
    const rank = next < 0 ? -1 : this.model.rankOf(this.ids[place]!, this.ids[next]!);
    this.ranks[place] = rank;
    if (rank >= 0) this.heap.push(rank * PLACES + place);
  }

  private join(item: number): void {
    const place = item % PLACES;
    const rank = (item - place) / PLACES;
    // the pair has changed since
    if (this.ranks[place] !== rank) return;
    const gone = this.next[place]!;
    const next = this.next[gone]!;
    this.ids[place] = this.model.mergedBy(rank);
    this.next[place] = next;
    if (next >= 0) this.previous[next] = place;
    this.ranks[gone] = -1;
    this.look(place);
    if (this.previous[place]! >= 0) this.look(this.previous[place]!);
  }
}

/** Operations between two looks of a caller at something else: about a millisecond. */
export const SLICE = 10_000;

export interface BytePairOptions {
  /** Tokens that no text may become. */
  without: ReadonlySet<string>;
  /** Id of what the vocabulary does not have; undefined to leave it out. */
  unknownId: number | undefined;
}

export class BytePairs {
  private readonly idOf: ReadonlyMap<string, number>;
  private readonly table: PairTable;
  private readonly merged: Int32Array;
  private readonly model: TokenizerModel;
  private readonly unknownId: number | undefined;

  constructor(model: TokenizerModel, { without, unknownId }: BytePairOptions) {
    this.model = model;
    this.unknownId = unknownId;
    this.idOf = new Map(Object.entries(model.vocab).filter(([token]) => !without.has(token)));
    let width = 0;
    for (const id of this.idOf.values()) width = Math.max(width, id + 1);
    const prefix = text(model["continuing_subword_prefix"]).length;
    this.table = new PairTable(model.merges.length, width);
    this.merged = new Int32Array(model.merges.length);
    model.merges.forEach((merge, rank) => {
      const [left, right] =
        typeof merge === "string"
          ? [merge.slice(0, merge.indexOf(" ")), merge.slice(merge.indexOf(" ") + 1)]
          : (merge as [string, string]);
      const [leftId, rightId, mergedId] = [
        this.idOf.get(left),
        this.idOf.get(right),
        this.idOf.get(left + right.slice(prefix)),
      ];
      if (leftId === undefined || rightId === undefined || mergedId === undefined) return;
      this.table.set(leftId, rightId, rank);
      this.merged[rank] = mergedId;
    });
  }

  /** Place of a merge in the list; -1 where there is none. */
  rankOf(left: number, right: number): number {
    return this.table.get(left, right);
  }

  mergedBy(rank: number): number {
    return this.merged[rank]!;
  }

  /** Ids of a word; yields after every {@link SLICE} operations. */
  *encode(word: string): Generator<undefined, number[]> {
    const whole = this.model["ignore_merges"] === true ? this.idOf.get(word) : undefined;
    if (whole !== undefined) return [whole];
    const symbols = this.symbols(word);
    if (symbols.length < 2) return symbols;
    const joining = new Joining(this, symbols);
    while (!joining.run(SLICE)) yield;
    return joining.result();
  }

  /** Ids of the characters; of their bytes where the vocabulary lacks them. */
  private symbols(word: string): number[] {
    const ids: number[] = [];
    let unknown = false;
    for (const { symbol } of this.symbolsOf(word)) {
      const id = this.idOf.get(symbol);
      const known = id === undefined ? this.fallback(symbol) : [id];
      if (known) ids.push(...known);
      else if (this.unknownId !== undefined && !(unknown && this.model["fuse_unk"] === true))
        ids.push(this.unknownId);
      unknown = known === undefined;
    }
    return ids;
  }

  /** Symbols of a word that no token stands for, as they are written. */
  missing(word: string): string[] {
    if (this.model["ignore_merges"] === true && this.idOf.has(word)) return [];
    return this.symbolsOf(word).flatMap(({ symbol, character }) =>
      this.idOf.has(symbol) || this.fallback(symbol) !== undefined ? [] : [character],
    );
  }

  private symbolsOf(word: string): { symbol: string; character: string }[] {
    const [prefix, suffix] = [
      text(this.model["continuing_subword_prefix"]),
      text(this.model["end_of_word_suffix"]),
    ];
    let done = 0;
    return Array.from(word, (character) => {
      const before = done === 0 ? "" : prefix;
      done += character.length;
      return { character, symbol: before + character + (done === word.length ? suffix : "") };
    });
  }

  private fallback(symbol: string): number[] | undefined {
    if (this.model["byte_fallback"] !== true) return undefined;
    const ids = [...Buffer.from(symbol)].map((byte) =>
      this.idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
    );
    return ids.every((id) => id !== undefined) ? ids : undefined;
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
