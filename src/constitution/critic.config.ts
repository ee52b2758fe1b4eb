/** Options of every command that asks a critic. */
import { z } from "zod";
import type { ConfigValues } from "../runs/config.ts";
import { field } from "../runs/config.ts";

/** What a model behind a server is called by: `openai:gpt-4o-mini`. */
export const SERVER_PREFIX = "openai:";

const onServer = {
  says: "with a model behind a server",
  test: (config: ConfigValues): boolean => ["model", "critic"].some((name) => String(config(name) ?? "").startsWith(SERVER_PREFIX)),
};
const positive = z.number().positive();
const count = z.int().min(1);

export const dataFields = {
  format: field({ type: z.string(), default: "auto", source: "detected from the first row", description: "format of the data", group: "Input" }),
  ignoreColumns: field({ type: z.array(z.string()), default: [], source: "a column that nobody knows is more often a mistake", description: "columns to pass over; * for all that the format does not know", group: "Input" }),
  onBad: field({ type: z.enum(["few", "error", "drop"]), default: "few", source: "docs/decisions/bad-rows.md", description: "rows with empty or identical completions: leave out at most 1% of them, stop, or leave all out", group: "Input" }),
  limit: field({ type: z.int().min(0), default: 0, source: "0: all", description: "only the first rows of the data", group: "Input", unit: "rows" }),
};

export const constitutionFields = {
  constitution: field({ type: z.string(), default: "", source: "attune's own (`attune constitution init` writes it)", description: "constitution file", group: "Constitution" }),
  tags: field({ type: z.array(z.string()), default: [], source: "Bai et al. 2022: all principles", description: "only principles with one of these tags", group: "Constitution" }),
};

export const writingFields = {
  maxNewTokens: field({ type: count, default: 256, source: "common practice", description: "longest text of the critic or the model", group: "Writing", unit: "tokens" }),
  temperature: field({ type: z.number().min(0), default: 1, source: "Bai et al. 2022, section 3.1", description: "of everything that is written", group: "Writing" }),
  topP: field({ type: z.number().gt(0).max(1), default: 1, source: "1: all tokens", description: "keep the most likely tokens up to this probability", group: "Writing" }),
  seed: field({ type: z.int().min(0), default: 42, source: "transformers TrainingArguments", description: "of principles and of everything that is written", group: "Writing" }),
};

export const localFields = {
  batchSize: field({ type: count, default: 8, source: "bench/: decoding", description: "texts that a local model writes together", group: "Local model" }),
  contextLength: field({ type: count, default: 2048, source: "examples, a conversation and a few revisions", description: "longest request with its answer; longer ones are left out", group: "Local model", unit: "tokens" }),
};

export const serverFields = {
  criticSettings: field({ type: z.string(), default: "", source: "OPENAI_BASE_URL and OPENAI_API_KEY", description: "YAML file with baseUrl and apiKey (or apiKeyEnvironment) of the server", group: "Server", appliesWhen: onServer }),
  concurrency: field({ type: count, default: 4, source: "gentle on small servers", description: "requests open at once", group: "Server", appliesWhen: onServer }),
  timeout: field({ type: positive, default: 120, source: "common practice", description: "give a request up after this time, and try again", group: "Server", unit: "seconds", appliesWhen: onServer }),
  retries: field({ type: z.int().min(0), default: 8, source: "about four minutes of back-off", description: "tries of a request after the first", group: "Server", appliesWhen: onServer }),
  priceInput: field({ type: z.number().min(0), default: 0, source: "no price known", description: "price of a million tokens read", group: "Server", appliesWhen: onServer }),
  priceOutput: field({ type: z.number().min(0), default: 0, source: "no price known", description: "price of a million tokens written", group: "Server", appliesWhen: onServer }),
  budget: field({ type: z.number().min(0), default: 0, source: "0: none", description: "do not begin where the estimated cost is higher; letters that may have to be sampled count as sampled", group: "Server", appliesWhen: onServer }),
};

export const reuseFields = {
  reuse: field({ type: z.array(z.string()), default: [], source: "none", description: "run folders whose answers need not be asked for again", group: "Input" }),
};
