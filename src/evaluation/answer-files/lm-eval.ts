/**
 * Sample logs of lm-evaluation-harness (`--log_samples`): requests, replies and scores of a task.
 * Source: lm_eval/evaluator.py (what a sample holds), lm_eval/api/task.py (acc_norm divides by the
 * characters of a choice). Difference: of a multiple-choice task the answer is the choice that the
 * model found most likely, since nothing is written.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { asObject } from "../../data/formats/columns.ts";
import type { Row } from "../../data/readers/row.ts";
import type { SetAnswer } from "../compare/answer-set.ts";
import type { AnswerFormat, FileNotes, FileToRead, ReadFile } from "./format.ts";
import { Answers, scoreOf } from "./format.ts";

/** What is no score of a sample. */
const KNOWN = new Set([
  "doc_id",
  "doc",
  "target",
  "arguments",
  "resps",
  "filtered_resps",
  "filter",
  "metrics",
  "doc_hash",
  "prompt_hash",
  "target_hash",
  "task",
]);
/** Scores in the order in which they are taken where none is named. */
const USUAL = ["acc", "exact_match", "acc_norm", "f1", "pass@1", "bleu"];

/** A request as the harness sent it: what comes first, and what was scored behind it. */
interface Request {
  context: string;
  continuation: string | undefined;
}

export const lmEval: AnswerFormat = {
  name: "lm-eval",
  title: "lm-evaluation-harness sample logs (--log_samples)",
  needs: "doc, arguments, resps and filtered_resps",
  detect: ({ columns }) =>
    columns["doc"] !== undefined &&
    columns["arguments"] !== undefined &&
    columns["resps"] !== undefined,
  read({ rows, name, notes, metric, file }: FileToRead): ReadFile {
    const [wanted, filter] = (metric ?? "").split(",");
    const chosen = ofOneFilter(rows, filter, { notes, file });
    const metrics = metricsOf(chosen);
    const answers = new Answers();
    for (const row of chosen) {
      const answer = readSample(row, { metric: wanted || metrics[0], metrics, notes });
      if (answer) answers.add(name, answer);
    }
    return { answers: answers.byModel, votes: [], metrics };
  },
};

/** A task with several filters logs every sample once for each. */
function ofOneFilter(
  rows: readonly Row[],
  filter: string | undefined,
  { notes, file }: { notes: FileNotes; file: string },
): readonly Row[] {
  const filters = [...new Set(rows.map(({ columns }) => columns["filter"]))];
  const wanted = filter === undefined ? filters[0] : filter;
  if (!filters.includes(wanted))
    throw new AttuneError("data", `the file has no filter ${filter}`, {
      file,
      expected: filters.map(String).join(", "),
    });
  if (filters.length > 1)
    notes.say(
      `${file} holds the filters ${filters.map(String).join(", ")}: read is ${String(wanted)} ` +
        "(scores:METRIC,FILTER takes another)",
    );
  return rows.filter(({ columns }) => columns["filter"] === wanted);
}

function metricsOf(rows: readonly Row[]): string[] {
  const names = new Set<string>();
  for (const { columns } of rows)
    for (const [name, value] of Object.entries(columns))
      if (!KNOWN.has(name) && scoreOf(value) !== undefined) names.add(name);
  const rank = (name: string): number =>
    (USUAL.indexOf(name) + USUAL.length + 1) % (USUAL.length + 1);
  return [...names].toSorted((a, b) => rank(a) - rank(b));
}

function readSample(
  row: Row,
  {
    metric,
    metrics,
    notes,
  }: { metric: string | undefined; metrics: readonly string[]; notes: FileNotes },
): SetAnswer | undefined {
  const requests = requestsOf(row);
  const replies = repliesOf(row);
  const text = answerOf(requests, replies, { row, metric, notes });
  if (text === undefined) return undefined;
  const { columns, place } = row;
  const category = asObject(columns["doc"])?.["category"] ?? asObject(columns["doc"])?.["subject"];
  const scores = Object.fromEntries(
    metrics.flatMap((each) => {
      const score = scoreOf(columns[each]);
      return score === undefined ? [] : [[each, score]];
    }),
  );
  return {
    prompt: requests[0]!.context,
    text,
    key: String(columns["doc_id"] ?? ""),
    columns: {
      ...scores,
      ...(columns["task"] === undefined ? {} : { task: columns["task"] }),
      ...(typeof category === "string" ? { category } : {}),
      ...(columns["target"] === undefined ? {} : { target: columns["target"] }),
    },
    place,
  };
}

/** Newer files name the arguments, older ones list them. */
function requestsOf(row: Row): Request[] {
  const { arguments: given } = row.columns;
  const lists = Array.isArray(given)
    ? (given as unknown[])
    : Object.entries(asObject(given) ?? {})
        .toSorted(([a], [b]) => Number(a.replace(/\D+/, "")) - Number(b.replace(/\D+/, "")))
        .map(([, value]) => value);
  const requests = lists.map((each): Request => {
    const [context, continuation] = Array.isArray(each)
      ? (each as unknown[])
      : [asObject(each)?.["arg_0"], asObject(each)?.["arg_1"]];
    return {
      context: typeof context === "string" ? context : JSON.stringify(context ?? ""),
      continuation: typeof continuation === "string" ? continuation : undefined,
    };
  });
  if (requests.length > 0) return requests;
  throw new AttuneError("data", "the column arguments holds no request", {
    ...row.place,
    got: preview(given),
    expected: '{"gen_args_0": {"arg_0": text, ...}} or [[text, ...]]',
  });
}

/** The first reply to each request. */
function repliesOf(row: Row): unknown[] {
  const { resps } = row.columns;
  if (!Array.isArray(resps))
    throw new AttuneError("data", "the column resps is no list", {
      ...row.place,
      got: preview(resps),
    });
  return resps.map((each: unknown) => (Array.isArray(each) ? (each as unknown[])[0] : each));
}

function answerOf(
  requests: readonly Request[],
  replies: readonly unknown[],
  { row, metric, notes }: { row: Row; metric: string | undefined; notes: FileNotes },
): string | undefined {
  const [reply] = replies;
  if (typeof reply === "string") {
    if (Array.isArray((row.columns["resps"] as unknown[])[0])) noteRepeats(row, notes);
    return reply;
  }
  const chances = replies.map((each) =>
    Number(Array.isArray(each) ? (each as unknown[])[0] : each),
  );
  const isLikelihood =
    chances.length > 0 &&
    chances.every((each) => !Number.isNaN(each)) &&
    requests.every(({ continuation }) => continuation !== undefined);
  if (!isLikelihood) {
    notes.count("left out: samples whose replies are neither texts nor likelihoods", row.place);
    return undefined;
  }
  if (chances.length === 1) {
    notes.say("the task asks whether a text is the most likely one: answers are yes and no");
    const greedy = Array.isArray(reply) ? (reply as unknown[])[1] : undefined;
    return greedy === true || greedy === "True" ? requests[0]!.continuation! : "another text";
  }
  notes.say("the task is multiple choice: answers are the choices that were the most likely ones");
  const size = (text: string): number => (metric === "acc_norm" ? text.trimStart().length || 1 : 1);
  const best = chances.reduce(
    (most, chance, index) =>
      chance / size(requests[index]!.continuation!) >
      chances[most]! / size(requests[most]!.continuation!)
        ? index
        : most,
    0,
  );
  return requests[best]!.continuation!.trim();
}

function noteRepeats(row: Row, notes: FileNotes): void {
  const [first] = row.columns["resps"] as unknown[][];
  if ((first?.length ?? 0) > 1)
    notes.count("of several replies to a request only the first is read", row.place);
}
