/** PPO's two runs as a way with stops: the same requests, answered at each look at gold. */
import type { LineChart } from "../evaluation/chart.ts";
import type { Journey } from "../evaluation/journey.ts";
import { formatNumber } from "../evaluation/table.ts";
import { goldRemarks } from "../report/report-sections.ts";
import type { GoldScore } from "../world/gold.ts";
import { goldScore } from "../world/gold.ts";
import type { Request } from "../world/requests.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { PolicyPath } from "./policy-path.ts";
import { peakStep } from "./policy-path.ts";
import { inPoints, plain, truthOf } from "./report-words.ts";

/** Requests that the control shows. */
const SHOWN = 4;

/** Undefined where the answers on the way were not kept. */
export function journeyOf(
  { paths, world }: PipelineResult,
  charts: readonly LineChart[],
): Journey | undefined {
  if (paths.some(({ followed }) => followed.length === 0)) return undefined;
  const steps = [
    ...new Set(paths.flatMap(({ points }) => points.map(({ step }) => step))),
  ].toSorted((a, b) => a - b);
  const score = (request: Request, answer: string): GoldScore =>
    goldScore(world.village, request, answer);
  const chosen = chooseFollowed(paths, score);
  return {
    title: "Move along the run",
    description:
      "One slider moves along both runs of PPO: the line in the charts, and the answers to the " +
      "same requests. After a click the arrow keys move it too.",
    unit: "roll-out",
    stops: steps.map((step) => stopOf(paths, step)),
    charts,
    requests: chosen.map((at) => {
      const { request } = paths[0]!.followed[at]!;
      const note = truthOf(world.village, request);
      return {
        prompt: request.text,
        ...(note === undefined ? {} : { note }),
        runs: paths.map(({ name, points, followed }) => ({
          name,
          answers: steps.map((step) => {
            const text = followed[at]!.answers[lookAt(points, step)]!;
            return { text, remarks: goldRemarks(score(request, text)) };
          }),
        })),
      };
    }),
  };
}

/** The first look at or behind the guard's word. */
export const alarmLook = ({
  points,
  alarm,
}: {
  points: readonly { step: number }[];
  alarm?: PolicyPath["alarm"];
}): number | undefined => alarm && points.find(({ step }) => step >= alarm.step)?.step;

/** The last look at or before a step. */
const lookAt = (points: PolicyPath["points"], step: number): number =>
  points.findLastIndex((point) => point.step <= step);

function stopOf(paths: readonly PolicyPath[], step: number): Journey["stops"][number] {
  const remarks = [
    ...(step === 0 ? ["SFT"] : []),
    ...paths.flatMap((way) => (alarmLook(way) === step ? ["guard"] : [])),
    ...paths.flatMap((path) =>
      peakStep(path) === step ? [`peak ${path.name.replace(/^PPO /, "")}`] : [],
    ),
  ];
  return {
    step,
    ...(remarks.length > 0 ? { remark: remarks.join(", ") } : {}),
    facts: paths.map(({ name, points }) => {
      const { proxy, heldOut, kl, change } = points[lookAt(points, step)]!;
      return [
        name,
        `reward ${formatNumber(proxy)}, held-out reward ${formatNumber(heldOut)}, KL ` +
          `${formatNumber(kl)} nats, gold since SFT ${inPoints(plain(change))} (n = ${change.n})`,
      ] as const;
    }),
  };
}

/** Those whose answer gains or loses most along the way, of different kinds first. */
function chooseFollowed(
  paths: readonly PolicyPath[],
  score: (request: Request, answer: string) => GoldScore,
): number[] {
  const [first] = paths as [PolicyPath];
  const moves = first.followed.map(({ request }, index) => {
    const totals = paths.map(({ followed }) =>
      followed[index]!.answers.map((answer) => score(request, answer).total),
    );
    const lost = Math.max(...totals.map((way) => Math.max(...way) - way.at(-1)!));
    const gained = Math.max(...totals.map((way) => way.at(-1)! - way[0]!));
    const changes = paths.reduce(
      (sum, { followed }) => sum + new Set(followed[index]!.answers).size,
      0,
    );
    return { index, kind: request.kind, worth: 2 * lost + gained + changes / 100 };
  });
  const ranked = moves.toSorted((a, b) => b.worth - a.worth || a.index - b.index);
  const kinds = new Set<string>();
  const apart = ranked.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind));
  return [...new Set([...apart, ...ranked])].slice(0, SHOWN).map(({ index }) => index);
}
