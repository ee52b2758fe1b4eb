/**
 * tokenizer.json and tokenizer_config.json as they are read: checked, so that a broken or hostile
 * file ends in a clear error, and brought into one form. Source: the serialisation of the Rust
 * library tokenizers, and transformers' PreTrainedTokenizerBase for the named special tokens.
 */
import { AttuneError, preview } from "../core/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Component } from "./library-corrections.ts";

export interface TokenizerJson {
  readonly normalizer: Component | null;
  readonly pre_tokenizer: Component | null;
  readonly post_processor: Component | null;
  readonly decoder: Component | null;
  readonly model: TokenizerModel;
  readonly added_tokens: readonly unknown[];
}

export interface TokenizerModel {
  readonly type: "BPE";
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (string | readonly string[])[];
  readonly unk_token?: string | null;
  readonly [key: string]: unknown;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Above every known vocabulary; an id of a billion would be an array of a billion. */
const MAX_ID = 2 ** 23;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws AttuneError `model` where the text is no JSON object */
export function parseObject(name: string, text: string, place: string): JsonObject {
  let value: unknown;
  try {
    // Keys named __proto__ are tokens like others, and JSON.parse makes own properties of them.
    value = JSON.parse(text);
  } catch (cause) {
    throw new AttuneError("model", `cannot read ${name}`, {
      file: place,
      got: cause instanceof Error ? cause.message : String(cause),
      hint: "download the file again",
      cause,
    });
  }
  if (!isObject(value)) throw broken(place, `${name} holds no object`, value);
  return value;
}

function broken(file: string, what: string, got: unknown, expected?: string): AttuneError {
  return new AttuneError("model", what, {
    file,
    got: preview(got),
    ...(expected === undefined ? {} : { expected }),
  });
}

/** @throws AttuneError `model` naming what is wrong */
export function readTokenizerJson(text: string, place: string): TokenizerJson {
  const json = parseObject("tokenizer.json", text, place);
  const added = json["added_tokens"] ?? [];
  if (!Array.isArray(added))
    throw broken(place, "added_tokens of tokenizer.json is no list", added);
  return {
    ...json,
    normalizer: component(json, "normalizer", place),
    pre_tokenizer: component(json, "pre_tokenizer", place),
    post_processor: component(json, "post_processor", place),
    decoder: component(json, "decoder", place),
    model: readModel(json["model"], place),
    added_tokens: added,
  };
}

function component(json: JsonObject, key: string, place: string): Component | null {
  const value = json[key] ?? null;
  if (value === null || (isObject(value) && typeof value["type"] === "string"))
    return value as Component | null;
  throw broken(place, `${key} of tokenizer.json has no type`, value);
}

function readModel(model: unknown, place: string): TokenizerModel {
  if (!isObject(model)) throw broken(place, "tokenizer.json has no model", model);
  // Files of the first versions do not name the type.
  const type = model["type"] ?? (model["merges"] === undefined ? undefined : "BPE");
  if (type !== "BPE")
    throw broken(
      place,
      "tokenizer.json has a kind of model that attune does not read",
      type,
      "BPE",
    );
  const vocab = model["vocab"];
  if (!isObject(vocab)) throw broken(place, "the vocabulary in tokenizer.json is no object", vocab);
  for (const [token, id] of Object.entries(vocab)) checkId(id, token, place);
  const merges = model["merges"];
  if (!(Array.isArray(merges) && merges.every(isMerge)))
    throw broken(place, "merges of tokenizer.json is no list of pairs", merges);
  return { ...model, type, vocab: vocab as Record<string, number>, merges };
}

function isMerge(merge: unknown): boolean {
  if (typeof merge === "string") return merge.includes(" ");
  return (
    Array.isArray(merge) && merge.length === 2 && merge.every((half) => typeof half === "string")
  );
}

function checkId(id: unknown, token: unknown, place: string): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < MAX_ID) return id;
  throw broken(
    place,
    `the token ${preview(token, 30)} has no usable id`,
    id,
    `a whole number from 0 to ${MAX_ID - 1}`,
  );
}

/** The keys of tokenizer_config.json that name a special token. */
const NAMED = [
  "bos_token",
  "eos_token",
  "unk_token",
  "pad_token",
  "sep_token",
  "cls_token",
  "mask_token",
] as const;
/** Names of tokens in tokenizer_config.json. */
export type NamedToken = (typeof NAMED)[number];

/** Text of a token in a config, where it is given as a text or as an object. */
export function namedToken(config: JsonObject, key: NamedToken): string | undefined {
  const value = config[key];
  const content = isObject(value) ? value["content"] : value;
  return typeof content === "string" && content !== "" ? content : undefined;
}

/** Texts of all special tokens that a config names. */
export function namedTokens(config: JsonObject): Partial<Record<NamedToken, string>> {
  return Object.fromEntries(
    NAMED.map((key) => [key, namedToken(config, key)]).filter(
      ([, content]) => content !== undefined,
    ),
  );
}

/**
 * The added tokens of tokenizer.json, then those that only the config knows. A token that the
 * config names (bos_token, additional_special_tokens, ...) is a control token, whatever
 * tokenizer.json says of it, unless it is one character: a model that pads with "!" must still read
 * it.
 */
export function readAddedTokens(
  json: TokenizerJson,
  config: JsonObject,
  place: string,
): AddedToken[] {
  const listed = isObject(config["added_tokens_decoder"])
    ? Object.entries(config["added_tokens_decoder"]).map(([id, token]) => ({
        ...(isObject(token) ? token : {}),
        id: Number(id),
      }))
    : [];
  const named = new Set(
    [...NAMED.map((key) => namedToken(config, key)), ...additionalTokens(config)].filter(
      (content) => content !== undefined && [...content].length > 1,
    ),
  );
  const tokens = new Map<string, AddedToken>();
  const ids = new Set<number>();
  for (const item of [...json.added_tokens, ...listed]) {
    if (!isObject(item) || typeof item["content"] !== "string" || item["content"] === "")
      throw broken(place, "an added token has no text", item);
    const content = item["content"];
    const id = checkId(item["id"], content, place);
    if (tokens.has(content) || ids.has(id)) continue;
    ids.add(id);
    const special = item["special"] === true;
    tokens.set(content, {
      id,
      content,
      control: special || named.has(content),
      normalized: typeof item["normalized"] === "boolean" ? item["normalized"] : !special,
      lstrip: item["lstrip"] === true,
      rstrip: item["rstrip"] === true,
      singleWord: item["single_word"] === true,
    });
  }
  for (const content of named) {
    const id =
      content !== undefined && Object.hasOwn(json.model.vocab, content)
        ? json.model.vocab[content]
        : undefined;
    if (content === undefined || id === undefined || tokens.has(content)) continue;
    tokens.set(content, {
      id,
      content,
      control: true,
      normalized: false,
      lstrip: false,
      rstrip: false,
      singleWord: false,
    });
  }
  return [...tokens.values()];
}

function additionalTokens(config: JsonObject): string[] {
  const value = config["additional_special_tokens"];
  if (!Array.isArray(value)) return [];
  return value
    .map((item: unknown) => (isObject(item) ? item["content"] : item))
    .filter((item) => typeof item === "string");
}
