/** What folders of earlier `attune eval` runs tell of their measures, item by item where they can. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AttuneError, preview } from "../../core/errors.ts";
import type { ConflictAxis } from "../../evaluation/conflicts/conflicts.ts";
import { pairItems } from "../../evaluation/conflicts/pairing.ts";
import type { Findings, Measure } from "../../evaluation/findings.ts";
import { measuresOf } from "../../evaluation/findings.ts";
import { ITEMS_FILE, readItems } from "../../evaluation/items-file.ts";
import { isMeanOf } from "../../evaluation/measure.ts";
import { readConfig } from "../../runs/recorded.ts";
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, plainInterval, shareInterval } from "../../stats/intervals.ts";
import { FINDINGS_JSON } from "../display/outcome.ts";

export interface KeptRun {
  readonly folder: string;
  /** With their items where the folder keeps these. */
  readonly measures: readonly Measure[];
  /** Whether the folder has a file of items at all. */
  readonly keepsItems: boolean;
  /** Hash of its data. */
  readonly data: string | undefined;
  /** Options of each part; none where the folder does not tell. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** @throws AttuneError `data` where the files are not what an evaluation writes */
export function readFindings(folder: string): KeptRun {
  const file = join(folder, FINDINGS_JSON);
  const items = readItems(folder);
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Pick<Findings, "findings"> &
      Partial<Pick<Findings, "facts">>;
    const measures = measuresOf(kept).map((measure) => ({
      ...measure,
      // what is no number is null in JSON
      value: {
        ...measure.value,
        estimate: measure.value.estimate ?? NaN,
        low: measure.value.low ?? -Infinity,
        high: measure.value.high ?? Infinity,
      },
    }));
    return {
      folder,
      measures: measures.map((measure) => withItems(measure, items?.get(measure.id), folder)),
      keepsItems: items !== undefined,
      data: kept.facts?.find(([name]) => name === "data")?.[1],
      options: existsSync(join(folder, "config.resolved.json")) ? readConfig(folder) : {},
    };
  } catch (cause) {
    if (cause instanceof AttuneError && cause.code !== "internal") throw cause;
    throw new AttuneError("data", "the findings cannot be read", {
      file,
      got: (cause as Error).message,
      expected: "what `attune eval` writes",
      cause,
    });
  }
}

function withItems(measure: Measure, items: Measure["items"], folder: string): Measure {
  if (items === undefined) return measure;
  if (isMeanOf(measure, items)) return { ...measure, items };
  const { estimate, n } = measure.value;
  throw new AttuneError("data", "what items scored does not belong to the findings beside it", {
    file: join(folder, ITEMS_FILE),
    got: `${items.length} items of ${measure.id}`,
    expected: `${n} with a mean of ${estimate}`,
    hint: `without ${ITEMS_FILE} the findings are read alone`,
  });
}

/** An axis, with what a reader must know of how models are compared on it. */
export interface KeptAxis {
  readonly axis: ConflictAxis;
  /** Why only intervals are compared. */
  readonly unpaired?: string;
  /** Items that are not compared. */
  readonly leftOut?: string;
}

/** What is said of all axes. */
export function pairingWarnings(kept: readonly KeptAxis[]): string[] {
  const reasons = [...new Set(kept.flatMap(({ unpaired }) => unpaired ?? []))];
  return [
    ...reasons.map((why) => {
      const own = kept.filter(({ unpaired }) => unpaired === why).map(({ axis }) => axis.name);
      return (
        `${own.join(", ")}: models are taken as independent, so a change must be larger to be ` +
        `seen: ${why}`
      );
    }),
    ...kept.flatMap(({ axis, leftOut }) =>
      leftOut === undefined ? [] : [`${axis.name}: ${leftOut}`],
    ),
  ];
}

const RANGES: Readonly<Partial<Record<Measure["unit"], readonly [number, number]>>> = {
  share: [0, 1],
  points: [-1, 1],
};

/** Options that decide how a model is asked; the same items may be asked in several ways. */
const HOW = [
  "instruction",
  "options",
  "template",
  "numFewshot",
  "fewshotSeed",
  "maxNewTokens",
  "temperature",
  "precision",
] as const;

/** What is said where runs asked in other ways, of the parts that the axes are of. */
export function askedOtherwise(
  runs: readonly KeptRun[],
  names: readonly string[],
  kept: readonly KeptAxis[],
): string[] {
  const parts = [...new Set(kept.map(({ axis }) => axis.name.split("/")[0]!))];
  return parts.flatMap((part) => {
    const asked = runs.map(({ options }) => (options[part] ?? {}) as Record<string, unknown>);
    const told = HOW.flatMap((option) => {
      const values = asked.map((own) => (own[option] === undefined ? "" : preview(own[option])));
      if (new Set(values.filter((value) => value !== "")).size < 2) return [];
      return `${option} ${values.map((value, i) => `${value || "not told"} in ${names[i]!}`).join(", ")}`;
    });
    return told.length === 0
      ? []
      : [`${part} was asked in other ways, so a difference may be theirs: ${told.join("; ")}`];
  });
}

const CORRECTED =
  "no scores of single items (there it is no plain mean of them, as a share that labels correct)";
const NO_FILE = `no ${ITEMS_FILE}, which earlier versions of attune did not write`;

/** Undefined where a run lacks the measure, or it is good neither high nor low. */
export function axisOf(
  id: string,
  runs: readonly KeptRun[],
  names: readonly string[],
): KeptAxis | undefined {
  const measures = runs.map((run) => run.measures.find((measure) => measure.id === id));
  const [first] = measures;
  const usable = measures.every(
    (measure) => measure !== undefined && Number.isFinite(measure.value.estimate),
  );
  if (!usable || first!.good === "neither") return undefined;
  const about = { name: id, says: first!.name, better: first!.good, unit: first!.unit };
  const values = measures.map((measure) => measure!.value);
  const range = RANGES[first!.unit];
  const paired = range
    ? pairItems(
        runs.map(({ keepsItems }, i) => ({
          name: names[i]!,
          items: measures[i]!.items,
          why: keepsItems ? CORRECTED : NO_FILE,
        })),
      )
    : `it is neither a share nor a difference of shares`;
  if (typeof paired === "string") return { axis: { ...about, values }, unpaired: paired };
  const { scores, clusters, leftOut } = paired;
  const shared = (own: readonly number[]): Interval =>
    first!.unit === "share"
      ? shareInterval(own, { clusters })
      : plainInterval(meanInterval(own, { clusters, range: range! }));
  return {
    axis: {
      ...about,
      scores,
      clusters,
      range: range!,
      values: leftOut === undefined ? values : scores.map(shared),
    },
    ...(leftOut === undefined ? {} : { leftOut }),
  };
}
