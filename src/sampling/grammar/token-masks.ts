/**
 * Which tokens of a vocabulary a grammar allows next: the bytes of all tokens as a tree, walked
 * along with the grammar's states.
 */
import { AttuneError } from "../../core/errors.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { Slices } from "../../text/slices.ts";
import type { TokenConstraint } from "../shaping.ts";
import type { Automaton, State } from "./automaton.ts";
import { CONTROL, PLAIN_BYTES } from "./automaton.ts";

/** Tokens and nodes between two slices: about a millisecond. */
const SLICE_TOKENS = 200;
const SLICE_NODES = 5_000;

interface Nodes {
  symbols: Uint16Array;
  depths: Uint16Array;
  /** For each node, where a walk goes on that passes over its children. */
  past: Int32Array;
  tokens: readonly (readonly number[])[];
  /** 1 where a token at or behind the node holds something other than plain characters. */
  mixed: Uint8Array;
  /** 1 where all bytes up to a node are plain characters. */
  plainPath: Uint8Array;
  /** Most bytes of a token that is all plain. */
  longestPlain: number;
}

/**
 * Tokens by their bytes: nodes of the tree in the order of a walk, children behind their parent.
 */
export class TokenTree {
  readonly size: number;
  readonly stopIds: readonly number[];
  /** Nodes that walks have looked at. */
  visited = 0;
  private readonly nodes: Nodes;
  /** Tokens that are all plain. */
  private readonly plain: Uint32Array;
  private readonly symbolsOfToken: (id: number) => Iterable<number>;

  private constructor(
    encoder: Encoder,
    nodes: Nodes,
    symbolsOfToken: (id: number) => Iterable<number>,
  ) {
    this.size = encoder.tokenizer.vocabularySize;
    this.stopIds = encoder.stopIds;
    this.nodes = nodes;
    this.symbolsOfToken = symbolsOfToken;
    this.plain = new Uint32Array(Math.ceil(this.size / 32));
    nodes.tokens.forEach(
      (ids, node) =>
        nodes.plainPath[node] === 1 &&
        ids.forEach((id) => (this.plain[id >>> 5]! |= 1 << (id & 31))),
    );
  }

  /**
   * @param marks control tokens that a grammar may name: the first as {@link CONTROL}, the second
   * as the symbol behind it, and so on
   */
  static *build(encoder: Encoder, marks: readonly string[] = []): Slices<TokenTree> {
    const { tokenizer, stopIds } = encoder;
    const named = new Map(
      marks.flatMap((mark, index) =>
        tokenizer.idOf(mark) === undefined ? [] : [[tokenizer.idOf(mark)!, [CONTROL + index]]],
      ),
    );
    const symbolsOf = (id: number): Iterable<number> => named.get(id) ?? tokenizer.bytesOf(id);
    const unnamed = new Set(
      [...tokenizer.controlTokens.map((token) => tokenizer.idOf(token)), ...stopIds].filter(
        (id) => id === undefined || !named.has(id) || stopIds.includes(id),
      ),
    );
    const root: Branches = new Map();
    for (let id = 0; id < tokenizer.vocabularySize; id++) {
      if (!unnamed.has(id)) insert(root, symbolsOf(id), id);
      if (id % SLICE_TOKENS === SLICE_TOKENS - 1) yield;
    }
    return new TokenTree(encoder, yield* layNodes(root), symbolsOf);
  }

  /** One bit for each token that may follow; stop tokens where the text may end. */
  mask(automaton: Automaton, state: State): Uint32Array {
    const mask = new Uint32Array(Math.ceil(this.size / 32));
    const set = (id: number): void => void (mask[id >>> 5]! |= 1 << (id & 31));
    const { symbols, depths, past, tokens, mixed, longestPlain } = this.nodes;
    // within a string only what may leave it needs to be looked at
    const allPlain = automaton.allowsPlain(state, longestPlain);
    if (allPlain) mask.set(this.plain);
    const states: State[] = [state];
    for (let node = 0; node < symbols.length;) {
      if (allPlain && mixed[node] === 0) {
        node = past[node]!;
        continue;
      }
      this.visited++;
      const depth = depths[node]!;
      const next = automaton.step(states[depth]!, symbols[node]!);
      if (next === null) {
        node = past[node]!;
        continue;
      }
      states[depth + 1] = next;
      for (const id of tokens[node]!) set(id);
      node++;
    }
    if (state.ends) for (const id of this.stopIds) set(id);
    if (mask.every((word) => word === 0))
      throw new AttuneError(
        "data",
        "no token of the vocabulary goes on with what the grammar asks for",
      );
    return mask;
  }

  symbolsOf(id: number): Iterable<number> {
    return this.symbolsOfToken(id);
  }
}

type Branches = Map<number, Branch>;

interface Branch {
  children: Branches;
  ids: number[];
}

function insert(root: Branches, symbols: Iterable<number>, id: number): void {
  let children = root;
  let branch: Branch | undefined;
  for (const symbol of symbols) {
    branch = children.get(symbol);
    if (branch === undefined) children.set(symbol, (branch = { children: new Map(), ids: [] }));
    ({ children } = branch);
  }
  branch?.ids.push(id);
}

const IS_PLAIN = new Set(PLAIN_BYTES);

interface OpenNode {
  node: number;
  plain: boolean;
  mixed: boolean;
  children: Iterator<[number, Branch]>;
}

/** Branches as lists, each node before its children. */
function* layNodes(root: Branches): Slices<Nodes> {
  const [symbols, depths, past, mixed, plainPath]: [
    number[],
    number[],
    number[],
    number[],
    number[],
  ] = [[], [], [], [], []];
  const tokens: number[][] = [];
  let longestPlain = 0;
  const open: OpenNode[] = [{ node: -1, plain: true, mixed: false, children: root.entries() }];
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const { value, done } = top.children.next();
    if (done) {
      open.pop();
      const outer = open.at(-1);
      if (outer === undefined) break;
      past[top.node] = symbols.length;
      mixed[top.node] = top.mixed ? 1 : 0;
      outer.mixed ||= top.mixed;
      continue;
    }
    const [symbol, { children, ids }] = value;
    const plain = top.plain && IS_PLAIN.has(symbol);
    depths.push(open.length - 1);
    past.push(0);
    mixed.push(0);
    plainPath.push(plain ? 1 : 0);
    tokens.push(ids);
    if (plain && ids.length > 0) longestPlain = Math.max(longestPlain, open.length);
    open.push({
      node: symbols.push(symbol) - 1,
      plain,
      mixed: !plain,
      children: children.entries(),
    });
    if (symbols.length % SLICE_NODES === 0) yield;
  }
  return {
    symbols: Uint16Array.from(symbols),
    depths: Uint16Array.from(depths),
    past: Int32Array.from(past),
    tokens,
    mixed: Uint8Array.from(mixed),
    plainPath: Uint8Array.from(plainPath),
    longestPlain,
  };
}

/** Masks by state, for all answers that are held to one grammar. */
export class TokenMasks {
  private readonly automaton: Automaton;
  private readonly tree: TokenTree;
  private readonly masks = new WeakMap<State, Uint32Array>();

  constructor(automaton: Automaton, tree: TokenTree) {
    this.automaton = automaton;
    this.tree = tree;
  }

  /** Opens the constraint for one answer. */
  constrain(): TokenConstraint {
    let state = this.automaton.start;
    return {
      allowed: () => {
        const known = this.masks.get(state);
        if (known) return known;
        const mask = this.tree.mask(this.automaton, state);
        this.masks.set(state, mask);
        return mask;
      },
      take: (id) => {
        if (this.tree.stopIds.includes(id)) return;
        for (const symbol of this.tree.symbolsOf(id))
          state = this.automaton.step(state, symbol) ?? state;
      },
    };
  }
}
