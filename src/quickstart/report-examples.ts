/** What the terminal and the page show of single answers, and lines for the terminal. */
import { formatNumber, formatPoints, formatShare } from "../evaluation/table.ts";
import type { PipelineResult } from "./pipeline.ts";
import type { PolicyPath } from "./policy-path.ts";

/**
 * Requests of different kinds; among them those where PPO without its penalty lost most against PPO
 * with it.
 */
export function chooseExamples({
  models,
  world,
}: Pick<PipelineResult, "models" | "world">): number[] {
  const scores = (name: string) => models.find((model) => model.name === name)!.scores;
  const [held, free] = [scores("PPO with KL"), scores("PPO without KL")];
  const lost = world.evaluation
    .map((_, index) => ({ index, loss: held[index]!.total - free[index]!.total }))
    .toSorted((a, b) => b.loss - a.loss || a.index - b.index);
  const hacked = lost
    .filter(({ loss }) => loss > 0)
    .slice(0, 3)
    .map(({ index }) => index);
  const kinds = [...new Set(world.evaluation.map(({ kind }) => kind))].map((kind) =>
    world.evaluation.findIndex((request) => request.kind === kind),
  );
  return [...new Set([...hacked, ...kinds])];
}

function guardSentence({ name, points, alarm, hacking }: PolicyPath): string {
  const [start, end] = [points[0], points.at(-1)];
  const way =
    start && end
      ? ` Gold went from ${formatNumber(100 * start.gold, 1)}% to ` +
        `${formatNumber(100 * end.gold, 1)}%, the reward from ${formatNumber(start.proxy)} to ` +
        `${formatNumber(end.proxy)}.`
      : "";
  const hacked = ` Was the reward hacked? ${hacking.findings[0]!.answer}`;
  if (!alarm) return `${name}: the guard stayed quiet.${way}${hacked}`;
  return (
    `${name}: the guard would have stopped the run after roll-out ${alarm.step}, with gold at ` +
    `${formatNumber(100 * alarm.gold, 1)}%, ${formatPoints(alarm.change)} points against SFT ` +
    `(${alarm.message}).${way}${hacked}`
  );
}

/** One line on the reward model for the terminal. */
export const rewardModelLine = ({ rewardModel: { accuracy } }: PipelineResult): string =>
  `Reward model: right on ${formatShare(accuracy)} of ${accuracy.n} held-out pairs (noiseless ` +
  "preference)";

/** Lines on the ways of both policies for the terminal. */
export const pathLines = ({ paths }: PipelineResult): string => paths.map(guardSentence).join("\n");
