/**
 * What a model is asked for a document, and what its replies count.
 * Source: `construct_requests` and `process_results` in lm_eval/api/task.py 0.4.13.
 */
import type { ContinuationScore, NoAnswer, SubjectAnswer } from "../subject.ts";
import type { filterOf } from "./answer-filters.ts";
import type { ChoiceScores, Count } from "./metrics.ts";
import { DEFAULT_METRICS, countChoice, exactMatch, wordCount } from "./metrics.ts";
import type { Doc, Target, TaskDocuments } from "./task-documents.ts";
import type { MetricName, MetricOptions, TaskFields } from "./task-schema.ts";
import { pythonText } from "./task-template.ts";

/** One thing that a model is asked. */
export type TaskRequest =
  | { kind: "score"; prompt: string; continuation: string }
  | { kind: "text"; text: string }
  | { kind: "answer"; prompt: string };

/** A document with what is asked about it. */
export interface AskedDoc {
  readonly doc: Doc;
  readonly requests: readonly TaskRequest[];
  readonly target: Target | null;
  /** Of a multiple-choice task. */
  readonly choices: readonly string[];
  /** The number of the right question, where the choices are questions. */
  readonly question: number | undefined;
}

export type TaskReply = ContinuationScore | SubjectAnswer | NoAnswer;

/** What a document counts: one entry for each metric. */
export type Counts = Readonly<Partial<Record<MetricName, Count>>>;

/** How answers are written. Source of the defaults: lm_eval/defaults.py. */
export interface Writing {
  until: readonly string[];
  maxNewTokens: number;
  temperature: number;
}

export function writingOf({
  generation_kwargs: given,
  fewshot_delimiter: end,
}: TaskFields): Writing {
  const sampled = given?.do_sample === true;
  return {
    until: (given?.until ?? [end]).filter((each) => each !== ""),
    maxNewTokens: given?.max_gen_toks ?? given?.max_new_tokens ?? given?.max_tokens ?? 256,
    temperature: given?.do_sample === false ? 0 : (given?.temperature ?? (sampled ? 1 : 0)),
  };
}

const DEFAULT_METRIC = {
  ignore_case: false,
  ignore_punctuation: false,
  ignore_numbers: false,
} as const;

/** The metrics of a task, those that belong to its kind where it names none. */
export const metricsOf = ({ metric_list: given, output_type: type }: TaskFields): MetricOptions[] =>
  given ?? DEFAULT_METRICS[type].map((metric) => ({ metric, ...DEFAULT_METRIC }));

/** The requests about a document, in lm_eval's order. */
export function askAbout(
  doc: Doc,
  context: string | readonly string[],
  documents: TaskDocuments,
): AskedDoc {
  const { fields } = documents.task;
  const target = documents.target(doc);
  const asked = (requests: readonly TaskRequest[]): AskedDoc => ({
    doc,
    requests,
    target,
    choices: [],
    question: undefined,
  });
  const one = (): string => {
    if (typeof context === "string") return context;
    throw documents.error(doc, "the choices are questions, and the task is no choice", fields.task);
  };
  switch (fields.output_type) {
    case "loglikelihood":
      return asked([{ kind: "score", prompt: one(), continuation: textOf(target) }]);
    case "loglikelihood_rolling":
      return asked([{ kind: "text", text: textOf(target) }]);
    case "generate_until":
      return {
        ...asked([{ kind: "answer", prompt: one() }]),
        choices: fields.doc_to_choice === undefined ? [] : documents.choices(doc),
      };
    case "multiple_choice": {
      const choices = documents.choices(doc);
      const { target_delimiter: delimiter } = fields;
      const question = documents.text(doc);
      const requests: TaskRequest[] =
        typeof context === "string"
          ? choices.map((choice) => ({
              kind: "score",
              prompt: context,
              continuation: delimiter + choice,
            }))
          : context.map((prompt) => ({
              kind: "score",
              prompt,
              continuation: delimiter + textOf(target),
            }));
      const alone = metricsOf(fields).some(({ metric }) => metric === "acc_mutual_info")
        ? choices.map((choice): TaskRequest => ({
            kind: "score",
            prompt: "",
            continuation: delimiter + choice,
          }))
        : [];
      return {
        ...asked([...requests, ...alone]),
        choices,
        question: typeof question === "number" ? question : undefined,
      };
    }
  }
}

const textOf = (target: Target | null): string =>
  typeof target === "string" ? target : pythonText(target);

/** What a document counts, for one filter. */
export interface Processing {
  fields: TaskFields;
  metrics: readonly MetricOptions[];
  /** Of the pipeline, its answers. */
  filter: ReturnType<typeof filterOf>;
}

export function countDoc(
  { target, choices, question, requests }: AskedDoc,
  replies: readonly TaskReply[],
  { fields, metrics, filter }: Processing,
): Counts {
  switch (fields.output_type) {
    case "loglikelihood": {
      const { logProbability, greedy } = replies[0] as ContinuationScore;
      return { perplexity: logProbability, acc: Number(greedy) };
    }
    case "loglikelihood_rolling": {
      const { logProbability } = replies[0] as ContinuationScore;
      const text = textOf(target);
      const bytes = Buffer.byteLength(text);
      return {
        word_perplexity: [logProbability, wordCount(text)],
        byte_perplexity: [logProbability, bytes],
        bits_per_byte: [logProbability, bytes],
      };
    }
    case "generate_until": {
      const answer = filter((replies[0] as SubjectAnswer).text);
      const right =
        choices.length > 0 && typeof target === "number" ? (choices[target] ?? "") : target;
      const targets = Array.isArray(right)
        ? right.map((each) => pythonText(each))
        : [textOf(right as Target | null)];
      return Object.fromEntries(
        metrics.map((options) => [options.metric, exactMatch(answer, targets, options)]),
      );
    }
    case "multiple_choice": {
      const scores = replies as readonly ContinuationScore[];
      const of = question === undefined ? choices.length : requests.length;
      const gold = goldOf(question ?? target, choices);
      const read: ChoiceScores = {
        logps: scores.slice(0, of).map(({ logProbability }) => logProbability),
        alone: scores.slice(of).map(({ logProbability }) => logProbability),
        greedy: scores.map(({ greedy }) => greedy),
        choices,
        gold,
        several: Array.isArray(target),
      };
      return Object.fromEntries(metrics.map(({ metric }) => [metric, countChoice(metric, read)]));
    }
  }
}

function goldOf(target: Target | null, choices: readonly string[]): number[] {
  const all = typeof target === "object" ? (target ?? []) : [target];
  return all.flatMap((each) => {
    const place = typeof each === "number" ? each : choices.indexOf(each);
    return place >= 0 && place < choices.length ? [place] : [];
  });
}
