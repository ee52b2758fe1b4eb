/**
 * Logs of Inspect AI: `.eval`, a zip archive with a file for each sample, and `.json`, the whole
 * log at once.
 * Source: inspect_ai 0.3.285, inspect_ai/log/_log.py (EvalLog, EvalSample), scorer/_metric.py
 * (value_to_float: C is 1, P is 0.5, I and N are 0).
 */
import { readFileSync } from "node:fs";
import { AttuneError } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { asObject } from "../../data/formats/columns.ts";
import type { Message, Prompt, Role } from "../../text/messages.ts";
import { ROLES } from "../../text/messages.ts";
import { compact } from "../../data/records.ts";
import type { SetAnswer } from "../compare/answer-set.ts";
import type { FileNotes, ReadFile } from "./format.ts";
import { Answers, nothingToRead } from "./format.ts";
import { readZip } from "./zip.ts";

type Json = Record<string, unknown>;

const LETTERS: Readonly<Record<string, number>> = { C: 1, P: 0.5, I: 0, N: 0 };

/** Whether a whole JSON value is such a log. */
export const isInspectLog = (value: unknown): boolean => {
  const log = asObject(value);
  return asObject(log?.["eval"])?.["task"] !== undefined && "status" in log!;
};

/** @throws AttuneError `data` */
export function readInspect(file: string, notes: FileNotes): ReadFile {
  const { header, samples } = /\.eval$/i.test(file) ? readArchive(file) : readLog(file);
  const spec = asObject(header["eval"]) ?? {};
  const model = typeof spec["model"] === "string" ? spec["model"] : "model";
  if (header["status"] !== "success")
    notes.say(`${file}: the evaluation ended with the status ${String(header["status"])}`);
  const answers = new Answers();
  const metrics = new Set<string>();
  samples.forEach((sample, index) => {
    const place = { file, row: index + 1 };
    const text = answerOf(sample);
    if (text === undefined)
      return notes.count("left out: samples that ended without an answer", place);
    const scores = scoresOf(sample);
    for (const name of Object.keys(scores)) metrics.add(name);
    answers.add(model, setAnswer(sample, { text, scores, task: spec["task"], place }));
    return undefined;
  });
  if (answers.byModel.size === 0) nothingToRead(file, "the log holds no answer");
  return { answers: answers.byModel, votes: [], metrics: [...metrics] };
}

function setAnswer(
  sample: Json,
  {
    text,
    scores,
    task,
    place,
  }: { text: string; scores: Json; task: unknown; place: SetAnswer["place"] },
): SetAnswer {
  const id = String(sample["id"] ?? "");
  const output = asObject(sample["output"]);
  const [choice] = (output?.["choices"] as Json[] | undefined) ?? [];
  const tokens = asObject(output?.["usage"])?.["output_tokens"];
  return compact({
    prompt: promptOf(sample),
    text,
    key: `${id}/${String(sample["epoch"] ?? 1)}`,
    cluster: `${String(task)}/${id}`,
    tokens: typeof tokens === "number" ? tokens : undefined,
    stopped:
      typeof choice?.["stop_reason"] === "string"
        ? !["max_tokens", "model_length"].includes(choice["stop_reason"])
        : undefined,
    columns: {
      ...(task === undefined ? {} : { task }),
      ...asObject(sample["metadata"]),
      ...scores,
      ...(sample["target"] === undefined ? {} : { target: sample["target"] }),
    },
    place,
  }) as SetAnswer;
}

interface Log {
  header: Json;
  samples: Json[];
}

function readLog(file: string): Log {
  const log = asObject(parsed(readFileSync(file, "utf8"), file));
  if (!log || !isInspectLog(log))
    throw new AttuneError("data", "this is no log of Inspect AI", { file });
  const samples = Array.isArray(log["samples"]) ? (log["samples"] as Json[]) : [];
  return { header: log, samples };
}

function readArchive(file: string): Log {
  const files = readZip(file);
  const header =
    files.find(({ name }) => name === "header.json") ??
    // an evaluation that was cut off has none yet
    files.find(({ name }) => name === "_journal/start.json");
  if (!header) throw new AttuneError("data", "this is no log of Inspect AI", { file });
  const samples = files
    .filter(({ name }) => name.startsWith("samples/") && name.endsWith(".json"))
    .map((each) => parsed(each.text(), file) as Json);
  return { header: parsed(header.text(), file) as Json, samples: samples.toSorted(byPlace) };
}

const byPlace = (a: Json, b: Json): number =>
  Number(a["epoch"]) - Number(b["epoch"]) ||
  (String(a["id"]) < String(b["id"]) ? -1 : String(a["id"]) > String(b["id"]) ? 1 : 0);

function parsed(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new AttuneError("data", "the log is no JSON", { file, cause });
  }
}

/** Long texts lie apart, under their hash. */
function resolved(text: string, sample: Json): string {
  const [, hash] = /^attachment:\/\/(.+)$/.exec(text) ?? [];
  const found = hash === undefined ? undefined : asObject(sample["attachments"])?.[hash];
  return typeof found === "string" ? found : text;
}

function answerOf(sample: Json): string | undefined {
  const output = asObject(sample["output"]);
  const choices = output?.["choices"];
  if (!Array.isArray(choices) || choices.length === 0) return undefined;
  const completion = output?.["completion"];
  if (typeof completion === "string") return resolved(completion, sample);
  return contentOf(asObject((choices[0] as Json)["message"])?.["content"], sample);
}

function promptOf(sample: Json): Prompt {
  const input = sample["input"];
  if (!Array.isArray(input)) return resolved(String(input ?? ""), sample);
  return input.map((each): Message => {
    const role = ROLES.find((name) => name === (each as Json)["role"]) ?? ("user" satisfies Role);
    return { role, content: contentOf((each as Json)["content"], sample) };
  });
}

function contentOf(content: unknown, sample: Json): string {
  if (typeof content === "string") return resolved(content, sample);
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => asObject(part)?.["text"])
    .filter((text): text is string => typeof text === "string")
    .map((text) => resolved(text, sample))
    .join("");
}

function scoresOf(sample: Json): Record<string, number> {
  const scores: Record<string, number> = {};
  const add = (name: string, value: unknown): void => {
    const number =
      typeof value === "boolean"
        ? Number(value)
        : typeof value === "string"
          ? (LETTERS[value] ?? undefined)
          : value;
    if (typeof number === "number" && Number.isFinite(number)) scores[name] = number;
    else if (asObject(value))
      for (const [part, inner] of Object.entries(asObject(value)!)) add(`${name}/${part}`, inner);
  };
  for (const [name, score] of Object.entries(asObject(sample["scores"]) ?? {}))
    add(name, asObject(score)?.["value"]);
  return scores;
}
