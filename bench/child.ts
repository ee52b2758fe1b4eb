/**
 * One measurement in a process of its own, or a part of one; prints what it found as JSON on the
 * last line.
 */
import { bootstrap } from "./measurements/bootstrap.ts";
import { decodeMany, decodeOne } from "./measurements/decoding.ts";
import { judgements } from "./measurements/judgements.ts";
import { dpoMemory, dpoPeak } from "./measurements/memory.ts";
import { ownDpo, ownGeneration, transformersGeneration, trlDpo } from "./measurements/peers.ts";
import { planMemory, planPeak } from "./measurements/plan-memory.ts";
import { LEAN_ROWS, ownPpo, ownSftPeak, ppoMemory, rollouts, trlPpo } from "./measurements/ppo.ts";
import { ownScores, scoring } from "./measurements/scoring.ts";
import { serve } from "./measurements/serve.ts";
import { fullStep, loraOverFull, loraStep, sharedPrefix } from "./measurements/training.ts";

const PARTS: Readonly<Record<string, (argument: number) => Promise<unknown>>> = {
  "full-step": fullStep,
  "lora-step": loraStep,
  "lora-over-full": loraOverFull,
  "shared-prefix": sharedPrefix,
  "dpo-memory": dpoMemory,
  "decode-1": decodeOne,
  "decode-32": decodeMany,
  serve,
  judgements,
  "ppo-memory": ppoMemory,
  rollouts,
  "plan-memory": planMemory,
  bootstrap,
  "plan-peak": planPeak,
  "trl-dpo": trlDpo,
  "trl-ppo": trlPpo,
  "transformers-generate": transformersGeneration,
  scoring,
  "own-scores-float32": () => ownScores("float32"),
  "own-scores-int8": () => ownScores("int8"),
  "dpo-peak": dpoPeak,
  "own-dpo-float32": () => ownDpo("float32"),
  "own-dpo-int8": () => ownDpo("int8"),
  "own-generation-float32": () => ownGeneration("float32"),
  "own-generation-int8": () => ownGeneration("int8"),
  "own-ppo-float32": (iterations) => ownPpo(iterations),
  "own-ppo-int8": (iterations) => ownPpo(iterations, { precision: "int8" }),
  "own-ppo-epoch": () => ownPpo(1, { ppoEpochs: 1, rolloutBatch: LEAN_ROWS }),
  "own-sft-peak": ownSftPeak,
};

const [, , name, argument] = process.argv;
process.stdout.write(`${JSON.stringify(await PARTS[name!]!(Number(argument)))}\n`);
