/**
 * The same work in TRL and transformers on PyTorch, in turns with attune; every turn is a process
 * of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Precision } from "../../src/models/precision.ts";
import { hasExactBytes } from "../../src/runtime/bytes.ts";
import { GREEDY, generate } from "../../src/sampling/generate.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import { lastLine, runPart } from "../parts.ts";
import type { Figure } from "../measure.ts";
import { median, ratios, rounded, seconds, spread } from "../measure.ts";
import { benchModel, idEncoder, randomIds } from "../model.ts";
import { realisticPairs, tokensOf } from "../pairs.ts";
import { dpoSteps } from "../training.ts";

const PEERS = fileURLToPath(new URL("../../../../bench/peers", import.meta.url));

/**
 * Environments of the peers: today's releases, and the last TRL that had PPO. Each has its own list
 * of packages.
 */
export type PeerEnvironment = "peers" | "ppo";
const PYTHON_OF: Readonly<Record<PeerEnvironment, string>> = {
  peers: "ATTUNE_PEERS_PYTHON",
  ppo: "ATTUNE_PPO_PEER_PYTHON",
};

/** Runs a peer; its Python is what the variable names, or made by set-up.sh. */
export async function peer(
  script: string,
  args: readonly (string | number)[],
  environment: PeerEnvironment = "peers",
): Promise<PeerResult> {
  const python =
    process.env[PYTHON_OF[environment]] ??
    ((await lastLine("sh", [
      "-c",
      `printf '"%s"\\n' "$(sh '${PEERS}/set-up.sh' ${environment})"`,
    ])) as string);
  // These are set on some machines for the sake of old OpenBLAS builds and slow a current numpy
  // down.
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _size, ...rest } = process.env;
  return (await lastLine(python, [join(PEERS, script), ...args.map(String)], rest)) as PeerResult;
}

export const peerVersions = ({
  versions,
}: {
  versions: Readonly<Record<string, string>>;
}): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");

interface PeerResult {
  tokens_per_second: number;
  /** Of scoring. */
  answers_per_second: number;
  tokens_per_second_with_reference: number;
  peak_resident_mb: number;
  arguments: string[];
  leanest: { peak_resident_mb: number };
  versions: Record<string, string>;
}

interface OwnResult {
  tokensPerSecond: number;
  peak: number;
}

/** attune's fastest setting on this machine. */
export const fastest = async (): Promise<Precision> =>
  (await hasExactBytes()) ? "int8" : "float32";

const inFloat32 = (results: readonly OwnResult[]): Figure["details"] =>
  results.length === 0
    ? {}
    : {
        "attune tokens/s in float32": rounded(
          median(results.map(({ tokensPerSecond }) => tokensPerSecond)),
        ),
        "attune MB in float32": rounded(median(results.map(({ peak }) => peak)) / 1e6, 4),
      };

const BATCH = 16;

/**
 * In a process of its own: DPO over all pairs once, the reference's pass included; the first steps
 * warm up and are left out.
 */
export async function ownDpo(precision: Precision): Promise<OwnResult> {
  const pairs = realisticPairs();
  const all = [...pairs.slice(0, BATCH), ...pairs];
  const { step, close } = dpoSteps(await benchModel({ precision }), all, {
    batchSize: BATCH,
    microBatchTokens: 1024,
  });
  await step();
  let time = 0;
  for (let i = 0; i < pairs.length / BATCH; i++) time += await step();
  await close();
  return {
    tokensPerSecond: pairs.reduce((total, pair) => total + tokensOf(pair), 0) / time,
    peak: peakMemory(),
  };
}

export async function trlDpo(rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "attune-bench-"));
  try {
    const file = join(folder, "pairs.jsonl");
    const rows = realisticPairs().map(({ prompt, chosen, rejected }) =>
      JSON.stringify({
        prompt_ids: [...prompt],
        chosen_ids: [...chosen],
        rejected_ids: [...rejected],
      }),
    );
    writeFileSync(file, `${rows.join("\n")}\n`);
    const best = await peer("trl_dpo.py", ["--pairs", file, "--steps", 4, "--sweep"]);
    const [own, exact, theirs]: [OwnResult[], OwnResult[], PeerResult[]] = [[], [], []];
    const fast = await fastest();
    for (let round = 0; round < rounds; round++) {
      own.push((await runPart(`own-dpo-${fast}`)) as OwnResult);
      if (fast !== "float32") exact.push((await runPart("own-dpo-float32")) as OwnResult);
      theirs.push(await peer("trl_dpo.py", ["--pairs", file, "--steps", 8, ...best.arguments]));
    }
    const [rate, peerRate] = [
      own.map(({ tokensPerSecond }) => tokensPerSecond),
      theirs.map((result) => result.tokens_per_second_with_reference),
    ];
    const memory = own.map(({ peak }, round) => peak / 1e6 / theirs[round]!.peak_resident_mb);
    return [
      {
        name: "trl-dpo",
        title: "DPO, LoRA rank 8, real lengths: tokens/s over TRL's best setting",
        ratio: spread(ratios(rate, peerRate)),
        target: { atLeast: 3 },
        details: {
          "attune's setting": fast,
          "attune tokens/s": rounded(median(rate)),
          ...inFloat32(exact),
          "TRL tokens/s": rounded(median(peerRate)),
          "TRL setting": best.arguments.join(" "),
          versions: peerVersions(best),
        },
      },
      {
        name: "trl-dpo-memory",
        title: "the same: peak resident memory over TRL's",
        ratio: spread(memory),
        target: { atMost: 0.5 },
        details: {
          "attune MB": rounded(median(own.map(({ peak }) => peak)) / 1e6, 4),
          "TRL MB": rounded(median(theirs.map((result) => result.peak_resident_mb)), 4),
          "TRL's leanest setting MB": best.leanest.peak_resident_mb,
        },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const GENERATION = { rows: 16, prompt: 128, answer: 64 };

/**
 * In a process of its own: greedy generation, from prompts to answers; opening and closing the
 * decoder is part of it.
 */
export async function ownGeneration(precision: Precision): Promise<OwnResult> {
  const { rows, prompt, answer } = GENERATION;
  const model = await benchModel({ precision });
  const encoder = { ...idEncoder([]), stopIds: [] };
  const prompts = Array.from({ length: rows }, (_, row) => randomIds(prompt, row));
  const run = (maxNewTokens: number) =>
    generate(model, encoder, prompts, { ...GREEDY, batchSize: rows, maxNewTokens });
  await run(4);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await seconds(() => run(answer)));
  return { tokensPerSecond: (rows * answer) / median(times), peak: peakMemory() };
}

export async function transformersGeneration(rounds: number): Promise<Figure[]> {
  const shape = [
    "--batch",
    GENERATION.rows,
    "--prompt-tokens",
    GENERATION.prompt,
    "--new-tokens",
    GENERATION.answer,
  ];
  const best = await peer("transformers_generate.py", [...shape, "--runs", 1, "--sweep"]);
  const [own, exact, theirs]: [OwnResult[], OwnResult[], PeerResult[]] = [[], [], []];
  const fast = await fastest();
  for (let round = 0; round < rounds; round++) {
    own.push((await runPart(`own-generation-${fast}`)) as OwnResult);
    if (fast !== "float32") exact.push((await runPart("own-generation-float32")) as OwnResult);
    theirs.push(await peer("transformers_generate.py", [...shape, "--runs", 3, ...best.arguments]));
  }
  const [rate, peerRate] = [
    own.map(({ tokensPerSecond }) => tokensPerSecond),
    theirs.map((result) => result.tokens_per_second),
  ];
  const details = {
    "attune's setting": fast,
    "attune tokens/s": rounded(median(rate)),
    ...inFloat32(exact),
    "transformers tokens/s": rounded(median(peerRate)),
    "transformers setting": best.arguments.join(" "),
    "attune MB": rounded(median(own.map(({ peak }) => peak)) / 1e6, 4),
    "transformers MB": rounded(median(theirs.map((result) => result.peak_resident_mb)), 4),
  };
  return [
    {
      name: "transformers-generate",
      title:
        "greedy generation, batch 16, prompt 128, answer 64: tokens/s over transformers' best " +
        "setting",
      ratio: spread(ratios(rate, peerRate)),
      target: { atLeast: 5 },
      details,
    },
  ];
}
