/** Models and data of result-hashes, made by a fixed generator. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { FAMILIES, SEED } from "./runs.mjs";

/** The made model's tokens: control tokens, then ASCII as byte-level BPE writes it. */
const CONTROL = [
  "<pad>",
  "<s>",
  "<end>",
  "<system>",
  "<user>",
  "<assistant>",
  "<|im_start|>",
  "<|im_end|>",
];
const ASCII = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
const TOKENS = [...CONTROL, "\u010a", "\u0120", ...ASCII];
const TEMPLATE =
  "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}<end>" +
  "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
/** Further files: rewards of a user's own, principles, a pipeline. */
const TEXTS = {
  "reward.ts": `type Extra = Record<string, unknown>;
interface Answer { completion: string; stopped: boolean; extra: Extra }
const count = (text: string, pattern: RegExp): number => (text.match(pattern) ?? []).length;
export default ({ completion, stopped, extra }: Answer): number =>
  count(completion, /[a-z]/g) / 8 + (stopped ? 0.25 : 0) +
  ("letter" in extra ? count(completion, new RegExp(String(extra["letter"]), "g")) : 0);
`,
  "strict.ts": `export default ({ completion }: { completion: string }): number =>
  /[aeiou]/.test(completion) ? 1 : 0;
`,
  "constitution.yaml": `name: small
principles:
  - id: kind
    critique: Is it kind?
    revision: Make it kind.
    comparison: Which is kinder?
  - {id: calm, critique: Is it calm?, revision: Make it calm., comparison: Which is calmer?}
examples:
  critiques: [{prompt: Hi, answer: No, principle: kind, critique: Rude., revision: Hello}]
  comparisons: [{prompt: Hi, first: Hello, second: No, principle: kind, better: first}]
`,
  "align.yaml": `model: model
out: runs/align
seed: ${SEED}
sft: { data: demonstrations.jsonl, batchSize: 8, maxSteps: 2 }
reward: { data: pairs.jsonl, batchSize: 8, heldOut: 6, maxSteps: 2 }
heldOutReward: { data: other-pairs.jsonl, batchSize: 8, heldOut: 6, maxSteps: 2 }
ppo:
  data: prompts.jsonl
  batchSize: 8
  maxNewTokens: 6
  maxLength: 64
  maxSteps: 2
  ppoEpochs: 1
  rewardSamples: 8
  critic: { warmupSteps: 0 }
dpo: { batchSize: 8, maxSteps: 2, heldOut: 6 }
evaluation: { data: prompts.jsonl, prompts: 6, maxLength: 64, maxNewTokens: 6 }
`,
};

let folder;
let checkout;

/** Writes all inputs into a folder. @param from checkout whose golden models are copied */
export function makeInputs(into, from) {
  folder = into;
  checkout = from;
  makeModels();
  makeData();
}

function write(path, content) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

function writeAll(path, files) {
  for (const [name, content] of Object.entries(files)) write(`${path}/${name}`, content);
}

/** Uniform 32-bit integers below n; the same on every machine (Mulberry32, public domain). */
function generator(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) % n;
  };
}

/** Two llamas (one so large that it is computed by several threads), and the golden models. */
function makeModels() {
  makeLlama("model", { hidden: 32, inner: 64, heads: 2, size: 16 });
  makeLlama("wide", { hidden: 256, inner: 1152, heads: 4, size: 64 });
  const golden = join(resolve(checkout), "tests", "golden", "models");
  for (const name of FAMILIES) copyGolden(join(golden, name), `golden/${name}`);
}

function makeLlama(name, sizes) {
  const config = {
    model_type: "llama",
    vocab_size: TOKENS.length,
    hidden_size: sizes.hidden,
    intermediate_size: sizes.inner,
    num_hidden_layers: 2,
    num_attention_heads: sizes.heads,
    num_key_value_heads: 1,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: true,
  };
  write(`${name}/config.json`, JSON.stringify(config));
  write(`${name}/model.safetensors`, safetensors(llamaTensors(sizes)));
  writeAll(name, tokenizerFiles(TOKENS, TEMPLATE));
}

/** Names and shapes of the weights of a llama with tied ends and one key-value head. */
function llamaTensors({ hidden, inner, heads, size }) {
  const block = {
    "self_attn.q_proj": [heads * size, hidden],
    "self_attn.k_proj": [size, hidden],
    "self_attn.v_proj": [size, hidden],
    "self_attn.o_proj": [hidden, heads * size],
    "mlp.gate_proj": [inner, hidden],
    "mlp.up_proj": [inner, hidden],
    "mlp.down_proj": [hidden, inner],
    input_layernorm: [hidden],
    post_attention_layernorm: [hidden],
  };
  const named = (layer) =>
    Object.entries(block).map(([name, shape]) => [`model.layers.${layer}.${name}.weight`, shape]);
  return Object.fromEntries([
    ["model.embed_tokens.weight", [TOKENS.length, hidden]],
    ...named(0),
    ...named(1),
    ["model.norm.weight", [hidden]],
  ]);
}

/** A file of float32. Matrices are sums of uniform numbers, exact everywhere; norms are near 1. */
function safetensors(shapes) {
  const below = generator(SEED);
  const uniform = () => below(2 ** 24) / 2 ** 24;
  const bell = () => uniform() + uniform() + uniform() + uniform() - 2;
  const header = {};
  const parts = [];
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const matrix = shape.length > 1;
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () =>
      matrix ? bell() / 4 : 1 + bell() / 16,
    );
    // answers are to end by themselves now and then
    if (name.includes("embed")) sharpen(values, CONTROL.indexOf("<end>"), shape[1]);
    parts.push(Buffer.from(values.buffer));
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...parts]);
}

function sharpen(values, row, width) {
  for (let i = row * width; i < (row + 1) * width; i++) values[i] *= 2;
}

/** tokenizer.json of byte-level BPE without merges, and its settings. */
function tokenizerFiles(tokens, template) {
  const special = {
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
  const level = { type: "ByteLevel", trim_offsets: true, use_regex: true };
  const tokenizer = {
    version: "1.0",
    added_tokens: tokens.flatMap((content, id) =>
      /^<.+>$/.test(content) ? [{ id, content, ...special }] : [],
    ),
    normalizer: null,
    pre_tokenizer: { ...level, add_prefix_space: false },
    post_processor: null,
    decoder: { ...level, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
  const settings = { eos_token: "<end>", pad_token: "<pad>", add_bos_token: false };
  const chat = template && { bos_token: "<s>", chat_template: template };
  return {
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": JSON.stringify({ ...settings, ...chat }),
  };
}

/** A golden model as a whole folder: some have no tokenizer of their own. */
function copyGolden(source, target) {
  if (!existsSync(source)) return;
  cpSync(source, join(folder, target), { recursive: true });
  rmSync(join(folder, target, "reference.safetensors"), { force: true });
  if (existsSync(join(folder, target, "tokenizer.json"))) return;
  const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
  const letters = ASCII.slice(2 - config.vocab_size);
  const files = tokenizerFiles([...letters, "<end>", "<pad>"]);
  writeAll(target, files);
}

/** Words by a fixed generator: answers of vowels are better than answers of x, y and z. */
function makeData() {
  const below = generator(SEED + 1);
  const word = (letters) =>
    Array.from({ length: 2 + below(8) }, () => letters[below(letters.length)]).join("");
  const rows = (count, make) => Array.from({ length: count }, (_, index) => make(index));
  const pair = () => ({ prompt: word("abcdefgh"), chosen: word("aeiou"), rejected: word("xyz") });
  const better = () => ({ prompt: word("abcdefgh"), completion: word("aeiou") });
  const turns = (index) => [
    ...(index % 3 === 0 ? [{ role: "system", content: word("st") }] : []),
    { role: "user", content: word("abcd") },
    { role: "assistant", content: word("aeiou"), ...(index % 4 === 0 ? { weight: 0 } : {}) },
    { role: "user", content: word("efgh") },
    { role: "assistant", content: word("aeiou") },
  ];
  const scored = (index) =>
    rows(2 + (index % 3), (place) => ({ completion: word(place ? "xyz" : "ae"), score: below(4) }));
  const lines = {
    pairs: rows(32, pair),
    "other-pairs": rows(32, pair),
    "message-pairs": rows(32, (index) => ({
      prompt: turns(index).slice(0, -1),
      chosen: [{ role: "assistant", content: word("aeiou") }],
      rejected: [{ role: "assistant", content: word("xyz") }],
    })),
    margins: rows(32, (index) => ({ ...pair(), margin: (index % 5) / 2 })),
    "soft-pairs": rows(32, (index) => ({ ...pair(), p: [1, 0.9, 0.75, 0.5][index % 4] })),
    ranked: rows(24, (index) => ({ prompt: word("abcd"), completions: scored(index) })),
    compared: rows(24, () => ({
      prompt: word("abcd"),
      completions: rows(3, (place) => ({ completion: word(place ? "xyz" : "ae") })),
      comparisons: rows(2, (place) => ({ first: 0, second: place + 1, p: 0.5 + below(5) / 8 })),
    })),
    negatives: rows(12, pair).flatMap((first, index) =>
      rows(3, () => ({ ...first, rejected: word("xyz"), cluster: `prompt ${index}` })),
    ),
    judged: rows(40, (index) => ({
      prompt: word("abcdefgh"),
      completion: word(index % 3 ? "aeiou" : "xyz"),
      label: index % 3 !== 0,
    })),
    conversations: rows(32, (index) => ({ messages: turns(index) })),
    texts: rows(32, () => ({ text: rows(4, () => word("abcdefghij")).join(" ") })),
    demonstrations: rows(32, better),
    "other-demonstrations": rows(16, better),
    prompts: rows(48, () => ({ prompt: word("abcdefgh") })),
    tasks: rows(48, () => ({ prompt: word("abcdefgh"), letter: word("aeiou")[0] })),
  };
  for (const [name, made] of Object.entries(lines)) {
    write(`${name}.jsonl`, made.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  writeAll(".", TEXTS);
}
