/**
 * The JSON of requests, checked: every parameter of OpenAI's two endpoints is read, accepted where
 * its value changes nothing, or refused by name. Nothing that a client asks for is silently left
 * out.
 * Source of names and bounds: the API reference of OpenAI (chat completions, completions); `top_k`,
 * `min_p`, `repetition_penalty` and `chat_template_kwargs` are vLLM's.
 */
import { z } from "zod";
import { countOf } from "../core/counts.ts";
import { nearest, preview } from "../core/errors.ts";
import { ApiError } from "./api-error.ts";
import { message, tool } from "./message-schema.ts";

/** Answers to one request at most, over all its prompts. */
const MOST_ANSWERS = 128;
const MOST_TOP = 20;
/** OpenAI allows four; evaluations end an answer at more. */
const MOST_STOPS = 16;
/**
 * Log-probabilities of prompts that one request is told: 128 prompts of 2,048 tokens with one each.
 * They are written at once, which takes some 200 ms.
 */
const MOST_TOLD = 2 ** 18;

const stop = z.union([
  z
    .string()
    .min(1)
    .transform((text) => [text]),
  z.array(z.string().min(1)).max(MOST_STOPS),
]);
const bias = z.record(
  z.string().regex(/^\d{1,7}$/, "keys are token ids"),
  z.number().min(-100).max(100),
);
const sampling = {
  model: z.string(),
  temperature: z.number().min(0).max(2).default(1),
  top_p: z.number().gt(0).max(1).default(1),
  // vLLM's clients send -1 for all
  top_k: z
    .int()
    .min(-1)
    .default(0)
    .transform((k) => Math.max(0, k)),
  min_p: z.number().min(0).max(1).default(0),
  frequency_penalty: z.number().min(-2).max(2).default(0),
  presence_penalty: z.number().min(-2).max(2).default(0),
  repetition_penalty: z.number().gt(0).max(10).default(1),
  logit_bias: bias.default({}),
  n: z.int().min(1).max(MOST_ANSWERS).default(1),
  stop: stop.default([]),
  seed: z.int().optional(),
  stream: z.boolean().default(false),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().default(false),
      include_obfuscation: z.literal(false).optional(),
    })
    .optional(),
};

const schema = z.record(z.string(), z.unknown());
const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string(),
      description: z.string().optional(),
      schema,
      strict: z.boolean().default(false),
    }),
  }),
]);
const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
]);

const chatSchema = z.strictObject({
  ...sampling,
  messages: z.array(message).min(1),
  max_tokens: z.int().min(1).optional(),
  max_completion_tokens: z.int().min(1).optional(),
  logprobs: z.boolean().default(false),
  top_logprobs: z.int().min(0).max(MOST_TOP).optional(),
  response_format: responseFormat.default({ type: "text" }),
  tools: z.array(tool).max(128).default([]),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: z.boolean().default(true),
  chat_template_kwargs: z.record(z.string(), z.unknown()).default({}),
});
export type ChatRequest = z.output<typeof chatSchema>;

const ids = z.array(z.int().min(0)).min(1);
const textSchema = z.strictObject({
  ...sampling,
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1).max(MOST_ANSWERS),
    ids,
    z.array(ids).min(1).max(MOST_ANSWERS),
  ]),
  max_tokens: z.int().min(0).optional(),
  logprobs: z.int().min(0).max(MOST_TOP).optional(),
  echo: z.boolean().default(false),
});
export type TextRequest = z.output<typeof textSchema>;

type Accepts = (value: unknown) => boolean;
const anything: Accepts = () => true;
const only =
  (...values: unknown[]): Accepts =>
  (value) =>
    values.includes(value);
const empty: Accepts = (value) =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

/**
 * Parameters that clients send and that change no answer here, with the values for which that is
 * so.
 */
const WITHOUT_EFFECT: Readonly<Record<string, Accepts>> = {
  user: anything,
  metadata: anything,
  safety_identifier: anything,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
  service_tier: only("auto", "default"),
  store: only(false),
  best_of: only(1),
  suffix: only(""),
  modalities: (value) => Array.isArray(value) && value.every((each) => each === "text"),
  functions: empty,
  // parameters of chat completions alone
  response_format: (value) =>
    typeof value === "object" && value !== null && (value as { type?: unknown }).type === "text",
  tools: empty,
  tool_choice: only("none", "auto"),
  parallel_tool_calls: anything,
};

/** Parameters of OpenAI's that are known and not served, so that the error can say so. */
const NOT_SERVED = [
  "audio",
  "function_call",
  "prediction",
  "reasoning_effort",
  "verbosity",
  "web_search_options",
];

/** What lies in requests and is not the server's to read: schemas, and whatever templates take. */
const OPAQUE = new Set(["parameters", "schema", "chat_template_kwargs", "metadata"]);

/**
 * @param room tokens of prompt and answer
 * @throws ApiError 400
 */
export const readChatRequest = (body: unknown, room: number): ChatRequest => {
  const given = object(body);
  const { messages } = given;
  // a turn takes a token for itself and one for its frame, at the least
  if (
    Array.isArray(messages) &&
    (messages.length > room / 2 || messages.some((each) => partsOf(each) > room))
  )
    throw tooLong("messages", room);
  const request = read(chatSchema, given);
  if (request.top_logprobs !== undefined && !request.logprobs)
    throw new ApiError(400, "top_logprobs needs logprobs: true", {
      param: "top_logprobs",
      code: "invalid_value",
    });
  return request;
};

/** @throws ApiError 400 */
export const readTextRequest = (body: unknown, room: number): TextRequest => {
  const given = object(body);
  const { prompt } = given;
  if (Array.isArray(prompt)) {
    const lists: unknown[][] =
      typeof prompt[0] === "number"
        ? [prompt]
        : prompt.filter((each) => Array.isArray(each)).slice(0, MOST_ANSWERS);
    if (lists.some(({ length }) => length > room)) throw tooLong("prompt", room);
    if (typeof prompt[0] !== "number" && prompt.length > MOST_ANSWERS)
      throw new ApiError(400, `at most ${MOST_ANSWERS} prompts a request`, {
        param: "prompt",
        code: "invalid_value",
      });
  }
  const request = read(textSchema, given);
  if (request.max_tokens === 0 && !(request.echo && request.logprobs !== undefined))
    throw new ApiError(
      400,
      "max_tokens: 0 is for the log-probabilities of a prompt, with echo and logprobs",
      { param: "max_tokens", code: "invalid_value" },
    );
  if (promptCount(request.prompt) * request.n > MOST_ANSWERS)
    throw new ApiError(400, `at most ${MOST_ANSWERS} answers a request, over all prompts`, {
      param: "n",
      code: "invalid_value",
    });
  return request;
};

/** Where an endpoint's prompt stands in its request. */
export type PromptField = "messages" | "prompt";

export const tooLong = (param: PromptField, room: number, got = ""): ApiError =>
  new ApiError(
    400,
    `this server's context is ${countOf(room, "token")}; ` +
      `${got === "" ? "the prompt is longer" : got}`,
    { param, code: "context_length_exceeded" },
  );

/** @throws ApiError 400 where a request wants to be told too much of its prompts */
export function checkTold(prompts: readonly ArrayLike<number>[], top: number | undefined): void {
  if (top === undefined) return;
  const tokens = prompts.reduce((sum, { length }) => sum + length, 0);
  if (tokens * Math.max(1, top) > MOST_TOLD)
    throw new ApiError(
      400,
      `the log-probabilities of ${countOf(tokens, "token")} of prompts with logprobs: ${top} are ` +
        `more than the ${MOST_TOLD} of a request; fewer prompts, or a smaller logprobs`,
      { param: "logprobs", code: "invalid_value" },
    );
}

const partsOf = (given: unknown): number =>
  typeof given === "object" && given !== null && "content" in given && Array.isArray(given.content)
    ? given.content.length
    : 0;

/** Prompts in a request: a list of numbers is one. */
export const promptCount = (prompt: TextRequest["prompt"]): number =>
  typeof prompt === "string" || typeof prompt[0] === "number" ? 1 : prompt.length;

function object(body: unknown): Record<string, unknown> {
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ApiError(400, "the body is no JSON object", { code: "invalid_json" });
}

/** null stands for the default, as in OpenAI's own: what is null is left out, at every depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === null ? [] : [[key, OPAQUE.has(key) ? each : withoutNulls(each)]],
    ),
  );
}

function read<Schema extends z.ZodObject>(
  schema: Schema,
  body: Record<string, unknown>,
): z.output<Schema> {
  for (const [name, value] of Object.entries(body))
    if (value !== null && !Object.hasOwn(schema.shape, name))
      checkWithoutEffect(name, value, Object.keys(schema.shape));
  const known = Object.entries(body).filter(
    ([name, value]) => value !== null && Object.hasOwn(schema.shape, name),
  );
  const result = schema.safeParse(withoutNulls(Object.fromEntries(known)));
  if (result.success) return result.data;
  throw invalid(result.error.issues[0]!, known);
}

function checkWithoutEffect(name: string, value: unknown, known: readonly string[]): void {
  const accepts = Object.hasOwn(WITHOUT_EFFECT, name) ? WITHOUT_EFFECT[name] : undefined;
  if (accepts?.(value)) return;
  if (accepts !== undefined || NOT_SERVED.includes(name))
    throw new ApiError(
      400,
      `attune does not serve ${name}` +
        (accepts === undefined ? "" : ` with this value: ${preview(value, 40)}`),
      { param: name, code: "unsupported_parameter" },
    );
  const near = nearest(name, [...known, ...Object.keys(WITHOUT_EFFECT)]);
  throw new ApiError(
    400,
    `unknown parameter ${preview(name)}${near === undefined ? "" : `; did you mean ${near}?`}`,
    { param: name.slice(0, 80), code: "unknown_parameter" },
  );
}

/**
 * The deepest of a union's problems is the one that the client meant; of equals, one of a value
 * whose type is right.
 */
function invalid(
  issue: z.core.$ZodIssue,
  known: readonly (readonly [string, unknown])[],
): ApiError {
  const inner =
    issue.code === "invalid_union"
      ? issue.errors
          .flat()
          .toSorted(
            (a, b) =>
              b.path.length - a.path.length ||
              Number(a.code === "invalid_type") - Number(b.code === "invalid_type"),
          )[0]
      : undefined;
  const path = [...issue.path, ...(inner?.path ?? [])];
  const param = path
    .map((part, index) =>
      typeof part === "number"
        ? `[${part}]`
        : `${index > 0 ? "." : ""}${String(part).slice(0, 80)}`,
    )
    .join("");
  const missing = path.length === 1 && !known.some(([name]) => name === path[0]);
  if (missing)
    return new ApiError(400, `${param} is missing`, { param, code: "missing_required_parameter" });
  return new ApiError(400, `${param}: ${(inner ?? issue).message.slice(0, 200)}`, {
    param,
    code: "invalid_value",
  });
}
