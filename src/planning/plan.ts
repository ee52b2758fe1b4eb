/** Memory and time of a run, before spending either: every line of the sums. */
import type { ConfigOf } from "../config/config.ts";
import { resolveTargets } from "../models/adapter.ts";
import { calibrate } from "./calibrate.ts";
import type { Machine } from "./calibrate.ts";
import { genericMemory, genericTime } from "./generic.ts";
import { attuneMemory, attuneTime } from "./attune.ts";
import type { planConfig } from "./plan-options.ts";
import type { ModelShape } from "./presets.ts";
import type { MemoryLine, Peak, PlanRequest, TimeLine } from "./work.ts";
import { peakOf } from "./work.ts";

export type PlanOptions = ConfigOf<typeof planConfig>;

export interface RunPlan {
  /** Parameters of the model. */
  memory: MemoryLine[];
  peak: Peak;
  time: TimeLine[];
  seconds: number;
  /** What was measured of this machine; absent for a generic engine. */
  machine?: Machine;
}

export function requestOf(options: PlanOptions, shape: ModelShape): PlanRequest {
  const { lora, roles, ...rest } = options;
  const targets = resolveTargets(shape.family, shape.config, lora.targets);
  return {
    ...rest,
    ...shape,
    rank: lora.rank,
    targets,
    roles: roles === "auto" ? (options.adapter === "lora" ? "shared" : "separate") : roles,
  };
}

export async function planRun(options: PlanOptions, shape: ModelShape): Promise<RunPlan> {
  const request = requestOf(options, shape);
  const { engine, devices, deviceRate, deviceBandwidth } = options;
  const machine = engine === "attune" ? await calibrate() : undefined;
  const memory = machine ? await attuneMemory(request) : genericMemory(request);
  const time = machine
    ? await attuneTime(request, machine)
    : genericTime(request, { devices, rate: deviceRate * 1e12, bandwidth: deviceBandwidth * 1e9 });
  return {
    memory,
    peak: peakOf(memory),
    time,
    seconds: time.reduce((total, { seconds }) => total + seconds, 0),
    ...(machine ? { machine } : {}),
  };
}
