/** Asks a model the questions of a task, and counts. */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Labels } from "../../stats/clusters.ts";
import type { Interval } from "../../stats/intervals.ts";
import { clustersFor } from "../behaviour/measured.ts";
import type { Item } from "../items.ts";
import { itemOf } from "../items.ts";
import type { AnswerRequest, Hooks, NoAnswer, Subject } from "../subject.ts";
import { checkMissing } from "../behaviour/missing.ts";
import { filterOf } from "./answer-filters.ts";
import { Contexts } from "./context.ts";
import type { Split } from "./documents.ts";
import { readSplit } from "./documents.ts";
import type { Count } from "./metrics.ts";
import { METRIC_KINDS } from "./metrics.ts";
import type { AskedDoc, Counts, TaskReply, Writing } from "./requests.ts";
import { askAbout, countDoc, metricsOf, writingOf } from "./requests.ts";
import type { Doc } from "./task-documents.ts";
import { TaskDocuments } from "./task-documents.ts";
import type { TaskFile } from "./task-file.ts";
import type { MetricName, MetricOptions } from "./task-schema.ts";

export interface TaskOptions {
  /** Documents of each task, from the first; 0 for all. */
  limit: number;
  /** Examples before each question; undefined for as many as the task says. */
  shots?: number | undefined;
  /** Of the examples that are drawn. Source: lm_eval's fewshot_random_seed, 1234. */
  fewshotSeed: number;
  /** Of answers that are drawn. */
  seed: number;
}

/** A task whose documents are read and whose questions are written. */
export interface PreparedTask {
  readonly task: TaskFile;
  readonly metrics: readonly MetricOptions[];
  readonly asked: readonly AskedDoc[];
  readonly writing: Writing;
  readonly shots: number;
}

export interface DocResult {
  readonly asked: AskedDoc;
  readonly replies: readonly TaskReply[];
  /** By the name of the filter. */
  readonly counts: Readonly<Record<string, Counts>>;
  readonly filtered: Readonly<Record<string, readonly unknown[]>>;
}

export interface MetricResult {
  readonly metric: MetricName;
  readonly filter: string;
  readonly value: Interval;
  readonly counts: readonly Count[];
}

export interface TaskResult {
  readonly prepared: PreparedTask;
  readonly documents: readonly DocResult[];
  readonly metrics: readonly MetricResult[];
  /** What each of the documents asks. */
  readonly items: readonly Item[];
  /** Documents that ask what another asks: one cluster with it. */
  readonly repeats: number;
  /** Documents that count nothing, since the model gave no reply. */
  readonly left: readonly { row: number; why: string }[];
  /** Documents whose target is none of their choices: never right. */
  readonly without: readonly number[];
}

/** @throws AttuneError `data` for whatever is wrong with the task or its documents */
export async function prepareTask(
  task: TaskFile,
  { limit, shots: given, fewshotSeed }: TaskOptions,
): Promise<PreparedTask> {
  const { fields } = task;
  const documents = new TaskDocuments(task);
  const splits = new Map<string, Split>();
  const split = async (name: string): Promise<Doc[]> => {
    const read = splits.get(name) ?? (await readSplit(task, name));
    splits.set(name, read);
    return read.documents.map((document, index) => ({ document, split: read, row: index + 1 }));
  };
  const metrics = checkedMetrics(task);
  const evaluated = await split((fields.test_split ?? fields.validation_split)!);
  const shots = given ?? fields.num_fewshot ?? 0;
  const { samples, split: ownSplit } = fields.fewshot_config;
  const from =
    ownSplit ?? fields.fewshot_split ?? (samples ? undefined : fields.training_split) ?? undefined;
  const pool =
    shots === 0
      ? []
      : samples && ownSplit === undefined && (fields.fewshot_split ?? undefined) === undefined
        ? docsOf(samples)
        : await split((from ?? fields.validation_split ?? fields.test_split)!);
  const contexts = new Contexts(documents, { pool, shots, seed: fewshotSeed });
  const kept = limit === 0 ? evaluated : evaluated.slice(0, limit);
  const asked = kept.map((doc) =>
    askAbout(
      doc,
      fields.output_type === "loglikelihood_rolling" ? "" : contexts.of(doc),
      documents,
    ),
  );
  checkLabels(task, asked, metrics);
  return { task, metrics, asked, writing: writingOf(fields), shots };
}

function docsOf(samples: readonly Readonly<Record<string, unknown>>[]): Doc[] {
  const split: Split = {
    documents: samples,
    columns: new Set(samples.flatMap((each) => Object.keys(each))),
    fractions: new Set(),
  };
  return samples.map((document, index) => ({ document, split, row: index + 1 }));
}

function checkedMetrics({ file, fields }: TaskFile): MetricOptions[] {
  const metrics = metricsOf(fields);
  for (const { metric, aggregation, higher_is_better: higher } of metrics) {
    const kind = METRIC_KINDS[metric];
    if (!kind.of.includes(fields.output_type))
      throw new AttuneError("data", `${metric} is no metric of this kind of task`, {
        file,
        got: `output_type: ${fields.output_type}`,
        expected: Object.entries(METRIC_KINDS)
          .flatMap(([name, each]) => (each.of.includes(fields.output_type) ? [name] : []))
          .join(", "),
      });
    if (aggregation !== undefined && aggregation !== kind.aggregation)
      throw new AttuneError("data", `${metric} is put together in one way`, {
        file,
        got: `aggregation: ${aggregation}`,
        expected: kind.aggregation,
      });
    if (higher !== undefined && higher !== (kind.good === "higher"))
      throw new AttuneError("data", `which ${metric} is better is said the wrong way round`, {
        file,
        got: `higher_is_better: ${higher}`,
      });
  }
  return metrics;
}

/** F1 and Matthews' correlation are of two classes, of which the second counts. */
function checkLabels(
  { file }: TaskFile,
  asked: readonly AskedDoc[],
  metrics: readonly MetricOptions[],
): void {
  const binary = metrics.find(({ metric }) => metric === "f1" || metric === "mcc");
  const other = binary && asked.find(({ choices }) => choices.length !== 2);
  if (other)
    throw new AttuneError("data", `${binary.metric} is of two choices`, {
      file,
      row: other.doc.row,
      got: countOf(other.choices.length, "choice"),
    });
}

const isRefused = (reply: TaskReply): reply is NoAnswer => "refused" in reply;

/**
 * All replies, in the order of the documents.
 * @throws AttuneError `usage` where the model tells no log-probabilities and the task wants them
 */
export async function runTask(
  prepared: PreparedTask,
  subject: Subject,
  { seed, maxMissing = 1, hooks = {} }: { seed: number; maxMissing?: number; hooks?: Hooks },
): Promise<TaskResult> {
  const { task, metrics, asked } = prepared;
  const scoreless =
    task.fields.output_type === "generate_until" ? undefined : await subject.whyScoreless?.(hooks);
  if (scoreless !== undefined) throw scorelessError(task, "continuations", scoreless);
  const replies = await ask(prepared, subject, { seed, hooks });
  const filters = Object.fromEntries(
    (
      task.fields.filter_list ?? [{ name: "none", filter: [{ function: "take_first" as const }] }]
    ).map(({ name, filter }) => [name, filterOf(filter)] as const),
  );
  const left: { row: number; why: string }[] = [];
  const documents: DocResult[] = [];
  asked.forEach((each, index) => {
    const own = replies[index]!;
    const refused = own.find(isRefused);
    if (refused) return void left.push({ row: each.doc.row, why: refused.refused });
    const processed = Object.entries(filters).map(([name, filter]) => ({
      name,
      counts: countDoc(each, own, { fields: task.fields, metrics, filter }),
      filtered: own.map((reply) => ("text" in reply ? filter(reply.text) : reply)),
    }));
    documents.push({
      asked: each,
      replies: own,
      counts: Object.fromEntries(processed.map(({ name, counts }) => [name, counts])),
      filtered: Object.fromEntries(processed.map(({ name, filtered }) => [name, filtered])),
    });
  });
  const questions = new TaskDocuments(task);
  const items = documents.map((each) => itemOfDocument(each, questions));
  const clusters = clustersFor(items.map(({ cluster }) => cluster));
  const missing = { count: left.length, asked: asked.length, why: left[0]?.why ?? "" };
  checkMissing(missing, maxMissing, task.fields.task);
  return {
    prepared,
    documents,
    items,
    repeats: clusters === undefined ? 0 : documents.length - new Set(clusters).size,
    metrics: Object.keys(filters).flatMap((filter) =>
      metrics.map(({ metric }): MetricResult => {
        const counts = documents.map((each) => each.counts[filter]![metric]!);
        return { metric, filter, counts, value: valueOf(metric, counts, clusters) };
      }),
    ),
    left,
    without: withoutTarget(prepared),
  };
}

/** NaN is never asked of a formula: of nothing nothing is claimed. */
const valueOf = (
  metric: MetricName,
  counts: readonly Count[],
  clusters: Labels | undefined,
): Interval =>
  counts.length === 0
    ? { estimate: NaN, low: -Infinity, high: Infinity, n: 0, noClaim: "nothing observed" }
    : METRIC_KINDS[metric].aggregate(counts, clusters);

/** What is asked, without the examples before it: the same of a document that is there twice. */
function itemOfDocument({ asked }: DocResult, documents: TaskDocuments): Item {
  const { doc, choices, target } = asked;
  const type = documents.task.fields.output_type;
  const text = type === "loglikelihood_rolling" ? "" : documents.text(doc);
  // the text that is told is a part of the question
  const told = type.startsWith("loglikelihood") ? target : null;
  const question = JSON.stringify([text, choices.toSorted(), told]);
  return itemOf([text, choices, target], {
    text: typeof text === "string" && text !== "" ? text : question,
    cluster: question,
  });
}

function withoutTarget({ task, asked }: PreparedTask): number[] {
  if (task.fields.output_type !== "multiple_choice") return [];
  return asked.flatMap(({ target, choices, question, doc }) => {
    if (question !== undefined) return [];
    const all = Array.isArray(target) ? target : [target];
    const found = all.some((each) =>
      typeof each === "number"
        ? each >= 0 && each < choices.length
        : choices.includes(each as string),
    );
    return found ? [] : [doc.row];
  });
}

async function ask(
  { task, asked, writing }: PreparedTask,
  subject: Subject,
  { seed, hooks }: { seed: number; hooks: Hooks },
): Promise<TaskReply[][]> {
  const all = asked.flatMap(({ requests }) => requests);
  const replies: TaskReply[] = await (async () => {
    switch (task.fields.output_type) {
      case "generate_until":
        return subject.answer(
          all.map((request): AnswerRequest => ({
            prompt: (request as { prompt: string }).prompt,
            maxNewTokens: writing.maxNewTokens,
            temperature: writing.temperature,
            stopTexts: writing.until,
            seed,
          })),
          hooks,
        );
      case "loglikelihood_rolling":
        if (!subject.scoreTexts) throw scorelessError(task, "whole texts");
        return subject.scoreTexts(
          all.map((request) => (request as { text: string }).text),
          hooks,
        );
      default:
        if (!subject.score) throw scorelessError(task, "continuations");
        return subject.score(
          all.map((request) => request as { prompt: string; continuation: string }),
          hooks,
        );
    }
  })();
  let at = 0;
  return asked.map(({ requests }) => replies.slice(at, (at += requests.length)));
}

const scorelessError = ({ file, fields }: TaskFile, what: string, why?: string): AttuneError =>
  new AttuneError("usage", `the model tells no log-probabilities of ${what}`, {
    file,
    got: `output_type: ${fields.output_type}${why === undefined ? "" : `; ${why}`}`,
    hint: "a model of this machine, or a server that has echo with logprobs",
  });
