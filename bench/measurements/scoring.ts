/**
 * A thousand answers scored by a reward model of SmolLM2-135M's shape, beside transformers, in
 * turns; every turn is a process of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnswerToScore } from "../../src/evaluation/answer-scorer.ts";
import { modelScorer } from "../../src/evaluation/answer-scorer.ts";
import type { Precision } from "../../src/models/precision.ts";
import { peakMemory } from "../../src/runtime/peak-memory.ts";
import type { Figure } from "../measure.ts";
import { median, ratios, rounded, seconds, spread } from "../measure.ts";
import { benchModel, idEncoder, waveHead } from "../model.ts";
import type { PairIds } from "../pairs.ts";
import { manyPairs } from "../pairs.ts";
import { runPart } from "../parts.ts";
import { fastest, peer, peerVersions } from "./peers.ts";

/** Pairs of answers to one prompt each. */
const PAIRS = 500;
/** Tokens that are scored together: the default of `attune eval` and `attune compare`. */
const MICRO_BATCH_TOKENS = 1024;

interface OwnScores {
  answersPerSecond: number;
  peak: number;
}

/** In a process of its own: every answer once. */
export async function ownScores(precision: Precision): Promise<OwnScores> {
  const model = await benchModel({ precision });
  model.scoreHead = waveHead(model.config.hiddenSize);
  const pairs = manyPairs(PAIRS);
  const encoder = idEncoder(
    pairs.flatMap(({ prompt, chosen, rejected }) => [prompt, chosen, rejected]),
  );
  const answers = pairs.flatMap((_, i): AnswerToScore[] =>
    [1, 2].map((side) => ({ prompt: String(3 * i), completion: String(3 * i + side) })),
  );
  const scorer = modelScorer(
    { model, encoder },
    {
      name: "reward",
      fingerprint: "bench",
      microBatchTokens: MICRO_BATCH_TOKENS,
      plan: "auto",
      recompute: "all",
      maxLength: 1024,
    },
  );
  await scorer.score(answers.slice(0, 64));
  const time = await seconds(() => scorer.score(answers));
  await scorer.close();
  return { answersPerSecond: answers.length / time, peak: peakMemory() };
}

const rowsOf = ({ prompt, chosen, rejected }: PairIds): string[] =>
  [chosen, rejected].map((answer) => JSON.stringify([...prompt, ...answer]));

export async function scoring(rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "attune-bench-"));
  try {
    const file = join(folder, "rows.jsonl");
    writeFileSync(file, `${manyPairs(PAIRS).flatMap(rowsOf).join("\n")}\n`);
    const script = "transformers_score.py";
    const best = await peer(script, ["--rows", file, "--runs", 1, "--limit", 200, "--sweep"]);
    const [own, exact, theirs]: [OwnScores[], OwnScores[], number[]] = [[], [], []];
    const fast = await fastest();
    for (let round = 0; round < rounds; round++) {
      own.push((await runPart(`own-scores-${fast}`)) as OwnScores);
      if (fast !== "float32") exact.push((await runPart("own-scores-float32")) as OwnScores);
      const result = await peer(script, ["--rows", file, "--runs", 1, ...best.arguments]);
      theirs.push(result.answers_per_second);
    }
    const rates = own.map(({ answersPerSecond }) => answersPerSecond);
    return [
      {
        name: "scoring",
        title:
          "1,000 answers (500 prompts, real lengths) scored: answers/s over transformers' best",
        ratio: spread(ratios(rates, theirs)),
        target: { atLeast: 3 },
        details: {
          "attune's setting": fast,
          "attune answers/s": rounded(median(rates)),
          ...(exact.length === 0
            ? {}
            : {
                "attune answers/s in float32": rounded(
                  median(exact.map(({ answersPerSecond }) => answersPerSecond)),
                ),
              }),
          "transformers answers/s": rounded(median(theirs)),
          "transformers setting": best.arguments.join(" "),
          "attune MB": rounded(median(own.map(({ peak }) => peak)) / 1e6, 4),
          versions: peerVersions(best),
        },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
