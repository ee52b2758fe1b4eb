/** What tasks say about a model: one finding a task, one a group. */
import { countOf } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/intervals.ts";
import { stratifiedMean } from "../../stats/strata.ts";
import { withMissing } from "../behaviour/missing.ts";
import type { Chart } from "../chart.ts";
import type { Finding, Measure } from "../findings.ts";
import type { Item } from "../items.ts";
import { ofItems } from "../measure.ts";
import { formatMeasure, measureText } from "../measure-text.ts";
import { numbered, numberedSlugs, slug } from "../measure-names.ts";
import type { Table } from "../table.ts";
import { METRIC_KINDS } from "./metrics.ts";
import type { AskedDoc, TaskReply } from "./requests.ts";
import type { MetricResult, TaskResult } from "./run-task.ts";
import type { TaskGroup } from "./task-file.ts";
import { pythonText } from "./task-template.ts";

const PART = "tasks";

const NAMES: Readonly<Record<string, string>> = {
  acc: "accuracy",
  acc_norm: "accuracy by probability for each character",
  acc_bytes: "accuracy by probability for each byte",
  acc_mutual_info: "accuracy by mutual information",
  exact_match: "exact match",
  f1: "F1",
  mcc: "Matthews' correlation",
  brier_score: "Brier score",
  perplexity: "perplexity",
  word_perplexity: "perplexity for each word",
  byte_perplexity: "perplexity for each byte",
  bits_per_byte: "bits for each byte",
};

const labelOf = ({ metric, filter }: Pick<MetricResult, "metric" | "filter">): string =>
  NAMES[metric]! + (filter === "none" ? "" : ` (${filter})`);

/** A task or a group, with its word in ids. */
interface Named {
  name: string;
  word: string;
}

function measureOf({ name, word }: Named, result: MetricResult): Measure {
  const { metric, filter, value } = result;
  const { unit, good } = METRIC_KINDS[metric];
  const parts = [PART, word, slug(metric), ...(filter === "none" ? [] : [slug(filter)])];
  return { id: parts.join("/"), name: `${name}: ${labelOf(result)}`, value, unit, good };
}

/** @param items what each of the documents asks */
function withItems(measure: Measure, { metric, counts }: MetricResult, items: readonly Item[]) {
  const { scoreOf } = METRIC_KINDS[metric];
  if (!scoreOf) return measure;
  return ofItems(
    measure,
    counts.map((count, i) => ({ item: items[i]!, score: scoreOf(count) })),
  );
}

/** Filters may have names that are the same word. */
function distinct(measures: readonly Measure[]): Measure[] {
  const ids = numbered(measures.map(({ id }) => id));
  return measures.map((measure, i) => ({ ...measure, id: ids[i]! }));
}

const nameOf = ({ prepared }: TaskResult): string =>
  prepared.task.fields.task_alias ?? prepared.task.fields.task;

export function taskFindings(
  results: readonly TaskResult[],
  groups: readonly TaskGroup[],
): Finding[] {
  const words = numberedSlugs([...groups.map(({ name }) => name), ...results.map(nameOf)]);
  return [
    ...groups.flatMap((group, i) => groupFinding(group, results, words[i]!)),
    ...results.map((result, i) => {
      const { left, prepared } = result;
      const missing = { count: left.length, asked: prepared.asked.length, why: left[0]?.why ?? "" };
      const finding = taskFinding(result, words[groups.length + i]!);
      return withMissing(finding, missing, { thing: "document" });
    }),
  ];
}

function taskFinding(result: TaskResult, word: string): Finding {
  const { metrics, documents, prepared } = result;
  const name = nameOf(result);
  const measures = distinct(
    metrics.map((metric) => withItems(measureOf({ name, word }, metric), metric, result.items)),
  );
  const about =
    `${countOf(documents.length, "document")}` +
    (prepared.shots > 0 ? `, ${countOf(prepared.shots, "example")} before each` : "");
  const guess = guessing(result);
  return {
    id: `${PART}-${word}`,
    question: `How does it do on ${name}?`,
    conclusion: documents.length === 0 ? "no conclusion" : "measured",
    answer:
      documents.length === 0
        ? "The model gave no reply to any of its documents."
        : `${metrics.map((each, index) => `${labelOf(each)} ${formatMeasure(measures[index]!)}`).join(", ")} ` +
          `on ${about}.${guess === undefined ? "" : ` Guessing is right on ${guess}.`}`,
    ...(metrics.length > 0 && documents.length > 0
      ? { brief: `${name}: ${labelOf(metrics[0]!)} ${formatMeasure(measures[0]!)} on ${about}.` }
      : {}),
    measures,
    figures: [],
    details: documents.length === 0 ? [] : [{ kind: "table", table: shownTable(result) }],
  };
}

/** How often a choice that is made blindly is right. */
function guessing({ prepared: { task }, documents }: TaskResult): string | undefined {
  if (task.fields.output_type !== "multiple_choice" || documents.length === 0) return undefined;
  const shares = documents.map(({ asked }) => 1 / Math.max(1, asked.choices.length));
  return `${(100 * mean(shares)).toFixed(1)}%`;
}

/** Documents that are shown, and characters of each text. */
const SHOWN = 5;
const WIDTH = 200;

/** The first documents: the end of what was asked, what is right, what came. */
function shownTable(result: TaskResult): Table {
  const short = (text: string): string => (text.length > WIDTH ? `…${text.slice(-WIDTH)}` : text);
  return {
    caption: `The first documents of ${nameOf(result)}`,
    columns: [{ name: "asked" }, { name: "right" }, { name: "reply" }],
    rows: result.documents.slice(0, SHOWN).map(({ asked, replies }) => {
      const { requests, choices, target } = asked;
      const [request] = requests;
      const right = typeof target === "number" ? (choices[target] ?? target) : target;
      return [
        short(request === undefined ? "" : request.kind === "text" ? request.text : request.prompt),
        short(pythonText(right)),
        short(shownReply(asked, replies)),
      ];
    }),
  };
}

function shownReply({ choices }: AskedDoc, replies: readonly TaskReply[]): string {
  const [first] = replies;
  if (first !== undefined && "text" in first) return first.text;
  const logps = replies.map((reply) =>
    "logProbability" in reply ? reply.logProbability : -Infinity,
  );
  if (choices.length === 0 || logps.length < choices.length) return `${logps[0]!.toFixed(2)} nats`;
  const best = logps
    .slice(0, choices.length)
    .reduce((most, logp, index) => (logp > logps[most]! ? index : most), 0);
  return choices[best]!;
}

/** Tasks weighted by their documents, or each alike. Each task's documents are drawn apart. */
function groupFinding(group: TaskGroup, results: readonly TaskResult[], word: string): Finding[] {
  const own = group.tasks.flatMap((name) =>
    results.filter(({ prepared }) => prepared.task.fields.task === name),
  );
  const all = (group.fields.aggregate_metric_list ?? []).flatMap(
    ({ metric, weight_by_size: bySize, filter_list: filters }) =>
      filters.flatMap((filter): Measure[] => {
        const parts = own.flatMap(({ metrics }) =>
          metrics.filter((each) => each.metric === metric && each.filter === filter),
        );
        const kind = METRIC_KINDS[metric as MetricResult["metric"]];
        if (parts.length === 0 || kind?.unit !== "share") return [];
        return [
          {
            ...measureOf(
              { name: group.name, word },
              { ...parts[0]!, value: pooled(parts, bySize) },
            ),
          },
        ];
      }),
  );
  const measures = distinct(all);
  if (measures.length === 0) return [];
  return [
    {
      id: `${PART}-group-${word}`,
      question:
        `How does it do on ${group.fields.group_alias ?? group.name}, ` +
        `its ${countOf(own.length, "task")} together?`,
      conclusion: "measured",
      answer: `${measures.map((each) => `${each.name} ${measureText(each)}`).join(", ")}.`,
      ...(measures.length > 1
        ? { brief: `${measures[0]!.name} ${measureText(measures[0]!)}.` }
        : {}),
      measures,
      figures: [],
      details: [],
    },
  ];
}

/** The mean of means, with the interval that those of the tasks give. */
function pooled(parts: readonly MetricResult[], bySize: boolean): Interval {
  const n = parts.reduce((sum, { value }) => sum + value.n, 0);
  return stratifiedMean(
    parts.map(({ value }) => ({
      interval: value,
      weight: bySize ? value.n / n : 1 / parts.length,
    })),
  );
}

/** What a reader must know: documents left out, targets that are no choice. */
export function taskWarnings(results: readonly TaskResult[]): string[] {
  return results.flatMap((result) => {
    const { left, without, repeats } = result;
    const name = nameOf(result);
    return [
      ...(repeats === 0
        ? []
        : [
            `${name}: documents that ask what another asks: ${repeats}; they are one cluster with it`,
          ]),
      ...(left.length === 0
        ? []
        : [
            `${name}: ${countOf(left.length, "document")} left out, as the model gives no reply; ` +
              `the first is number ${left[0]!.row}: ${left[0]!.why}`,
          ]),
      ...(without.length === 0
        ? []
        : [
            `${name}: of ${countOf(without.length, "document")} the target is none of the ` +
              `choices, so no answer is right; the first is number ${without[0]!}`,
          ]),
    ];
  });
}

/** Shares of all tasks beside each other. */
export function taskPicture(results: readonly TaskResult[]): Chart | undefined {
  const rows = results.flatMap((result) =>
    result.metrics.flatMap((metric) =>
      METRIC_KINDS[metric.metric].unit === "share" && metric.value.noClaim === undefined
        ? [{ group: nameOf(result), series: labelOf(metric), interval: metric.value }]
        : [],
    ),
  );
  if (rows.length === 0) return undefined;
  return {
    kind: "intervals",
    title: "Right answers",
    description: "Share of documents that are answered right, by task, with 95% intervals.",
    label: "right",
    rows,
    percent: true,
  };
}
