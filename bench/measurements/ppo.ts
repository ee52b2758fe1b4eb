/**
 * One PPO iteration on one base: memory against supervised fine-tuning on the same batch, roll-outs
 * against the machine, and both against TRL.
 */
import type { PromptRecord } from "../../src/data/records.ts";
import { float32 } from "../../src/core/tensor.ts";
import type { Model } from "../../src/models/model.ts";
import type { Precision } from "../../src/models/precision.ts";
import { SCORE_HEAD, shareBase } from "../../src/models/model.ts";
import { resolveConfig } from "../../src/training/configs.ts";
import { ppo } from "../../src/training/online/ppo.ts";
import { samplingEngine } from "../../src/training/rollout/rollout.ts";
import { joinRows, packExamples } from "../../src/training/layout.ts";
import { sftObjective } from "../../src/objectives/sft.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import { bandwidth, productRate } from "../limits.ts";
import type { Figure } from "../measure.ts";
import { disturbance, inTurns, median, ratios, rounded, seconds, spread } from "../measure.ts";
import { benchModel, idEncoder, randomIds, waveHead, weightBytes } from "../model.ts";
import { runPart } from "../parts.ts";
import { createTrainer } from "../training.ts";
import { fastest, peer, peerVersions } from "./peers.ts";

/** Answers of a roll-out, and tokens of a prompt and of an answer: nothing stops before its end. */
const SHAPE = { answers: 64, prompt: 64, answer: 64 };
const MICRO_BATCH_TOKENS = 1024;
const LORA = { rank: 8, alpha: 16 };
const EPOCHS = 4;
/**
 * Answers decoded together where memory is measured: the key-value cache of all 64 would be the
 * peak, and half of it costs 3% of an iteration.
 */
export const LEAN_ROWS = 32;
/** Of a measurement against the peer; the first warms up. */
const ITERATIONS = 2;

export interface PpoIterations {
  /** Seconds of each iteration. */
  seconds: number[];
  /** Bytes. */
  peak: number;
}

/** The answers end only at their full length. */
const endlessEncoder = () => ({
  ...idEncoder(Array.from({ length: SHAPE.answers }, (_, row) => randomIds(SHAPE.prompt, row))),
  stopIds: [],
});

const promptOf = (row: number): PromptRecord => ({
  kind: "prompt",
  prompt: String(row),
  place: {},
});

/** A reward model over the policy's own base. */
function rewardOver(model: Model): Model {
  return { ...shareBase(model), scoreHead: waveHead(model.config.hiddenSize) };
}

/**
 * In a process of its own: iterations of the PPO trainer with four roles on one base, some epochs
 * over one minibatch.
 */
export async function ownPpo(
  iterations: number,
  {
    ppoEpochs = EPOCHS,
    precision = "float32",
    rolloutBatch = SHAPE.answers,
  }: { ppoEpochs?: number; precision?: Precision; rolloutBatch?: number } = {},
): Promise<PpoIterations> {
  const model = await benchModel({ precision });
  const encoder = endlessEncoder();
  const prompts = Array.from({ length: SHAPE.answers }, (_, row) => promptOf(row));
  const config = resolveConfig("ppo", {
    model: "bench",
    data: "bench",
    reward: ["bench"],
    plan: "block",
    lora: LORA,
    batchSize: SHAPE.answers,
    rolloutBatch,
    maxNewTokens: SHAPE.answer,
    maxLength: SHAPE.prompt + SHAPE.answer + 1,
    rewardNormalise: "none",
    critic: { warmupSteps: 0 },
    sampleSteps: 0,
    checkpointSteps: 0,
    maxSteps: iterations,
    epochs: iterations,
    ppoEpochs,
    microBatchTokens: MICRO_BATCH_TOKENS,
  });
  const times: number[] = [];
  for await (const event of ppo(
    { model, encoder, prompts, rewards: [{ name: SCORE_HEAD, model: rewardOver(model), encoder }] },
    config,
  ))
    if (event.type === "step") times.push(event.seconds);
  return { seconds: times, peak: peakMemory() };
}

/**
 * In a process of its own: peak memory of supervised fine-tuning with the same adapter on as many
 * tokens as the roll-out has.
 */
export async function ownSftPeak(): Promise<{ peak: number }> {
  const trainer = await createTrainer(
    await benchModel(),
    sftObjective,
    { adapter: "lora", recompute: "all" },
    { statistics: true },
  );
  const length = SHAPE.prompt + SHAPE.answer;
  const rows = Array.from({ length: MICRO_BATCH_TOKENS / length }, (_, row) =>
    packExamples([
      { ids: randomIds(length, row), supervised: new Uint8Array(length).fill(1, SHAPE.prompt) },
    ]),
  );
  const { batch } = joinRows(rows, { padId: 0 });
  const count = batch.selected.data.length;
  // The roll-out's micro-batches have one shape, so a few of them are as good as all.
  for (let step = 0; step < 3; step++)
    await trainer.step(batch, {
      slope: float32([count], new Float32Array(count).fill(-1 / count)),
    });
  await trainer.close();
  return { peak: peakMemory() };
}

export async function ppoMemory(): Promise<Figure[]> {
  // Every epoch uses the same memory, so one is enough.
  const own = (await runPart("own-ppo-epoch")) as PpoIterations;
  const { peak } = (await runPart("own-sft-peak")) as { peak: number };
  const details = { "PPO MB": rounded(own.peak / 1e6, 4), "SFT MB": rounded(peak / 1e6, 4) };
  return [
    {
      name: "ppo-memory",
      title:
        `PPO, four roles on one base, ${LEAN_ROWS} answers decoded together: peak resident ` +
        "memory over LoRA SFT's on the same batch",
      ratio: spread([own.peak / peak]),
      target: { atMost: 1.25 },
      details,
    },
  ];
}

/**
 * Time of a roll-out against the larger of reading the weights and the products, for the prompts
 * and for every token.
 */
export async function rollouts(rounds: number): Promise<Figure[]> {
  const model = await benchModel();
  const encoder = endlessEncoder();
  const prompts = Array.from({ length: SHAPE.answers }, (_, row) => ({
    record: promptOf(row),
    ids: encoder.encodePrompt(String(row)),
  }));
  const engine = samplingEngine(model, encoder);
  const [products, reading] = [await productRate(), await bandwidth()];
  const run = (maxNewTokens: number) =>
    engine.roll(prompts, {
      samples: 1,
      maxNewTokens,
      temperature: 0.7,
      seed: 1,
      rolloutBatch: SHAPE.answers,
    });
  const bound = async (): Promise<number> => {
    const [rate, bytes] = [await products(), await reading()];
    const operations = (tokens: number): number => 2 * (weightBytes(model) / 4) * tokens;
    const step = Math.max(weightBytes(model) / bytes, operations(SHAPE.answers) / rate);
    return operations(SHAPE.answers * SHAPE.prompt) / rate + (SHAPE.answer - 1) * step;
  };
  await run(2);
  const turns = await inTurns({
    subject: () => seconds(() => run(SHAPE.answer)),
    limit: bound,
    rounds,
  });
  const tokens = SHAPE.answers * SHAPE.answer;
  const details = {
    "tokens/s": rounded(tokens / median(turns.subject)),
    s: rounded(median(turns.subject)),
    "bound s": rounded(median(turns.limit)),
    "others busy": disturbance(turns),
  };
  return [
    {
      name: "rollouts",
      title: "roll-out of 64 x 64 tokens: bound of weight reads and products over its time",
      ratio: spread(ratios(turns.limit, turns.subject)),
      target: { atLeast: 0.6 },
      details,
    },
  ];
}

interface PeerPpo {
  iteration_seconds: number[];
  seconds: number;
  peak_resident_mb: number;
  arguments: string[];
  versions: Record<string, string>;
}

export async function trlPpo(rounds: number): Promise<Figure[]> {
  const shape = [
    "--answers",
    SHAPE.answers,
    "--prompt-tokens",
    SHAPE.prompt,
    "--answer-tokens",
    SHAPE.answer,
  ];
  // A quarter of the answers tells the settings apart; the whole iteration takes minutes.
  const best = (await peer(
    "trl_ppo.py",
    [...shape, "--answers", SHAPE.answers / 4, "--iterations", 2, "--sweep"],
    "ppo",
  )) as unknown as PeerPpo;
  const [own, exact, theirs]: [PpoIterations[], PpoIterations[], PeerPpo[]] = [[], [], []];
  const fast = await fastest();
  for (let round = 0; round < rounds; round++) {
    own.push((await runPart(`own-ppo-${fast}`, ITERATIONS)) as PpoIterations);
    if (fast !== "float32")
      exact.push((await runPart("own-ppo-float32", ITERATIONS)) as PpoIterations);
    theirs.push(
      (await peer(
        "trl_ppo.py",
        [...shape, "--iterations", ITERATIONS, ...best.arguments],
        "ppo",
      )) as unknown as PeerPpo,
    );
  }
  const [mine, its] = [
    own.map((result) => median(result.seconds.slice(1))),
    theirs.map((result) => result.seconds),
  ];
  const float32Details =
    exact.length === 0
      ? {}
      : {
          "attune s in float32": rounded(
            median(exact.map((result) => median(result.seconds.slice(1)))),
          ),
          "attune MB in float32": rounded(median(exact.map(({ peak }) => peak)) / 1e6, 4),
        };
  const details = {
    "attune's setting": fast,
    "attune s": rounded(median(mine)),
    ...float32Details,
    "TRL s": rounded(median(its)),
    "TRL setting": best.arguments.join(" "),
    versions: peerVersions(best),
  };
  const memory = own.map(({ peak }, round) => peak / 1e6 / theirs[round]!.peak_resident_mb);
  const megabytes = {
    "attune MB": rounded(median(own.map(({ peak }) => peak)) / 1e6, 4),
    "TRL MB": rounded(median(theirs.map((result) => result.peak_resident_mb)), 4),
  };
  return [
    {
      name: "trl-ppo",
      title: "PPO iteration, 64 x 64 tokens, 4 epochs, LoRA rank 8: TRL's time over attune's",
      ratio: spread(ratios(its, mine)),
      target: { atLeast: 3 },
      details,
    },
    {
      name: "trl-ppo-memory",
      title: "the same: peak resident memory over TRL's",
      ratio: spread(memory),
      target: { atMost: 0.25 },
      details: megabytes,
    },
  ];
}
