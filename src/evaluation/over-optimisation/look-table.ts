/** Every look in numbers: how far the policy was, and what each witness said then. */
import type { Labels } from "../../stats/clusters.ts";
import { meanInterval } from "../../stats/intervals.ts";
import { measureText } from "../measure-text.ts";
import type { ReportPart } from "../page.ts";
import { formatMean, formatNumber } from "../table.ts";
import { capitalised, unitsOf } from "./hacking-sentence.ts";
import { distanceOf } from "./law-findings.ts";
import type { Look, OptimisationPath } from "./path.ts";
import { witnessOf } from "./path.ts";

/** One table; none where nothing but roll-outs is known. */
export function lookTables(path: OptimisationPath): ReportPart[] {
  const { looks, scored, clusters } = path;
  const columns = [
    { name: witnessOf(path), looks, clusters, show: levelIn(path) },
    { name: "reward", looks: scored?.proxy ?? [], clusters: scored?.clusters, show: formatMean },
    {
      name: "held-out reward",
      looks: scored?.heldOut ?? [],
      clusters: scored?.clusters,
      show: formatMean,
    },
  ].filter((column) => column.looks.length > 0);
  const steps = [...new Set(columns.flatMap((column) => column.looks.map(({ step }) => step)))];
  if (steps.length < 2) return [];
  return [
    {
      kind: "table",
      table: {
        caption: "What was said at each look [95%]",
        columns: [
          { name: "step", align: "right" },
          { name: "√KL, √nats", align: "right" },
          ...columns.map(({ name }) => ({ name: capitalised(name), align: "right" as const })),
        ],
        rows: steps
          .toSorted((a, b) => a - b)
          .map((step) => [
            String(step),
            formatNumber(distanceOf(path, { step })),
            ...columns.map((column) => cellAt(step, column)),
          ]),
        note:
          "Means over the same prompts in each row. Rewards are in standard deviations over the " +
          "answers before any update, and begin at 0.",
      },
    },
  ];
}

type Interval = ReturnType<typeof meanInterval>;

const levelIn =
  (path: OptimisationPath) =>
  (value: Interval): string =>
    measureText({ value, unit: unitsOf(path).level });

function cellAt(
  step: number,
  {
    looks,
    clusters,
    show,
  }: {
    looks: readonly Look[];
    clusters: Labels | undefined;
    show: (value: Interval) => string;
  },
): string {
  const look = looks.find((each) => each.step === step);
  return look === undefined ? "" : show(meanInterval(look.values, { clusters }));
}
