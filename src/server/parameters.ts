/**
 * The JSON of requests, checked: every parameter of OpenAI's two endpoints is read, accepted where its value changes nothing,
 * or refused by name. Nothing that a client asks for is silently left out.
 * Source of names and bounds: the API reference of OpenAI (chat completions, completions).
 */
import { z } from "zod";
import { nearest, preview } from "../core/errors.ts";
import { ApiError } from "./api-error.ts";

/** Answers to one request at most, over all its prompts. */
const MOST_ANSWERS = 128;
const MOST_TOP = 20;

const stop = z.union([z.string().min(1).transform((text) => [text]), z.array(z.string().min(1)).max(4)]);
const sampling = {
  model: z.string(),
  temperature: z.number().min(0).max(2).default(1),
  top_p: z.number().gt(0).max(1).default(1),
  n: z.int().min(1).max(MOST_ANSWERS).default(1),
  stop: stop.default([]),
  seed: z.int().optional(),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().default(false), include_obfuscation: z.literal(false).optional() }).optional(),
  max_tokens: z.int().min(1).optional(),
};

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
/** A text, or parts that are all texts. */
const content = z.union([z.string(), z.array(textPart).min(1).transform((parts) => parts.map(({ text }) => text).join(""))]);
const message = z.strictObject({ role: z.enum(["system", "developer", "user", "assistant"]), content, name: z.string().optional() });

const chatSchema = z.strictObject({
  ...sampling,
  messages: z.array(message).min(1),
  max_completion_tokens: z.int().min(1).optional(),
  logprobs: z.boolean().default(false),
  top_logprobs: z.int().min(0).max(MOST_TOP).optional(),
});
export type ChatRequest = z.output<typeof chatSchema>;

const ids = z.array(z.int().min(0)).min(1);
const textSchema = z.strictObject({
  ...sampling,
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(MOST_ANSWERS), ids, z.array(ids).min(1).max(MOST_ANSWERS)]),
  logprobs: z.int().min(0).max(MOST_TOP).optional(),
  echo: z.boolean().default(false),
});
export type TextRequest = z.output<typeof textSchema>;

type Accepts = (value: unknown) => boolean;
const anything: Accepts = () => true;
const only = (...values: unknown[]): Accepts => (value) => values.includes(value);
const empty: Accepts = (value) => typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** Parameters that clients send and that change no answer here, with the values for which that is so. */
const WITHOUT_EFFECT: Readonly<Record<string, Accepts>> = {
  user: anything,
  metadata: anything,
  safety_identifier: anything,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
  service_tier: only("auto", "default"),
  store: only(false),
  frequency_penalty: only(0),
  presence_penalty: only(0),
  logit_bias: empty,
  best_of: only(1),
  suffix: only(""),
  response_format: (value) => typeof value === "object" && value !== null && (value as { type?: unknown }).type === "text",
  modalities: (value) => Array.isArray(value) && value.every((each) => each === "text"),
  tools: empty,
  functions: empty,
  tool_choice: only("none", "auto"),
  parallel_tool_calls: anything,
};

/** Parameters of OpenAI's that are known and not served, so that the error can say so. */
const NOT_SERVED = ["audio", "function_call", "prediction", "reasoning_effort", "verbosity", "web_search_options"];

/** @throws ApiError 400 */
export const readChatRequest = (body: unknown): ChatRequest => {
  const request = read(chatSchema, body);
  if (request.top_logprobs !== undefined && !request.logprobs) throw new ApiError(400, "top_logprobs needs logprobs: true", { param: "top_logprobs", code: "invalid_value" });
  return request;
};

/** @throws ApiError 400 */
export const readTextRequest = (body: unknown): TextRequest => {
  const request = read(textSchema, body);
  if (request.echo && request.logprobs !== undefined) throw new ApiError(400, "log-probabilities of the prompt are not served: echo or logprobs, not both", { param: "echo", code: "unsupported_parameter" });
  if (promptCount(request.prompt) * request.n > MOST_ANSWERS) throw new ApiError(400, `at most ${MOST_ANSWERS} answers a request, over all prompts`, { param: "n", code: "invalid_value" });
  return request;
};

/** Prompts in a request: a list of numbers is one. */
export const promptCount = (prompt: TextRequest["prompt"]): number => (typeof prompt === "string" || typeof prompt[0] === "number" ? 1 : prompt.length);

function read<Schema extends z.ZodObject>(schema: Schema, body: unknown): z.output<Schema> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new ApiError(400, "the body is no JSON object", { code: "invalid_json" });
  // null stands for the default, as in OpenAI's own
  const given = Object.entries(body).filter(([, value]) => value !== null);
  const known = given.filter(([name]) => Object.hasOwn(schema.shape, name));
  for (const [name, value] of given) if (!Object.hasOwn(schema.shape, name)) checkWithoutEffect(name, value, Object.keys(schema.shape));
  const result = schema.safeParse(Object.fromEntries(known));
  if (result.success) return result.data;
  throw invalid(result.error.issues[0]!, known);
}

function checkWithoutEffect(name: string, value: unknown, known: readonly string[]): void {
  const accepts = Object.hasOwn(WITHOUT_EFFECT, name) ? WITHOUT_EFFECT[name] : undefined;
  if (accepts?.(value)) return;
  if (accepts !== undefined || NOT_SERVED.includes(name)) throw new ApiError(400, `attune does not serve ${name}${accepts === undefined ? "" : ` with this value: ${preview(value, 40)}`}`, { param: name, code: "unsupported_parameter" });
  const near = nearest(name, [...known, ...Object.keys(WITHOUT_EFFECT)]);
  throw new ApiError(400, `unknown parameter ${preview(name)}${near === undefined ? "" : `; did you mean ${near}?`}`, { param: name.slice(0, 80), code: "unknown_parameter" });
}

/** The deepest of a union's problems is the one that the client meant. */
function invalid(issue: z.core.$ZodIssue, known: readonly (readonly [string, unknown])[]): ApiError {
  const inner = issue.code === "invalid_union" ? issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0] : undefined;
  const path = [...issue.path, ...(inner?.path ?? [])];
  const param = path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`)).join("");
  const missing = path.length === 1 && !known.some(([name]) => name === path[0]);
  if (missing) return new ApiError(400, `${param} is missing`, { param, code: "missing_required_parameter" });
  return new ApiError(400, `${param}: ${(inner ?? issue).message}`, { param, code: "invalid_value" });
}
