/** Grammars that answers are held to, compiled once for each schema, over one tree of the vocabulary. */
import { AttuneError } from "../core/errors.ts";
import { Automaton } from "../sampling/grammar/automaton.ts";
import { jsonGrammar } from "../sampling/grammar/json-grammar.ts";
import { TokenMasks, TokenTree } from "../sampling/grammar/token-masks.ts";
import type { TokenConstraint } from "../sampling/shaping.ts";
import type { Encoder } from "../text/encoder.ts";
import { ApiError } from "./api-error.ts";

/** Schemas that are remembered; the one that was asked for longest ago is forgotten. */
const REMEMBERED = 8;

export class Grammars {
  private readonly encoder: Encoder;
  private readonly known = new Map<string, TokenMasks>();
  private tree: TokenTree | undefined;

  constructor(encoder: Encoder) {
    this.encoder = encoder;
  }

  /**
   * @param schema undefined for any JSON object
   * @throws ApiError 400 where the schema asks for what is not supported
   */
  constraint(schema: unknown): () => TokenConstraint {
    const key = JSON.stringify(schema) ?? "";
    const masks = this.known.get(key) ?? this.compile(schema);
    this.known.delete(key);
    this.known.set(key, masks);
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
    return () => masks.constrain();
  }

  private compile(schema: unknown): TokenMasks {
    try {
      const { rules, root } = jsonGrammar(schema);
      return new TokenMasks(new Automaton(rules, root), (this.tree ??= new TokenTree(this.encoder)));
    } catch (error) {
      if (error instanceof AttuneError && error.code === "data") throw new ApiError(400, error.message, { param: "response_format.json_schema.schema", code: "invalid_json_schema" });
      throw error;
    }
  }
}
