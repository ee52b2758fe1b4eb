/**
 * The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json: byte-level BPE
 * (`tokenizer.ggml.model` gpt2) and SentencePiece BPE (`llama`). Source: llama.cpp's
 * llama-vocab.cpp for the meaning of the keys and their defaults, transformers'
 * convert_slow_tokenizer.py for SentencePiece vocabularies in the form of merges.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError, preview } from "../core/errors.ts";
import { BYTE_LEVEL, addedToken, bpeModel } from "./bpe-json.ts";
import { PRE_TOKENIZERS, PRE_TOKENIZER_OF_ARCHITECTURE } from "./gguf-pre-tokenizers.ts";
import type { GgufPreTokenizer } from "./gguf-pre-tokenizers.ts";
import { sentencePieceMerges } from "./sentencepiece.ts";
import type { TokenizerFiles } from "./tokenizer.ts";

/** Metadata of a GGUF file, by key; whole numbers may be bigints. */
export type GgufTokenizerMetadata =
  | ReadonlyMap<string, unknown>
  | Readonly<Record<string, unknown>>;

/** `tokenizer.ggml.token_type`. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/**
 * Every way to cut a piece is tried, so a piece of a million characters would take for ever; real
 * ones have up to 100.
 */
const LONGEST_PIECE = 1000;

/**
 * Names by which llama.cpp knows tokens that end an answer, since a GGUF file names one or two of
 * them only.
 */
const ENDS = new Set([
  "<|eot_id|>",
  "<|im_end|>",
  "<|end|>",
  "<end_of_turn>",
  "<|endoftext|>",
  "</s>",
  "<|eom_id|>",
  "<|end_of_text|>",
  "<EOT>",
  "_<EOT>",
  "<｜end▁of▁sentence｜>",
]);
/** Marks of code repositories, which llama.cpp takes for ends of a text too. */
const CODE_ENDS = new Set([
  "<|fim_pad|>",
  "<fim-pad>",
  "<fim_pad>",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<fim-repo>",
  "<REPO>",
  "<reponame>",
  "<|file_sep|>",
]);

interface Vocabulary {
  tokens: readonly string[];
  types: readonly number[];
}

/**
 * @param metadata at least `tokenizer.ggml.model`, `tokens`, and what the kind of model needs
 * @throws AttuneError `model` for a kind of tokenizer that attune does not have, or broken metadata
 */
export function tokenizerFilesFromGguf(metadata: GgufTokenizerMetadata): TokenizerFiles {
  const keys = new Keys(metadata);
  const model = keys.find("model");
  if (model !== "gpt2" && model !== "llama") {
    throw new AttuneError(
      "model",
      "the GGUF file has a kind of tokenizer that attune does not read",
      {
        got: preview(model),
        expected: "gpt2 (byte-level BPE) or llama (SentencePiece BPE)",
        hint: "the safetensors form of this model, with its tokenizer.json",
      },
    );
  }
  const pre = model === "gpt2" ? findPreTokenizer(keys) : undefined;
  const vocabulary = readVocabulary(keys);
  const addsBos = keys.flag("add_bos_token") ?? pre?.addsBos ?? model === "llama";
  const form =
    pre === undefined ? sentencePieceForm(keys, vocabulary) : byteLevelForm(keys, vocabulary, pre);
  const config = readConfig(keys, vocabulary.tokens, addsBos);
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...form,
    post_processor: addsBos ? bosProcessor(config["bos_token"], keys.id("bos")) : null,
  };
  const ends = endIds(keys, vocabulary);
  return {
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": `${JSON.stringify(config, null, 2)}\n`,
    ...(ends.length === 0
      ? {}
      : { "generation_config.json": `${JSON.stringify({ eos_token_id: ends }, null, 2)}\n` }),
  };
}

/** Typed access to the keys below `tokenizer.ggml`. */
class Keys {
  private readonly metadata: GgufTokenizerMetadata;

  constructor(metadata: GgufTokenizerMetadata) {
    this.metadata = metadata;
  }

  find(key: string, prefix = "tokenizer.ggml."): unknown {
    const name = prefix + key;
    if (this.metadata instanceof Map) return this.metadata.get(name) as unknown;
    const record = this.metadata as Readonly<Record<string, unknown>>;
    return Object.hasOwn(record, name) ? record[name] : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.find(key);
    return typeof value === "boolean" ? value : undefined;
  }

  text(key: string, prefix?: string): string | undefined {
    const value = this.find(key, prefix);
    return typeof value === "string" ? value : undefined;
  }

  id(token: string): number | undefined {
    const value = this.find(`${token}_token_id`);
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
  }

  /** A list whose every member passes; undefined where the key is absent. */
  list<T>(
    key: string,
    isMember: (value: unknown) => value is T,
    what: string,
  ): readonly T[] | undefined {
    const value = this.find(key);
    if (value === undefined) return undefined;
    const members = ArrayBuffer.isView(value)
      ? Array.from(value as unknown as Iterable<unknown>)
      : value;
    if (Array.isArray(members) && members.every(isMember)) return members;
    const wrong = Array.isArray(members) ? members.find((member) => !isMember(member)) : members;
    throw new AttuneError("model", `tokenizer.ggml.${key} of the GGUF file is broken`, {
      got: show(wrong),
      expected: `a list of ${what}`,
    });
  }

  required<T>(found: readonly T[] | undefined, key: string): readonly T[] {
    if (found !== undefined) return found;
    throw new AttuneError("model", `the GGUF file has no tokenizer.ggml.${key}`, {
      hint: "convert the model again",
    });
  }
}

/** Metadata in a message; bigints are no JSON. */
const show = (value: unknown): string =>
  typeof value === "bigint" ? String(value) : typeof value === "object" ? "a list" : preview(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number =>
  typeof value === "number" && !Number.isNaN(value);

function readVocabulary(keys: Keys): Vocabulary {
  const found = keys.required(keys.list("tokens", isText, "texts"), "tokens");
  const tokens = found.map((token, id) => (token === "" ? `[EMPTY_${id}]` : token));
  const seen = new Set<string>();
  for (const token of tokens) {
    if (seen.has(token))
      throw new AttuneError(
        "model",
        "a token is there twice in tokenizer.ggml.tokens of the GGUF file",
        { got: preview(token) },
      );
    seen.add(token);
  }
  const types = keys.list("token_type", isNumber, "numbers") ?? [];
  if (types.length > 0 && types.length < tokens.length) {
    throw new AttuneError("model", "tokenizer.ggml.token_type of the GGUF file is too short", {
      got: String(types.length),
      expected: `${tokens.length}, one for each token`,
    });
  }
  return { tokens, types };
}

function findPreTokenizer(keys: Keys): GgufPreTokenizer {
  const architecture = keys.text("architecture", "general.") ?? "";
  const name =
    keys.text("pre") ??
    (Object.hasOwn(PRE_TOKENIZER_OF_ARCHITECTURE, architecture)
      ? PRE_TOKENIZER_OF_ARCHITECTURE[architecture]!
      : "default");
  if (Object.hasOwn(PRE_TOKENIZERS, name)) return PRE_TOKENIZERS[name]!;
  throw new AttuneError("model", "the GGUF file has a pre-tokenizer that attune does not know", {
    got: preview(name),
    expected: Object.keys(PRE_TOKENIZERS).join(", "),
    hint: "the safetensors form of this model, with its tokenizer.json",
  });
}

function addedTokens({ tokens, types }: Vocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const special = types[id] === CONTROL || types[id] === UNKNOWN;
    if (!special && types[id] !== USER_DEFINED) return [];
    return [addedToken(id, content, special)];
  });
}

function byteLevelForm(keys: Keys, vocabulary: Vocabulary, pre: GgufPreTokenizer): object {
  const lines = keys.required(keys.list("merges", isText, "texts"), "merges");
  const merges = lines.map((line): [string, string] => {
    const space = line.indexOf(" ", 1);
    if (space > 0 && space < line.length - 1) return [line.slice(0, space), line.slice(space + 1)];
    throw new AttuneError("model", "tokenizer.ggml.merges of the GGUF file is broken", {
      got: preview(line),
      expected: "two tokens with a space between",
    });
  });
  return {
    normalizer: pre.normalizer ?? null,
    pre_tokenizer: pre.preTokenizer,
    decoder: BYTE_LEVEL.decoder,
    model: bpeModel(vocabulary.tokens, merges, { ignore_merges: pre.ignoreMerges ?? false }),
  };
}

/**
 * llama.cpp puts a space before every stretch of text between special tokens, as the first Llama
 * tokenizers did.
 */
function sentencePieceForm(keys: Keys, vocabulary: Vocabulary): object {
  const scores = keys.required(keys.list("scores", isNumber, "numbers"), "scores");
  if (scores.length < vocabulary.tokens.length) {
    throw new AttuneError("model", "tokenizer.ggml.scores of the GGUF file is too short", {
      got: String(scores.length),
      expected: `${vocabulary.tokens.length}, one for each token`,
    });
  }
  const long = vocabulary.tokens.find((token) => token.length > LONGEST_PIECE);
  if (long !== undefined)
    throw new AttuneError(
      "model",
      "a token in tokenizer.ggml.tokens of the GGUF file is too long",
      { got: countOf(long.length, "character"), expected: `at most ${LONGEST_PIECE}` },
    );
  const space = { type: "Replace", pattern: { String: " " }, content: "\u2581" };
  const prefix = keys.flag("add_space_prefix") ?? true;
  const unknown =
    vocabulary.tokens[keys.id("unknown") ?? vocabulary.types.indexOf(UNKNOWN)] ?? null;
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [...(prefix ? [{ type: "Prepend", prepend: "\u2581" }] : []), space],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "\u2581" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: bpeModel(vocabulary.tokens, sentencePieceMerges(vocabulary.tokens, scores), {
      unk_token: unknown,
      fuse_unk: true,
      byte_fallback: true,
    }),
  };
}

/** So that other software, which reads tokenizer.json alone, puts BOS in front too. */
function bosProcessor(bos: unknown, id: number | undefined): object | null {
  if (typeof bos !== "string") return null;
  const first = { SpecialToken: { id: bos, type_id: 0 } };
  const text = (part: string, type: number): object => ({ Sequence: { id: part, type_id: type } });
  return {
    type: "TemplateProcessing",
    single: [first, text("A", 0)],
    pair: [first, text("A", 0), text("B", 1)],
    special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
  };
}

function readConfig(
  keys: Keys,
  tokens: readonly string[],
  addsBos: boolean,
): Record<string, unknown> {
  const token = (key: string): string | undefined => tokens[keys.id(key) ?? -1];
  const entries = {
    bos_token: token("bos"),
    eos_token: token("eos"),
    unk_token: token("unknown"),
    pad_token: token("padding"),
    add_bos_token: addsBos,
    chat_template: keys.text("chat_template", "tokenizer."),
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

/** Where llama.cpp stops: EOS first, then the other named ends, then those known by their text. */
function endIds(keys: Keys, { tokens, types }: Vocabulary): number[] {
  const named = ["eos", "eot", "eom"].map((key) => keys.id(key));
  const byText = tokens.flatMap((token, id) =>
    (ENDS.has(token) || CODE_ENDS.has(token)) && types[id] === CONTROL ? [id] : [],
  );
  return [...new Set([...named, ...byText])].filter(
    (id) => id !== undefined && id < tokens.length,
  ) as number[];
}
