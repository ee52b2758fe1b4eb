/** Which tokens of a vocabulary a grammar allows next: the bytes of all tokens as a tree, walked along with the grammar's states. */
import { AttuneError } from "../../core/errors.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { TokenConstraint } from "../shaping.ts";
import type { Automaton, State } from "./automaton.ts";
import { CONTROL } from "./automaton.ts";

/** Tokens by their bytes: nodes of the tree in the order of a walk, children behind their parent. */
export class TokenTree {
  readonly size: number;
  readonly stopIds: readonly number[];
  private readonly symbols: Uint16Array;
  private readonly depths: Uint16Array;
  /** Where the walk goes on without a node's children. */
  private readonly past: Int32Array;
  private readonly tokens: readonly (readonly number[])[];
  private readonly encoder: Encoder;
  /** What a control token stands for in grammars. */
  private readonly controlSymbols: ReadonlyMap<number, number>;
  /** Nodes that walks have looked at. */
  visited = 0;

  /** @param marks control tokens that a grammar may name: the first as {@link CONTROL}, the second as the symbol behind it, and so on */
  constructor(encoder: Encoder, marks: readonly string[] = []) {
    const { tokenizer } = encoder;
    this.controlSymbols = new Map(marks.flatMap((mark, index) => { const id = tokenizer.idOf(mark); return id === undefined ? [] : [[id, CONTROL + index]]; }));
    this.encoder = encoder;
    this.size = tokenizer.vocabularySize;
    this.stopIds = encoder.stopIds;
    const control = new Set(tokenizer.controlTokens.map((token) => tokenizer.idOf(token)));
    const root = new Map<number, Branch>();
    for (let id = 0; id < this.size; id++) {
      const symbols = this.symbolsOf(id);
      if (symbols.length === 0 || (control.has(id) && !this.controlSymbols.has(id)) || this.stopIds.includes(id)) continue;
      insert(root, symbols, id);
    }
    const [values, depths, past, tokens]: [number[], number[], number[], number[][]] = [[], [], [], []];
    const lay = (children: ReadonlyMap<number, Branch>, depth: number): void => {
      for (const [symbol, branch] of children) {
        const node = values.push(symbol) - 1;
        depths.push(depth);
        past.push(0);
        tokens.push(branch.ids);
        lay(branch.children, depth + 1);
        past[node] = values.length;
      }
    };
    lay(root, 0);
    [this.symbols, this.depths, this.past, this.tokens] = [Uint16Array.from(values), Uint16Array.from(depths), Int32Array.from(past), tokens];
  }

  /** One bit for each token that may follow; stop tokens where the text may end. */
  mask(automaton: Automaton, state: State): Uint32Array {
    const mask = new Uint32Array(Math.ceil(this.size / 32));
    const set = (id: number): void => void (mask[id >>> 5]! |= 1 << (id & 31));
    const states: State[] = [state];
    for (let node = 0; node < this.symbols.length; ) {
      this.visited++;
      const depth = this.depths[node]!;
      const next = automaton.step(states[depth]!, this.symbols[node]!);
      if (next === null) {
        node = this.past[node]!;
        continue;
      }
      states[depth + 1] = next;
      for (const id of this.tokens[node]!) set(id);
      node++;
    }
    if (state.ends) for (const id of this.stopIds) set(id);
    if (mask.every((word) => word === 0)) throw new AttuneError("data", "no token of the vocabulary goes on with what the grammar asks for");
    return mask;
  }

  symbolsOf(id: number): readonly number[] | Uint8Array {
    const symbol = this.controlSymbols.get(id);
    return symbol === undefined ? this.encoder.tokenizer.bytesOf(id) : [symbol];
  }
}

interface Branch {
  children: Map<number, Branch>;
  ids: number[];
}

function insert(root: Map<number, Branch>, symbols: Iterable<number>, id: number): void {
  let children = root;
  let branch: Branch | undefined;
  for (const symbol of symbols) {
    branch = children.get(symbol);
    if (branch === undefined) children.set(symbol, (branch = { children: new Map(), ids: [] }));
    ({ children } = branch);
  }
  branch!.ids.push(id);
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

  /** For one answer. */
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
        for (const symbol of this.tree.symbolsOf(id)) state = this.automaton.step(state, symbol) ?? state;
      },
    };
  }
}
