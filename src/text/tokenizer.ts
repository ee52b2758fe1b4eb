/**
 * Tokenizers: a thin layer over @huggingface/tokenizers that never adds special tokens by itself and can encode
 * untrusted text in which `<|im_end|>` is ordinary characters.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { AttuneError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";

export interface Tokenizer {
  /** Ids are below this. */
  readonly vocabularySize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  /** Whether plain text is meant to start with BOS. */
  readonly addsBos: boolean;
  /** Further ids at which generation stops, from generation_config.json. */
  readonly extraStopIds: readonly number[];
  /** Jinja source of the chat template, where the model has one. */
  readonly chatTemplate: string | undefined;
  /** Tokens that are split off before anything else, such as `<|im_end|>`. */
  readonly specialTokens: readonly string[];
  /** Never adds BOS or EOS; special tokens that are written in the text are recognised. */
  encode(text: string): number[];
  /** For untrusted text: special tokens that are written in it stay ordinary characters. */
  encodePlain(text: string): number[];
  decode(ids: readonly number[], options?: { skipSpecial?: boolean }): string;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** sha256 over everything that changes ids. */
  readonly fingerprint: string;
  /** Files to write next to exported weights. */
  readonly files: Readonly<Record<string, string>>;
}

interface AddedToken {
  id: number;
  content: string;
  special?: boolean;
}

/** The parts of tokenizer.json and tokenizer_config.json that are read here. */
export interface TokenizerFiles {
  "tokenizer.json": string;
  "tokenizer_config.json"?: string;
  "generation_config.json"?: string;
  "chat_template.jinja"?: string;
  "special_tokens_map.json"?: string;
}

const FILE_NAMES = ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja", "special_tokens_map.json"] as const;

/** Reads the tokenizer of a model folder. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  if (!existsSync(join(folder, "tokenizer.json"))) {
    throw new AttuneError("model", "the folder has no tokenizer.json", { file: folder, hint: "save the tokenizer in its fast form: AutoTokenizer.from_pretrained(...).save_pretrained(...)" });
  }
  const files: Partial<Record<(typeof FILE_NAMES)[number], string>> = {};
  for (const name of FILE_NAMES) if (existsSync(join(folder, name))) files[name] = await readFile(join(folder, name), "utf8");
  return tokenizerFromFiles(files as TokenizerFiles, folder);
}

function readJson(name: string, text: string | undefined, place: string): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    return parseJson(text) as Record<string, unknown>;
  } catch (cause) {
    throw new AttuneError("model", `cannot read ${name}`, { file: place, got: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

/** @param place what the files belong to, for error messages */
export function tokenizerFromFiles(files: TokenizerFiles, place = "tokenizer"): Tokenizer {
  const json = readJson("tokenizer.json", files["tokenizer.json"], place);
  const config = { ...readJson("special_tokens_map.json", files["special_tokens_map.json"], place), ...readJson("tokenizer_config.json", files["tokenizer_config.json"], place) };
  const generation = readJson("generation_config.json", files["generation_config.json"], place);
  let library: Library;
  let plain: Library;
  try {
    library = new Library(json, config);
    plain = new Library({ ...json, added_tokens: [] }, config);
  } catch (cause) {
    throw new AttuneError("model", "the tokenizer cannot be used", { file: place, got: cause instanceof Error ? cause.message : String(cause), cause });
  }
  const added = (json["added_tokens"] ?? []) as AddedToken[];
  const idOf = (token: string): number | undefined => library.token_to_id(token);
  const named = (key: string): number | undefined => {
    const value = config[key];
    const content = typeof value === "string" ? value : ((value as { content?: string } | null | undefined)?.content ?? undefined);
    return content === undefined ? undefined : idOf(content);
  };
  const bosId = named("bos_token");
  const vocabulary = library.get_vocab(true);
  let largest = 0;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  for (const { id } of added) largest = Math.max(largest, id);
  return {
    vocabularySize: largest + 1,
    bosId,
    eosId: named("eos_token"),
    padId: named("pad_token"),
    addsBos: addsBos(json, config, bosId),
    extraStopIds: [generation["eos_token_id"]].flat().filter((id): id is number => typeof id === "number"),
    chatTemplate: files["chat_template.jinja"] ?? readTemplate(config["chat_template"]),
    specialTokens: added.map(({ content }) => content),
    encode: (text) => (text === "" ? [] : library.encode(text, { add_special_tokens: false }).ids),
    encodePlain: (text) => (text === "" ? [] : plain.encode(text, { add_special_tokens: false }).ids),
    decode: (ids, options) => (ids.length === 0 ? "" : library.decode([...ids], { skip_special_tokens: options?.skipSpecial ?? false, clean_up_tokenization_spaces: false })),
    idOf,
    tokenOf: (id) => library.id_to_token(id),
    fingerprint: createHash("sha256").update(JSON.stringify([json, config["bos_token"], config["eos_token"], config["add_bos_token"]])).digest("hex"),
    files: Object.fromEntries(Object.entries(files).filter(([name]) => name !== "generation_config.json")),
  };
}

/** From the config, else from what the post-processor puts in front of a single text. */
function addsBos(json: Record<string, unknown>, config: Record<string, unknown>, bosId: number | undefined): boolean {
  if (bosId === undefined) return false;
  if (typeof config["add_bos_token"] === "boolean") return config["add_bos_token"];
  const processors = [json["post_processor"]].flatMap((p) => (p as { processors?: unknown[] } | null)?.processors ?? [p]);
  return processors.some((processor) => {
    const { type, single } = (processor ?? {}) as { type?: string; single?: { SpecialToken?: unknown }[] };
    return type === "TemplateProcessing" && single?.[0]?.SpecialToken !== undefined;
  });
}

function readTemplate(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  return (value as { name?: string; template?: string }[]).find(({ name }) => name === "default")?.template;
}
