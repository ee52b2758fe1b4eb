/**
 * A tokenizer as metadata of a GGUF file: byte-level BPE (`gpt2`) and SentencePiece's BPE
 * (`llama`).
 * Source: llama.cpp's gguf-py/gguf/vocab.py and convert_hf_to_gguf.py.
 *
 * A GGUF file names one of a fixed list of ways to split text into words. As llama.cpp's converter
 * does, the way is found by what it makes of a probe: a tokenizer that none of them reproduces id
 * by id is refused, since a model would be fed other tokens than it was trained on.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { stopsOf } from "../../text/stops.ts";
import { tokenizerFilesFromGguf } from "../../text/gguf-tokenizer.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { tokenizerFromFiles } from "../../text/tokenizer.ts";
import type { TypedValue } from "./gguf-writer.ts";

/** `tokenizer.ggml.token_type`. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE] = [1, 2, 3, 4, 5, 6];

/**
 * Names that `tokenizer.ggml.pre` may have, the common ones first; all of them are known to
 * llama.cpp.
 */
export const PRE_TOKENIZER_NAMES = [
  "gpt-2",
  "smollm",
  "llama-bpe",
  "qwen2",
  "tekken",
  "smaug-bpe",
  "deepseek-r1-qwen",
  "default",
] as const;

/**
 * Text in which every known way to split shows: contractions, numerals, marks, spaces, lines,
 * scripts, code.
 */
const PROBES = [
  "Hello, World! It's 2024; I'll pay $1,234,567.89 (or 100000 €) -- you'RE sure?",
  "  two  spaces\tand\ttabs \n\n\nlines\r\n  \n end  ",
  "def f(x):\n    return {'a': [1, 22, 333, 4444], \"b\": x**2}  # camelCaseWords HTMLParser2",
  "Ünïcödé ÆØÅ naïve café, Ωμέγα, Привет мир, 你好，世界！ こんにちは 안녕하세요 مرحبا हिन्दी",
  "🙂👍🏽👩‍👩‍👧 ½ ² Ⅻ ٣٤٥ e\u0301 \u00a0\u2003\u200b… “quoted” ’s ‘t",
  "aaaaaaaaaaaaaaaa ,,,,,,, !!!??? //// ____ == != <= >= -> => ::",
  "http://example.org/path?query=1&b=two#three user@example.com 3.14e-10 0x1F",
];

interface TokenizerJson {
  model: {
    type?: string;
    vocab: Record<string, number>;
    merges?: (string | readonly [string, string])[];
    byte_fallback?: boolean;
    unk_token?: string | null;
  };
}

/**
 * @param size rows of the model's embedding: ids beyond the tokenizer's become unused tokens
 * @throws AttuneError `model` for a tokenizer that GGUF cannot hold
 */
export function ggufVocabulary(tokenizer: Tokenizer, size: number): Map<string, TypedValue> {
  const { model } = JSON.parse(tokenizer.files["tokenizer.json"]!) as TokenizerJson;
  if (model.type !== undefined && model.type !== "BPE")
    throw notHeld(`a tokenizer of kind ${preview(model.type)}`);
  const merges = (model.merges ?? []).map((merge) =>
    typeof merge === "string" ? splitMerge(merge) : merge,
  );
  const sentencePiece = model.byte_fallback === true;
  const shared = sharedMetadata(tokenizer, size, {
    sentencePiece,
    unknownId: tokenizer.idOf(model.unk_token ?? ""),
  });
  for (const candidate of sentencePiece
    ? sentencePieceCandidates(tokenizer, size, merges)
    : byteLevelCandidates(merges)) {
    const metadata = new Map([...candidate, ...shared]);
    if (agrees(tokenizer, metadata)) return metadata;
  }
  throw notHeld("it splits text in a way that GGUF has no name for");
}

function notHeld(got: string): AttuneError {
  return new AttuneError("model", "a GGUF file cannot hold this model's tokenizer", {
    got,
    expected: "byte-level or SentencePiece BPE of a known kind",
    hint: "--format safetensors or onnx",
  });
}

function splitMerge(merge: string): readonly [string, string] {
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function* byteLevelCandidates(
  merges: readonly (readonly [string, string])[],
): Generator<Map<string, TypedValue>> {
  const lines = merges.map((pair) => pair.join(" "));
  if (merges.some((pair) => pair.some((part) => part.includes(" "))))
    throw notHeld("merges of texts with spaces");
  for (const pre of PRE_TOKENIZER_NAMES) {
    yield new Map<string, TypedValue>([
      ["ggml.model", { type: "string", value: "gpt2" }],
      ["ggml.pre", { type: "string", value: pre }],
      ["ggml.merges", { type: "strings", value: lines }],
    ]);
  }
}

function* sentencePieceCandidates(
  tokenizer: Tokenizer,
  size: number,
  merges: readonly (readonly [string, string])[],
): Generator<Map<string, TypedValue>> {
  const scores = mergeScores(tokenizer, size, merges);
  for (const prefix of [true, false]) {
    yield new Map<string, TypedValue>([
      ["ggml.model", { type: "string", value: "llama" }],
      ["ggml.pre", { type: "string", value: "default" }],
      ["ggml.scores", { type: "float32s", value: scores }],
      ["ggml.add_space_prefix", { type: "bool", value: prefix }],
    ]);
  }
}

/**
 * SentencePiece joins what has the highest score first: minus the rank of the first merge that
 * makes a token.
 */
function mergeScores(
  tokenizer: Tokenizer,
  size: number,
  merges: readonly (readonly [string, string])[],
): number[] {
  const rank = new Map<string, number>();
  merges.forEach((pair, index) => {
    const made = pair.join("");
    if (!rank.has(made)) rank.set(made, index);
  });
  // What no merge makes must never be joined before something that one makes.
  return Array.from(
    { length: size },
    (_, id) => -(rank.get(tokenizer.tokenOf(id) ?? "") ?? merges.length),
  );
}

function sharedMetadata(
  tokenizer: Tokenizer,
  size: number,
  { sentencePiece, unknownId }: { sentencePiece: boolean; unknownId: number | undefined },
): Map<string, TypedValue> {
  const tokens = Array.from({ length: size }, (_, id) => tokenizer.tokenOf(id) ?? `[PAD${id}]`);
  const [control, special] = [new Set(tokenizer.controlTokens), new Set(tokenizer.specialTokens)];
  const types = tokens.map((token, id) => {
    if (tokenizer.tokenOf(id) === undefined) return UNUSED;
    if (sentencePiece && id === unknownId) return UNKNOWN;
    if (control.has(token)) return CONTROL;
    if (special.has(token)) return USER_DEFINED;
    return sentencePiece && /^<0x[0-9A-F]{2}>$/.test(token) ? BYTE : NORMAL;
  }) as number[];
  const { turn, all } = stopsOf(tokenizer);
  const eos = tokenizer.eosId ?? turn;
  const [turnEnd, messageEnd] = all.filter((id) => id !== eos);
  const ids = {
    bos: tokenizer.bosId,
    eos,
    unknown: unknownId,
    padding: tokenizer.padId,
    eot: turnEnd,
    eom: messageEnd,
  };
  return new Map<string, TypedValue>([
    ["ggml.tokens", { type: "strings", value: tokens }],
    ["ggml.token_type", { type: "int32s", value: types }],
    ...Object.entries(ids).flatMap(([name, id]): [string, TypedValue][] =>
      id === undefined ? [] : [[`ggml.${name}_token_id`, { type: "uint32", value: id }]],
    ),
    ["ggml.add_bos_token", { type: "bool", value: tokenizer.addsBos }],
    ...(tokenizer.chatTemplate === undefined
      ? []
      : ([["chat_template", { type: "string", value: tokenizer.chatTemplate }]] as [
          string,
          TypedValue,
        ][])),
  ]);
}

/**
 * Whether the metadata, read back, gives the same ids for every probe, as trusted and as untrusted
 * text.
 */
function agrees(tokenizer: Tokenizer, metadata: ReadonlyMap<string, TypedValue>): boolean {
  const plain = new Map([...metadata].map(([key, { value }]) => [`tokenizer.${key}`, value]));
  const read = tokenizerFromFiles(tokenizerFilesFromGguf(plain));
  const marked = tokenizer.specialTokens.slice(0, 8).join(" a ");
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === b.length && a.every((id, index) => id === b[index]);
  return [...PROBES, ...PROBES.map((probe) => `${marked}${probe}${marked}`)].every(
    (probe) =>
      same(tokenizer.encode(probe), read.encode(probe)) &&
      same(tokenizer.encodePlain(probe), read.encodePlain(probe)),
  );
}
