/**
 * Training steps against the rate of a large product, against each other, and the shared prefix
 * against its ideal.
 */
import { float32 } from "../../src/core/tensor.ts";
import { pairObjective } from "../../src/objectives/pairs.ts";
import { defaultHyperparameters } from "../../src/objectives/preference-options.ts";
import type { LaidRow } from "../../src/training/layout.ts";
import { joinRows, layShared } from "../../src/training/layout.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import { productRate } from "../limits.ts";
import type { Figure } from "../measure.ts";
import { disturbance, inTurns, median, ratios, rounded, spread } from "../measure.ts";
import { benchModel, randomIds } from "../model.ts";
import type { TrainingOptions } from "../training.ts";
import { createTrainer, sftSteps } from "../training.ts";

const TOKENS = 1024;

async function againstProduct(
  options: TrainingOptions,
  rounds: number,
): Promise<{ ratio: number[]; details: Figure["details"] }> {
  const limit = await productRate();
  const { step, operations, close } = await sftSteps(await benchModel(), TOKENS, options);
  await step();
  const turns = await inTurns({ subject: async () => operations / (await step()), limit, rounds });
  await close();
  const rate = median(turns.subject);
  return {
    ratio: ratios(turns.subject, turns.limit),
    details: {
      "tokens/s": rounded((TOKENS * rate) / operations),
      "step GFLOP/s": rounded(rate / 1e9),
      "product GFLOP/s": rounded(median(turns.limit) / 1e9),
      "operations, G": rounded(operations / 1e9, 4),
      "peak memory, MB": rounded(peakMemory() / 1e6),
      "others busy": disturbance(turns),
    },
  };
}

export async function fullStep(rounds: number): Promise<Figure[]> {
  const { ratio, details } = await againstProduct({ adapter: "none", recompute: "none" }, rounds);
  return [
    {
      name: "full-step",
      title: "full step, 1,024 tokens: rate over that of a 2048-cubed product",
      ratio: spread(ratio),
      target: { atLeast: 0.8 },
      details,
    },
  ];
}

export async function loraStep(rounds: number): Promise<Figure[]> {
  const { ratio, details } = await againstProduct({ adapter: "lora", recompute: "all" }, rounds);
  return [
    {
      name: "lora-step",
      title: "block-wise LoRA step, recomputing: rate over that of the product",
      ratio: spread(ratio),
      target: { atLeast: 0.85 },
      details,
    },
  ];
}

export async function loraOverFull(rounds: number): Promise<Figure[]> {
  const [lora, full] = [
    await sftSteps(await benchModel(), TOKENS, { adapter: "lora", recompute: "none" }),
    await sftSteps(await benchModel(), TOKENS, { adapter: "none", recompute: "none" }),
  ];
  for (const { step } of [lora, full]) await step();
  const turns = await inTurns({
    subject: async () => TOKENS / (await lora.step()),
    limit: async () => TOKENS / (await full.step()),
    rounds,
  });
  const details = {
    "LoRA tokens/s": rounded(median(turns.subject)),
    "full tokens/s": rounded(median(turns.limit)),
    "others busy": disturbance(turns),
  };
  return [
    {
      name: "lora-over-full",
      title: "tokens/s of a LoRA step over a full step, both keeping activations",
      ratio: spread(ratios(turns.subject, turns.limit)),
      target: { atLeast: 1.35 },
      details,
    },
  ];
}

const ANSWER = 204;
const PROMPT = 3 * ANSWER;

/** A pair with its prompt once, and the same pair as two rows. */
export async function sharedPrefix(rounds: number): Promise<Figure[]> {
  const [prompt, chosen, rejected] = [
    randomIds(PROMPT, 1),
    randomIds(ANSWER, 2),
    randomIds(ANSWER, 3),
  ];
  const objective = pairObjective([{ type: "sigmoid", weight: 1 }], defaultHyperparameters());
  const trainer = await createTrainer(await benchModel(), objective, {
    adapter: "lora",
    recompute: "all",
  });
  const stepOf = (rows: readonly LaidRow[]) => {
    const { batch, sequenceOfRead } = joinRows(rows, { padId: 0 });
    const inputs = {
      sequence: sequenceOfRead,
      reference: float32([1, 2], [0, 0]),
      lengths: float32([1, 2], [ANSWER, ANSWER]),
      p: float32([1], [1]),
      scale: float32([1], [1]),
      sftSlope: float32([2 * ANSWER], new Float32Array(2 * ANSWER)),
    };
    return () => trainer.step(batch, inputs);
  };
  const shared = stepOf([layShared(prompt, [chosen, rejected])]);
  const apart = stepOf([layShared(prompt, [chosen]), layShared(prompt, [rejected])]);
  for (const step of [shared, apart]) await step();
  const turns = await inTurns({ subject: shared, limit: apart, rounds });
  await trainer.close();
  const ideal = (2 * (PROMPT + ANSWER)) / (PROMPT + 2 * ANSWER);
  const gains = ratios(turns.limit, turns.subject);
  const details = {
    gain: rounded(median(gains)),
    ideal: rounded(ideal),
    "shared s": rounded(median(turns.subject)),
    "apart s": rounded(median(turns.limit)),
    "others busy": disturbance(turns),
  };
  return [
    {
      name: "shared-prefix",
      title: "shared prefix at P = 3R: gain over two sequences, as a share of 2(P+R)/(P+2R)",
      ratio: spread(gains.map((gain) => gain / ideal)),
      target: { atLeast: 0.85 },
      details,
    },
  ];
}
