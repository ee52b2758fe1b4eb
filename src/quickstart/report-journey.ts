/** PPO's two runs as a way with stops: the same requests, answered at each look at gold. */
import type { MomentKind } from "../evaluation/chart.ts";
import type { Journey } from "../evaluation/journey.ts";
import { formatNumber } from "../evaluation/table.ts";
import { goldRemarks } from "../report/report-sections.ts";
import type { GoldScore } from "../world/gold.ts";
import { goldScore } from "../world/gold.ts";
import type { Request } from "../world/requests.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { PolicyPath } from "./policy-path.ts";
import { peakStep } from "./policy-path.ts";
import { plainInterval } from "../stats/intervals.ts";
import { inPoints, truthOf } from "./report-words.ts";

/** Requests that the control shows. */
const SHOWN = 4;

/** Undefined where the answers on the way were not kept. */
export function journeyOf(
  { paths, world }: PipelineResult,
  charts: Pick<Journey, "charts" | "below">,
): Journey | undefined {
  if (paths.some(({ followed }) => followed.length === 0)) return undefined;
  const steps = [
    ...new Set(paths.flatMap(({ points }) => points.map(({ step }) => step))),
  ].toSorted((a, b) => a - b);
  const startsAt = beginning(paths, steps.at(-1)!);
  const score = (request: Request, answer: string): GoldScore =>
    goldScore(world.village, request, answer);
  const chosen = chooseFollowed(paths, score);
  return {
    title: "Move along the run",
    description:
      "One slider moves along both runs of PPO: the mark in the charts, and beneath it the answers " +
      `to the same requests. It begins at ${startsAt.says}.`,
    unit: "roll-out",
    stops: steps.map((step) => stopOf(paths, step)),
    start: steps.indexOf(startsAt.step),
    ...charts,
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

/** What a reader should see first: what hacked answers are like, or where a run was best. */
function beginning(paths: readonly PolicyPath[], last: number): { step: number; says: string } {
  const hacked = paths.find(({ hacking }) => hacking.verdict.conclusion === "hacked");
  if (hacked) return { step: last, says: `the end, where ${hacked.name} has hacked its reward` };
  const [best, peak] = paths
    .flatMap((path) => {
      const step = peakStep(path);
      // a peak where nothing has happened yet shows nothing
      return step === undefined || step === 0 ? [] : [[path.name, step] as const];
    })
    .at(0) ?? ["", undefined];
  return peak === undefined
    ? { step: last, says: "the end" }
    : { step: peak, says: `the peak of ${best}` };
}

/** What happens on the way of a run. */
export function momentsOf(path: PolicyPath): { step: number; kind: MomentKind }[] {
  const [guard, peak] = [alarmLook(path), peakStep(path)];
  return [
    ...(peak === undefined ? [] : [{ step: peak, kind: "peak" as const }]),
    ...(guard === undefined ? [] : [{ step: guard, kind: "guard" as const }]),
    { step: path.points.at(-1)!.step, kind: "end" },
  ];
}

const SAID: Readonly<Record<MomentKind, string>> = {
  peak: "gold is highest",
  guard: "the guard speaks up",
  end: "end",
};

/** The last look at or before a step. */
const lookAt = (points: PolicyPath["points"], step: number): number =>
  points.findLastIndex((point) => point.step <= step);

function stopOf(paths: readonly PolicyPath[], step: number): Journey["stops"][number] {
  const here = paths.map((path) => ({
    name: path.name,
    kinds: momentsOf(path).filter((moment) => moment.step === step),
  }));
  const kinds = here.flatMap((each) => each.kinds.map(({ kind }) => kind));
  const remarks = here
    .filter((each) => each.kinds.length > 0)
    .map((each) => `${each.name}: ${each.kinds.map(({ kind }) => SAID[kind]).join(", ")}`);
  return {
    step,
    ...(step === 0
      ? { remark: "both begin as SFT" }
      : remarks.length > 0
        ? { remark: remarks.join("; ") }
        : {}),
    ...(kinds.length > 0 ? { kinds } : {}),
    facts: paths.map(({ name, points }) => {
      const { proxy, heldOut, kl, change } = points[lookAt(points, step)]!;
      return [
        name,
        step === 0
          ? "SFT itself"
          : `gold since SFT ${inPoints(plainInterval(change))} (n = ${change.n}); reward ` +
            `${formatNumber(proxy)} and held-out reward ${formatNumber(heldOut)} standard ` +
            `deviations; KL ${formatNumber(kl)} nats`,
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
