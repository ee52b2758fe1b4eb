/**
 * Hostile tokenizers by chance: golden ones with expressions that take for ever, components that
 * grow text, broken tables, and depth.
 */
import type { Arbitrary } from "fast-check";
import {
  array,
  constantFrom,
  jsonValue,
  letrec,
  nat,
  oneof,
  option,
  record,
  string,
  tuple,
} from "fast-check";

type Json = Record<string, unknown>;

/** Exponential, polynomial, large and broken expressions. */
const expression = oneof(
  constantFrom(
    "(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+$",
    "(?:a?){30}a{30}",
    "(.*)*x",
    "(\\s*)*$",
    "([a-z]+)*$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(\\p{L}+)+\\d",
    "(?=(a+))a*b\\1",
    "(a+)\\1+b",
    "a*a*a*a*a*a*b",
    "\\s*\\s*\\s*x",
    ".*.*.*.*=.*",
    "(x+x+)+y",
    "(?<=(a+)+)b",
    "(?:a{1000}){1000}",
    "(?:(?:a{99}){99}){99}",
    "[",
    "(",
    "\\",
    "*",
    "(?<n>a)\\k<n>",
    "",
    "()",
    "(?:)",
    "|",
    "\\p{Nope}",
    "(?i:",
    "a{9999999999}",
  ),
  array(
    constantFrom(
      "a",
      "b",
      ".",
      "\\s",
      "\\p{L}",
      "[^b]",
      "(",
      ")",
      "*",
      "+",
      "?",
      "|",
      "{2,}",
      "(?:",
      "(?!",
      "$",
      "^",
    ),
    { maxLength: 14 },
  ).map((pieces) => pieces.join("")),
);
const pattern = oneof(
  { weight: 4, arbitrary: expression.map((Regex): Json => ({ Regex })) },
  { weight: 2, arbitrary: constantFrom<Json>({ String: "a" }, { String: "" }, { String: " " }) },
  { weight: 1, arbitrary: jsonValue().map((value) => value as Json) },
);

/** Components that make a text too long. */
const GROWING: readonly Json[] = [
  {
    type: "Sequence",
    normalizers: Array.from({ length: 60 }, () => ({
      type: "Replace",
      pattern: { String: "a" },
      content: "aa",
    })),
  },
  {
    type: "Sequence",
    normalizers: Array.from({ length: 60 }, () => ({
      type: "Replace",
      pattern: { Regex: "" },
      content: "xx",
    })),
  },
  {
    type: "Sequence",
    pretokenizers: Array.from({ length: 60 }, () => ({
      type: "ByteLevel",
      add_prefix_space: false,
      use_regex: false,
    })),
  },
  {
    type: "Sequence",
    normalizers: Array.from({ length: 60 }, () => ({ type: "Prepend", prepend: "aaaa" })),
  },
  { type: "Prepend", prepend: "a".repeat(1e6) },
  { type: "Replace", pattern: { String: "e" }, content: "a".repeat(1e6) },
  { type: "Metaspace", replacement: "a".repeat(1e5), prepend_scheme: "always" },
  { type: "Precompiled", precompiled_charsmap: "AAAA" },
];
/** Components by their name alone, some of which are not supported or not there. */
const NAMED: readonly Json[] = [
  { type: "NFC" },
  { type: "NFKD" },
  { type: "Lowercase" },
  { type: "StripAccents" },
  { type: "BertNormalizer" },
  { type: "BertPreTokenizer" },
  { type: "Punctuation" },
  { type: "Whitespace" },
  { type: "WhitespaceSplit" },
  { type: "Digits", individual_digits: true },
  { type: "ByteLevel" },
  { type: "ByteLevel", use_regex: false },
  { type: "Metaspace" },
  { type: "Nope" },
  { type: "ByteFallback" },
  { type: "Fuse" },
  { type: "Strip", content: " ", start: 1e9, stop: 1e9 },
  { type: "WordPiece" },
  { type: "CTC" },
  { type: "FixedLength", length: 0 },
  { type: "Delimiter" },
];

const list = constantFrom("normalizers", "pretokenizers", "decoders");
const components = letrec<{ component: Json; grown: Json }>((tie) => ({
  grown: constantFrom(...GROWING),
  component: oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("grown"),
    tuple(
      pattern,
      constantFrom(
        "Isolated",
        "Removed",
        "MergedWithPrevious",
        "MergedWithNext",
        "Contiguous",
        "Nope",
      ),
      constantFrom(true, false),
    ).map(([split, behavior, invert]): Json => ({
      type: "Split",
      pattern: split,
      behavior,
      invert,
    })),
    tuple(pattern, constantFrom("", "a", "aa", "\u0000", "a".repeat(99))).map(
      ([replaced, content]): Json => ({ type: "Replace", pattern: replaced, content }),
    ),
    constantFrom(...NAMED),
    tuple(list, array(tie("component"), { maxLength: 5 })).map(([key, members]): Json => ({
      type: "Sequence",
      [key]: members,
    })),
    tuple(list, nat(1500)).map(([key, depth]): Json =>
      Array.from({ length: depth }).reduce<Json>(
        (inner) => ({ type: "Sequence", [key]: [inner] }),
        { type: "NFC" },
      ),
    ),
  ),
}));

const id = constantFrom<unknown>(0, 1, 5, -1, 1.5, 2 ** 23, 2 ** 31, 2 ** 53, 1e300, null, "3", {});
const table = oneof(
  nat(200_000).map((size): Json => ({
    vocab: Object.fromEntries(Array.from({ length: size }, (_, index) => [`t${index}`, index])),
  })),
  nat(100_000).map((size): Json => ({ merges: Array.from({ length: size }, () => "a a") })),
  nat(30).map((count): Json => ({
    merges: Array.from({ length: count }, (_, index) => [
      `${"a".repeat(2 ** Math.min(index, 20))}`,
      `${"a".repeat(2 ** Math.min(index, 20))}`,
    ]),
  })),
  array(tuple(string(), id), { maxLength: 20 }).map((entries): Json => ({
    vocab: Object.fromEntries(entries),
  })),
  jsonValue().map((merges): Json => ({ merges })),
  jsonValue().map((vocab): Json => ({ vocab })),
  constantFrom<Json>(
    { type: "Unigram" },
    { type: "WordPiece" },
    { byte_fallback: true },
    { unk_token: "a", fuse_unk: true },
    { ignore_merges: true },
    { dropout: 0.5 },
    { continuing_subword_prefix: "##".repeat(1e5) },
    { end_of_word_suffix: "</w>" },
  ),
);
const addedToken = record({
  id,
  content: oneof(string(), constantFrom("", "a", "e", " ", "a".repeat(1e5), "\n", "<end>")),
  special: constantFrom<unknown>(true, false, 1),
  normalized: constantFrom(true, false),
  lstrip: constantFrom(true, false),
  rstrip: constantFrom(true, false),
  single_word: constantFrom(true, false),
});
const addedTokens = oneof(
  array(addedToken, { maxLength: 30 }),
  tuple(nat(60_000), nat(40), constantFrom(true, false)).map(([count, length, special]) =>
    Array.from({ length: count }, (_, index) => ({
      id: 1000 + index,
      content: `${"ab ".repeat(length)}${index}`,
      special,
      normalized: !special,
      lstrip: true,
      rstrip: true,
      single_word: false,
    })),
  ),
);

export interface HostileTokenizer {
  json: string;
  config: string;
}

/** @param golden tokenizer.json of real kinds */
export function hostileTokenizers(golden: readonly Json[]): Arbitrary<HostileTokenizer> {
  const parts = record({
    start: constantFrom(...golden),
    normalizer: option(components.component, { freq: 2 }),
    pre: option(components.component, { freq: 2 }),
    decoder: option(components.component, { freq: 5 }),
    model: option(table, { freq: 5 }),
    added: option(addedTokens, { freq: 6 }),
  });
  return parts.map(({ start, normalizer, pre, decoder, model, added }) => ({
    json: JSON.stringify({
      ...start,
      ...(normalizer ? { normalizer } : {}),
      ...(pre ? { pre_tokenizer: pre } : {}),
      ...(decoder ? { decoder } : {}),
      ...(model ? { model: { ...(start["model"] as Json), ...model } } : {}),
      ...(added ? { added_tokens: [...(start["added_tokens"] as unknown[]), ...added] } : {}),
    }),
    config: "{}",
  }));
}
