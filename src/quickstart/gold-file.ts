/** What was meant at several steps of a run, as a file tells it: a look a line. */
import { existsSync, readFileSync } from "node:fs";
import { AttuneError } from "../core/errors.ts";
import type { Look } from "../evaluation/over-optimisation/path.ts";
import type { Labels } from "../stats/clusters.ts";

const EXPECTED = '{"step": 10, "values": [0.5, 1, ...], "clusters": ["a", "a", ...]}';

/** Lines {step, values, clusters?}; `totals` is taken for `values`. */
export function readGoldFile(file: string): { looks: Look[]; clusters: Labels | undefined } {
  if (!existsSync(file))
    throw new AttuneError("data", "there is no such file", {
      file,
      hint: "check the path after --gold",
    });
  let clusters: string[] | undefined;
  const looks = readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index): Look[] => {
      if (text.trim() === "") return [];
      const place = { file, row: index + 1 };
      const line = parseLine(text, place);
      if (line.clusters) clusters = sameClusters(clusters, line.clusters, place);
      return [{ step: line.step, values: line.values }];
    })
    .toSorted((a, b) => a.step - b.step);
  const [first] = looks;
  if (first === undefined)
    throw new AttuneError("data", "the file holds no look of gold", {
      file,
      got: "no line with content",
      expected: EXPECTED,
      hint: "leave --gold out where nothing says what was meant",
    });
  const other = looks.find(({ values }) => values.length !== first.values.length);
  if (other || (clusters && clusters.length !== first.values.length))
    throw new AttuneError("data", "every line must hold the same prompts, in the same order", {
      file,
      got:
        `${first.values.length} values at step ${first.step}, ` +
        (other
          ? `${other.values.length} at step ${other.step}`
          : `${clusters!.length} labels of clusters`),
    });
  return { looks, clusters };
}

function parseLine(
  text: string,
  place: { file: string; row: number },
): { step: number; values: number[]; clusters?: string[] } {
  try {
    const line = JSON.parse(text) as Record<string, unknown>;
    const values = line["values"] ?? line["totals"];
    const { step, clusters } = line;
    const wrong =
      !Number.isInteger(step) ||
      (step as number) < 0 ||
      !Array.isArray(values) ||
      values.length === 0 ||
      !values.every((value) => typeof value === "number" && Number.isFinite(value));
    if (wrong) throw new Error("step is no whole number, or values are missing or not finite");
    return {
      step: step as number,
      values: values as number[],
      ...(Array.isArray(clusters) ? { clusters: clusters.map(String) } : {}),
    };
  } catch (cause) {
    throw new AttuneError("data", "this is no look of gold", {
      ...place,
      got: (cause as Error).message,
      expected: EXPECTED,
      cause,
    });
  }
}

function sameClusters(
  before: readonly string[] | undefined,
  clusters: string[],
  place: { file: string; row: number },
): string[] {
  if (before === undefined || before.join("\n") === clusters.join("\n")) return clusters;
  throw new AttuneError("data", "two lines name other clusters", {
    ...place,
    got: `${clusters.slice(0, 3).join(", ")}, ... after ${before.slice(0, 3).join(", ")}, ...`,
    expected: "the same prompts in every line, so the same clusters; once is enough",
  });
}

/**
 * @param looks in the order of their steps
 * @throws AttuneError `data` where a step is looked at twice, or the run has none such
 */
export function checkSteps(
  looks: readonly Look[],
  { file, last }: { file: string; last: number },
): void {
  const twice = looks.find(({ step }, i) => i > 0 && looks[i - 1]!.step === step);
  if (twice)
    throw new AttuneError("data", `two looks of gold are at step ${twice.step}`, {
      file,
      expected: "a line for each step",
    });
  const beyond = looks.filter(({ step }) => step > last);
  if (beyond.length > 0)
    throw new AttuneError("data", `gold looks beyond the end of the run`, {
      file,
      got: `${beyond.map(({ step }) => `step ${step}`).join(", ")}`,
      expected: `steps from 0, before any update, to ${last}, the run's last`,
      hint: "is it the gold of another run?",
    });
}
