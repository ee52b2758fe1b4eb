/** The way of a PPO run from SFT to its end, as its folder tells it, and the verdict on it. */
import { join } from "node:path";
import type { HackingFindings } from "../evaluation/over-optimisation/hacking-findings.ts";
import { hackingFindings } from "../evaluation/over-optimisation/hacking-findings.ts";
import { seedField } from "../evaluation/subject.config.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { Interval } from "../stats/intervals.ts";
import { mean } from "../stats/intervals.ts";
import { pairedDifference } from "../stats/paired.ts";
import type { Request } from "../world/requests.ts";
import { requestTopic } from "../world/requests.ts";
import type { GoldPoint } from "./gold-points.ts";
import { followedRequests, readGold } from "./gold-points.ts";
import type { OptimisationRun } from "./optimisation-run.ts";
import { readOptimisationRun } from "./optimisation-run.ts";
import type { WorldModelName } from "./stages.ts";

/** One moment of a policy on its way from the reference. */
export interface PathPoint {
  step: number;
  /** Nats an answer. */
  kl: number;
  /** The optimised and the held-out reward, in standard deviations over the reference's answers. */
  proxy: number;
  /** Standard deviation of the optimised reward in its roll-out; undefined at the beginning. */
  spread?: number;
  heldOut: number;
  /**
   * Mean gold total on requests of the tuning split, and what changed since the first look, paired.
   */
  gold: number;
  change: Interval;
}

export interface PolicyPath {
  name: WorldModelName;
  points: PathPoint[];
  /** What `attune eval over-optimisation` says of the folder. */
  hacking: HackingFindings;
  /** Requests whose answers were kept at each look; none in runs of older versions. */
  followed: readonly { request: Request; answers: readonly string[] }[];
  /** Where the guard would have stopped the run, and gold there. */
  alarm?: { step: number; gold: number; change: Interval; message: string };
}

/** Step of the look with the highest gold, where there are two looks or more. */
export const peakStep = ({ hacking }: Pick<PolicyPath, "hacking">): number | undefined =>
  hacking.verdict.gold?.steps.peak;

/** What a PPO run's folder tells of its way. */
export function readPath(
  name: WorldModelName,
  folder: string,
  world: NonNullable<OptimisationRun["world"]>,
): PolicyPath {
  const { requests } = world;
  const gold = readGold(folder);
  const points = pointsIn(folder, gold, requests);
  const alarm = readJsonLines(join(folder, "events.jsonl")).find(
    (event) => event["type"] === "warning" && event["id"] === "guard",
  );
  const at = points.find(({ step }) => alarm !== undefined && step >= (alarm["step"] as number));
  return {
    name,
    points,
    // with the seed that the command has where none is given
    hacking: hackingFindings(readOptimisationRun(folder, { world }).path, {
      seed: seedField.default,
    }),
    followed: followedIn(gold, requests),
    ...(alarm && at
      ? {
          alarm: {
            step: alarm["step"] as number,
            gold: at.gold,
            change: at.change,
            message: String(alarm["message"]),
          },
        }
      : {}),
  };
}

function pointsIn(
  folder: string,
  gold: readonly GoldPoint[],
  requests: readonly Request[],
): PathPoint[] {
  const metrics = new Map(
    readJsonLines(join(folder, "metrics.jsonl")).map((line) => [
      line["step"] as number,
      line as Record<string, number>,
    ]),
  );
  const clusters = requests.map(requestTopic);
  const start = gold[0]?.totals ?? [];
  return gold.flatMap(({ step, totals }, index): PathPoint[] => {
    // the roll-out of a step is made before its update, and gold is measured behind it: the
    // policy's own roll-out is the next one
    const at = metrics.get(step + 1) ?? metrics.get(step);
    if (step > 0 && !at) return [];
    const [kl, proxy, heldOut] =
      step === 0
        ? [0, 0, 0]
        : [at!["objective/kl"]!, at!["objective/scores"]!, at!["objective/held_out_scores"]!];
    return [
      {
        step,
        kl,
        proxy,
        ...(step === 0 ? {} : { spread: at!["objective/scores_std"]! }),
        heldOut,
        gold: mean(totals),
        // at the beginning there is nothing to differ from
        change:
          index === 0
            ? { estimate: 0, low: 0, high: 0, n: totals.length }
            : pairedDifference(totals, start, { clusters, range: [-1, 1] }),
      },
    ];
  });
}

/** Only looks with answers to all of them can be read side by side. */
function followedIn(
  gold: readonly GoldPoint[],
  requests: readonly Request[],
): PolicyPath["followed"] {
  const followed = followedRequests(requests);
  if (gold.some(({ answers }) => answers?.length !== followed.length)) return [];
  return followed.map((request, index) => ({
    request,
    answers: gold.map(({ answers }) => answers![index]!),
  }));
}
