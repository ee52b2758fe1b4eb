/**
 * Grammars that answers are held to, compiled once for each that is asked for, over one tree of the
 * vocabulary.
 */
import { AttuneError } from "../core/errors.ts";
import { Automaton, literal, optional, sequence } from "../sampling/grammar/automaton.ts";
import type { Grammar } from "../sampling/grammar/json-grammar.ts";
import { grammarWith } from "../sampling/grammar/json-grammar.ts";
import { TokenMasks, TokenTree } from "../sampling/grammar/token-masks.ts";
import type { TokenConstraint } from "../sampling/shaping.ts";
import type { Encoder } from "../text/encoder.ts";
import { ApiError } from "./api-error.ts";
import type { SliceQueue } from "./slice-queue.ts";
import type { AnswerParser } from "./answer-parser.ts";
import type { CallRules, FormFacts } from "./tool-grammar.ts";
import { callGrammar, restOfThought } from "./tool-grammar.ts";

/** Grammars that are remembered; the one that was asked for longest ago is forgotten. */
const REMEMBERED = 8;

export class Grammars {
  readonly facts: FormFacts;
  private readonly encoder: Encoder;
  private readonly known = new Map<string, TokenMasks>();
  private readonly slices: SliceQueue;
  private building: Promise<TokenTree> | undefined;
  private tree: TokenTree | undefined;

  constructor(
    encoder: Encoder,
    { reader: { form, marks }, template: { source } }: AnswerParser,
    slices: SliceQueue,
  ) {
    this.encoder = encoder;
    this.facts = { form, marks, source };
    this.slices = slices;
  }

  /** To be awaited before a grammar is asked for: the vocabulary is laid out once. */
  async ready(): Promise<void> {
    this.tree = await (this.building ??= this.slices.run(
      TokenTree.build(this.encoder, this.facts.marks),
    ));
  }

  /**
   * @param schema undefined for any JSON object
   * @throws ApiError 400 where the schema asks for what is not supported
   */
  json(schema: unknown, { openThought }: { openThought: boolean }): () => TokenConstraint {
    const build = (): Grammar =>
      grammarWith([schema ?? { type: "object" }], ([value]) =>
        sequence(openThought ? restOfThought(this.facts) : optional(literal(" ")), value!),
      );
    return this.constraint(
      ["json", schema ?? null, openThought],
      build,
      "response_format.json_schema.schema",
    );
  }

  /** @throws ApiError 400 */
  calls(rules: CallRules): () => TokenConstraint {
    return this.constraint(["calls", rules], () => callGrammar(this.facts, rules), "tools");
  }

  private constraint(key: unknown, build: () => Grammar, param: string): () => TokenConstraint {
    const name = JSON.stringify(key);
    const masks = this.known.get(name) ?? this.compile(build, param);
    this.known.delete(name);
    this.known.set(name, masks);
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
    return () => masks.constrain();
  }

  private compile(build: () => Grammar, param: string): TokenMasks {
    try {
      return new TokenMasks(new Automaton(build(), "root"), this.tree!);
    } catch (error) {
      if (error instanceof AttuneError && error.code === "data")
        throw new ApiError(400, error.message, { param, code: "invalid_json_schema" });
      throw error;
    }
  }
}
