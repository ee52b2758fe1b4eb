/** What `--dry-run` prints: what would happen, without writing anything. */
import { flatten } from "../../runs/recorded.ts";
import type { Reporter } from "./reporter.ts";
import { formatBytes, formatCount, formatDuration, formatShort, formatTable } from "./words.ts";

/** What a command knows before it begins; parts that it cannot know are left out. */
export interface DryRunPlan {
  readonly command: string;
  /** Training examples (or pairs), and how many are held out. */
  readonly examples: number;
  readonly heldOut?: number;
  /** Optimiser steps. */
  readonly steps: number;
  /** Tokens of the whole run. */
  readonly tokens?: number;
  readonly parameters?: { readonly trainable: number; readonly total: number };
  /** Estimated peak resident memory. */
  readonly memoryBytes?: number;
  readonly seconds?: number;
  /** Folder that the run would make. */
  readonly out: string;
  /** The options that have an effect. */
  readonly config: Readonly<Record<string, unknown>>;
}

export function reportPlan(reporter: Reporter, plan: DryRunPlan): void {
  const rows: [string, string][] = [
    [
      "examples",
      plan.heldOut === undefined
        ? formatCount(plan.examples)
        : `${formatCount(plan.examples)}, and ${formatCount(plan.heldOut)} held out`,
    ],
    ["steps", formatCount(plan.steps)],
  ];
  if (plan.tokens !== undefined) rows.push(["tokens", formatCount(plan.tokens)]);
  if (plan.parameters !== undefined)
    rows.push([
      "trained",
      `${formatShort(plan.parameters.trainable)} of ${formatShort(plan.parameters.total)} ` +
        "parameters",
    ]);
  if (plan.memoryBytes !== undefined)
    rows.push(["memory", `about ${formatBytes(plan.memoryBytes)}`]);
  if (plan.seconds !== undefined) rows.push(["time", `about ${formatDuration(plan.seconds)}`]);
  rows.push(["run folder", plan.out], ...flatten(plan.config));
  reporter.result(
    { dryRun: true, ...plan },
    `${plan.command} would do this (nothing was ` +
      `written):\n${formatTable(rows.map(([name, value]) => [`  ${name}`, value]))}`,
  );
}
