/**
 * Tokenizers: a layer over @huggingface/tokenizers that never adds special tokens by itself, can
 * encode untrusted text in which `<|im_end|>` is ordinary characters, and can go on after a text.
 *
 * A control token (`special` in tokenizer.json, or named by tokenizer_config.json) is recognised in
 * trusted text only. Other added tokens, such as Qwen's `<think>`, are words of the vocabulary and
 * recognised everywhere, as llama.cpp and the Rust library's `encode_special_tokens` have it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { readRegularText } from "./regular-file.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { EncodeOptions, Pipeline } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import { createPipeline } from "./pipeline.ts";
import { finish } from "./slices.ts";
import { bytesJoinToText, tokenBytes } from "./token-bytes.ts";
import { staysInProportion } from "./text-growth.ts";
import type { TextPart } from "./text-parts.ts";
import { guardText } from "./text-parts.ts";
import { tokenFinder } from "./token-finder.ts";
import type { JsonObject, NamedToken, TokenizerJson } from "./tokenizer-json.ts";
import {
  namedToken,
  namedTokens,
  parseObject,
  readAddedTokens,
  readTokenizerJson,
} from "./tokenizer-json.ts";

/** Texts to token ids and back, exactly as tokenizer.json says. */
export interface Tokenizer {
  /** Ids are below this. */
  readonly vocabularySize: number;
  /** Begins a text; undefined where there is none. */
  readonly bosId: number | undefined;
  /** Ends a text; undefined where there is none. */
  readonly eosId: number | undefined;
  /** Fills up rows; undefined where there is none. */
  readonly padId: number | undefined;
  /** Stands for what has no token; undefined where there is none. */
  readonly unknownId: number | undefined;
  /** Whether plain text is meant to start with BOS. */
  readonly addsBos: boolean;
  /** Further ids at which generation stops, from generation_config.json. */
  readonly extraStopIds: readonly number[];
  /** The tokens that the configuration names: `bos_token`, `eos_token`, `pad_token`, ... */
  readonly namedTokens: Readonly<Partial<Record<NamedToken, string>>>;
  /** Jinja source of the chat template, where the model has one. */
  readonly chatTemplate: string | undefined;
  /** The one for conversations with tools, where the model has one of its own. */
  readonly toolTemplate: string | undefined;
  /** The file that the chat template stands in, for errors. */
  readonly templatePlace: string;
  /** Tokens that are split off before anything else, such as `<|im_end|>` and `<think>`. */
  readonly specialTokens: readonly string[];
  /** Added tokens that direct the model, which untrusted text must not hold. */
  readonly controlTokens: readonly string[];
  /** Never adds BOS or EOS; control tokens that are written in the text are recognised. */
  encode(text: string): number[];
  /** For untrusted text: control tokens that are written in it stay ordinary characters. */
  encodePlain(text: string, options?: EncodeOptions): number[];
  /** Parts as one text; plain ones are untrusted. */
  encodeParts(parts: readonly TextPart[], options?: EncodeOptions): number[];
  /** The same, slice by slice, so that others may go on meanwhile. */
  encodeSlices(parts: readonly TextPart[], options?: EncodeOptions): Slices<number[]>;
  /**
   * Ids without a token (a padded vocabulary has some) give nothing. `skipSpecial` leaves control
   * tokens out; what `continues` another text keeps the space that it begins with.
   */
  decode(
    ids: readonly number[],
    options?: {
      /** Leaves control tokens out. Default false. */
      skipSpecial?: boolean;
      /** They go on with another text: a space at their beginning stays. Default false. */
      continues?: boolean;
    },
  ): string;
  /**
   * Characters of an untrusted text that become no token, since the vocabulary has neither them,
   * nor their bytes, nor an unknown token.
   */
  lostCharacters(text: string): string[];
  /** Id of a token; undefined where there is none. */
  idOf(token: string): number | undefined;
  /** The token of an id, as the vocabulary writes it; undefined where there is none. */
  tokenOf(id: number): string | undefined;
  /**
   * What a token is within a text; nothing for an id without a token. Joined, the bytes of tokens
   * are their text.
   */
  bytesOf(id: number): Uint8Array;
  /** sha256 over everything that changes ids. */
  readonly fingerprint: string;
  /** Files to write next to exported weights. */
  readonly files: Readonly<Record<string, string>>;
}

/** The files that a tokenizer is made of. */
export interface TokenizerFiles {
  "tokenizer.json": string;
  "tokenizer_config.json"?: string;
  "generation_config.json"?: string;
  "chat_template.jinja"?: string;
  "special_tokens_map.json"?: string;
}

/** Larger than any tokenizer; a hostile one must not fill the memory. */
const MAX_BYTES = 2 ** 28;
const FILE_NAMES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "generation_config.json",
  "chat_template.jinja",
  "special_tokens_map.json",
] as const;
/** Part of every fingerprint; raised when the same files come to give other ids. */
const VERSION = 2;
/** Characters that are kept of a library's message, which may quote the file. */
const LONGEST_REASON = 300;
const PROBE = " It's 1 probe,\n é½🙂!";

/**
 * Reads the tokenizer of a model folder.
 * @throws AttuneError `model` where tokenizer.json is missing or broken
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  if (!existsSync(join(folder, "tokenizer.json"))) {
    throw new AttuneError("model", "the folder has no tokenizer.json", {
      file: folder,
      hint:
        "save the tokenizer in its fast form: " +
        "AutoTokenizer.from_pretrained(...).save_pretrained(...)",
    });
  }
  const files: Partial<Record<(typeof FILE_NAMES)[number], string>> = {};
  for (const name of FILE_NAMES)
    if (existsSync(join(folder, name)))
      files[name] = readRegularText(join(folder, name), { code: "model", limit: MAX_BYTES });
  return tokenizerFromFiles(files as TokenizerFiles, folder);
}

/**
 * @param place what the files belong to, for error messages
 * @throws AttuneError `model` naming what is wrong
 */
export function tokenizerFromFiles(files: TokenizerFiles, place = "tokenizer"): Tokenizer {
  const read = (name: (typeof FILE_NAMES)[number]): JsonObject =>
    files[name] === undefined ? {} : parseObject(name, files[name], place);
  const json = readTokenizerJson(files["tokenizer.json"], place);
  const config = { ...read("special_tokens_map.json"), ...read("tokenizer_config.json") };
  const added = readAddedTokens(json, config, place);
  const unknownToken = namedToken(config, "unk_token") ?? json.model.unk_token ?? undefined;
  const pipeline = openPipeline(json, added, unknownToken, place);
  const vocabulary = readVocabulary(json, added);
  const bytesOf = tokenBytes(json, added, (id) => pipeline.decode([id]));
  const controlTokens = added.filter(({ control }) => control).map(({ content }) => content);
  const findControl = tokenFinder(controlTokens);
  const encodeSlices = (parts: readonly TextPart[], options?: EncodeOptions): Slices<number[]> =>
    pipeline.encode(
      parts.flatMap((part) => (part.plain ? guardText(part.text, findControl) : part)),
      options,
    );
  const encodeParts = (parts: readonly TextPart[], options?: EncodeOptions): number[] =>
    finish(encodeSlices(parts, options));
  const facts = tokenFacts(json, config, { vocabulary, unknownToken });
  return {
    ...facts,
    vocabularySize: vocabulary.size,
    extraStopIds: [read("generation_config.json")["eos_token_id"]]
      .flat()
      .filter((id): id is number => typeof id === "number" && vocabulary.tokenOf.has(id)),
    namedTokens: namedTokens(config),
    ...templatesOf(files, config, place),
    specialTokens: added.map(({ content }) => content),
    controlTokens,
    encode: (text) => finish(pipeline.encode([{ text, plain: false }])),
    encodePlain: (text, options) => encodeParts([{ text, plain: true }], options),
    encodeParts,
    encodeSlices,
    decode: createDecoder(pipeline, vocabulary, { added, bytesOf, joining: bytesJoinToText(json) }),
    lostCharacters: (text) =>
      lostCharacters(text, (part) => pipeline.missing(guardText(part, findControl))),
    idOf: (token) => vocabulary.idOf.get(token),
    tokenOf: (id) => vocabulary.tokenOf.get(id),
    bytesOf(id) {
      const token = vocabulary.tokenOf.get(id);
      return token === undefined ? new Uint8Array() : bytesOf(id, token);
    },
    fingerprint: fingerprintOf(json, added, facts),
    files: { ...files },
  };
}

type TokenFacts = Pick<Tokenizer, "bosId" | "eosId" | "padId" | "unknownId" | "addsBos">;

function tokenFacts(
  json: TokenizerJson,
  config: JsonObject,
  { vocabulary, unknownToken }: { vocabulary: Vocabulary; unknownToken: string | undefined },
): TokenFacts {
  const idOf = (token: string | undefined): number | undefined =>
    token === undefined ? undefined : vocabulary.idOf.get(token);
  const bosId = idOf(namedToken(config, "bos_token"));
  return {
    bosId,
    eosId: idOf(namedToken(config, "eos_token")),
    padId: idOf(namedToken(config, "pad_token")),
    unknownId: idOf(unknownToken),
    addsBos: addsBos(json, config, bosId),
  };
}

/** The chat templates: a file of its own comes before those of the configuration. */
function templatesOf(
  files: TokenizerFiles,
  config: JsonObject,
  place: string,
): Pick<Tokenizer, "chatTemplate" | "toolTemplate" | "templatePlace"> {
  const own = files["chat_template.jinja"];
  const configured = config["chat_template"];
  return {
    chatTemplate: own ?? readTemplate(configured, "default"),
    toolTemplate:
      own === undefined && Array.isArray(configured)
        ? readTemplate(configured, "tool_use")
        : undefined,
    templatePlace: join(place, own === undefined ? "tokenizer_config.json" : "chat_template.jinja"),
  };
}

function createDecoder(
  pipeline: Pipeline,
  { tokenOf }: Vocabulary,
  {
    added,
    bytesOf,
    joining,
  }: {
    added: readonly AddedToken[];
    bytesOf: (id: number, token: string) => Uint8Array;
    joining: boolean;
  },
): Tokenizer["decode"] {
  const controlIds = new Set(added.filter(({ control }) => control).map(({ id }) => id));
  return (ids, { skipSpecial = false, continues = false } = {}) => {
    const kept = ids.filter((id) => tokenOf.has(id) && !(skipSpecial && controlIds.has(id)));
    return continues && joining
      ? textOfBytes(Buffer.concat(kept.map((id) => bytesOf(id, tokenOf.get(id)!))))
      : pipeline.decode(kept);
  };
}

/** @param missing what of a text becomes no token */
function lostCharacters(text: string, missing: (part: string) => string[]): string[] {
  const lost = missing(text);
  if (lost.length === 0) return [];
  const alone = new Map<string, boolean>();
  const isLost = (character: string): boolean => {
    const known = alone.get(character) ?? missing(character).length > 0;
    alone.set(character, known);
    return known;
  };
  const characters = [...text].filter(isLost);
  // some are lost only where they stand, as at the end of a word
  return characters.length === 0 ? lost : characters;
}

const fingerprintOf = (
  { normalizer, pre_tokenizer: preTokenizer, model, decoder }: TokenizerJson,
  added: readonly AddedToken[],
  facts: TokenFacts,
): string =>
  createHash("sha256")
    .update(JSON.stringify([VERSION, normalizer, preTokenizer, model, decoder, added, facts]))
    .digest("hex");

const textOfBytes = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

function openPipeline(
  json: TokenizerJson,
  added: readonly AddedToken[],
  unknownToken: string | undefined,
  place: string,
): Pipeline {
  try {
    if (!staysInProportion([json.normalizer, json.pre_tokenizer, json.decoder]))
      throw new Error("its components make a text more than 1000 times as long");
    const pipeline = createPipeline(json, added, { unknownToken, file: place });
    // Some settings are only read when there is text.
    pipeline.decode(finish(pipeline.encode([{ text: PROBE, plain: false }])));
    return pipeline;
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("model", "the tokenizer cannot be used", {
      file: place,
      got: (cause instanceof Error ? cause.message : String(cause)).slice(0, LONGEST_REASON),
      cause,
    });
  }
}

interface Vocabulary {
  idOf: ReadonlyMap<string, number>;
  tokenOf: ReadonlyMap<number, string>;
  size: number;
}

/** Added tokens stand before words of the same text or id. */
function readVocabulary(json: TokenizerJson, added: readonly AddedToken[]): Vocabulary {
  const entries = [
    ...Object.entries(json.model.vocab),
    ...added.map(({ content, id }) => [content, id] as const),
  ];
  const tokenOf = new Map(entries.map(([token, id]) => [id, token]));
  const size = entries.reduce((largest, [, id]) => Math.max(largest, id + 1), 0);
  return { idOf: new Map(entries), tokenOf, size };
}

/** Whether texts begin with BOS: as the config says, else as the post-processor does. */
function addsBos(json: TokenizerJson, config: JsonObject, bosId: number | undefined): boolean {
  if (bosId === undefined) return false;
  if (typeof config["add_bos_token"] === "boolean") return config["add_bos_token"];
  const bos = namedToken(config, "bos_token");
  const processors = (json.post_processor?.["processors"] ?? [json.post_processor]) as ({
    type?: string;
    single?: { SpecialToken?: { id?: string } }[];
  } | null)[];
  return processors.some(
    (processor) =>
      processor?.type === "TemplateProcessing" && processor.single?.[0]?.SpecialToken?.id === bos,
  );
}

/** A template, or the one of this name among several. */
function readTemplate(value: unknown, name: string): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  return (value as ({ name?: unknown; template?: unknown } | null)[]).flatMap((item) =>
    item?.name === name && typeof item.template === "string" ? [item.template] : [],
  )[0];
}
