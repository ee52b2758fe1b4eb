/** `attune eval reward-model`: is a reward right, and what fools it? */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import type { ConfigOf } from "../../config/config.ts";
import { countOf } from "../../core/counts.ts";
import { Random } from "../../core/random.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import { isDataFile } from "../../data/readers/read-rows.ts";
import type { DataRecord, PreferenceRecord, RankedRecord } from "../../data/records.ts";
import type { AnswerScore, AnswerScorer, AnswerToScore } from "../../evaluation/answer-scorer.ts";
import { answerOf, cachedScorer } from "../../evaluation/answer-scorer.ts";
import type { Finding } from "../../evaluation/findings.ts";
import { drawRows, drawnText } from "../../evaluation/behaviour/rows.ts";
import type {
  BenchmarkItem,
  BenchmarkKind,
  ScoredItem,
} from "../../evaluation/reward-benchmarks/item.ts";
import {
  answersOfItems,
  readBenchmark,
  tieOf,
  withScores,
} from "../../evaluation/reward-benchmarks/item.ts";
import type { Candidates } from "../../evaluation/reward-benchmarks/benchmark-findings.ts";
import {
  bestOfFinding,
  rewardBenchFinding,
  rmBenchFinding,
} from "../../evaluation/reward-benchmarks/benchmark-findings.ts";
import {
  pairFindings,
  robustnessFinding,
} from "../../evaluation/reward-benchmarks/reward-findings.ts";
import type { rewardModelConfig } from "../../evaluation/reward-benchmarks/reward-model.config.ts";
import type { TrialHooks } from "../../evaluation/reward-benchmarks/trials.ts";
import { tryReward } from "../../evaluation/reward-benchmarks/trials.ts";
import type { ScoredPair } from "../../evaluation/reward-model-quality.ts";
import { promptCluster } from "../../training/offline/held-out.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import { openScorer } from "./open-scorer.ts";
import type { EvaluationPart, PartInput, PartWork } from "./part.ts";
import { cutWarnings } from "./scoring-warnings.ts";

type Config = ConfigOf<typeof rewardModelConfig>;

/** What is scored: a benchmark's items, or pairs and prompts with several scored answers. */
type Material = {
  hash: string;
  /** Rows that are scored, of how many. */
  drawn: number;
  all: number;
} & (
  | { kind: BenchmarkKind; items: readonly BenchmarkItem[] }
  | { kind: "pairs"; pairs: readonly PreferenceRecord[]; ranked: readonly RankedRecord[] }
);

export const part: EvaluationPart<typeof rewardModelConfig> = {
  async prepare({ config, context }) {
    const material = await readMaterial(config, context);
    const scorer = await openScorer(config.reward, config, context);
    return {
      subject: config.reward,
      dataHash: material.hash,
      fingerprint: scorer.fingerprint,
      plan: [planOf(material, config)],
      async run(work) {
        const found = await findings(material, { scorer, config, work });
        const { drawn, all } = material;
        return {
          ...found,
          warnings: [
            ...(drawn < all ? [drawnText(config.data, drawn, all)] : []),
            ...found.warnings,
          ],
        };
      },
      close: () => scorer.close(),
    };
  },
};

function planOf(material: Material, { data }: Config): string {
  return material.kind === "pairs"
    ? `score the answers of ${countOf(material.pairs.length, "pair")} of ${data}`
    : `score the answers to ${countOf(material.items.length, "prompt")} of ${material.kind}`;
}

async function readMaterial(config: Config, context: PartInput["context"]): Promise<Material> {
  const { data } = config;
  const isFile = existsSync(data) && statSync(data).isFile() && isDataFile(data);
  const benchmark = isFile ? await readBenchmark(data) : undefined;
  if (benchmark) {
    const items = drawRows(benchmark.items, { ...config, unitOf: tieOf });
    context.reporter.note(`${data}: ${benchmark.kind}`);
    return {
      kind: benchmark.kind,
      items,
      drawn: items.length,
      all: benchmark.items.length,
      hash: createHash("sha256").update(JSON.stringify(items)).digest("hex"),
    };
  }
  const dataset = await loadDataset(data, {
    ...loadOptions(config, context),
    ...(config.groups === "" ? {} : { keepColumns: true }),
  });
  reportDataset(dataset, context.reporter);
  const records = drawRows(dataset.records, config);
  return {
    kind: "pairs",
    pairs: recordsAs({ records, columns: dataset.columns }, "preference"),
    ranked: records.filter((record: DataRecord) => record.kind === "ranked"),
    hash: dataset.hash,
    drawn: records.length,
    all: dataset.records.length,
  };
}

interface Scoring {
  scorer: AnswerScorer;
  config: Config;
  work: PartWork;
}

async function findings(
  material: Material,
  scoring: Scoring,
): Promise<{ findings: Finding[]; warnings: string[] }> {
  if (material.kind !== "pairs") return benchmarkFindings(material, scoring);
  const { pairs, ranked } = material;
  const answers = pairs.flatMap((record): AnswerToScore[] =>
    [record.chosen, record.rejected].map((completion) => answerOf(record, completion)),
  );
  const scores = await scoreAll(answers, "scoring", scoring);
  const scored = pairs.map((record, i) => pairOf(record, scores.slice(2 * i), scoring.config));
  const bestOf = await bestOfRanked(ranked, scoring);
  return {
    findings: [
      ...pairFindings(scored, { logOdds: scoring.scorer.kind !== "function" }),
      ...(bestOf ? [bestOf] : []),
      ...(scoring.config.robustness
        ? [
            robustnessFinding(
              await tryReward(
                { records: pairs, pairs: scored, answers, scores },
                trialHooks(scoring),
              ),
            ),
          ]
        : []),
    ],
    warnings: warningsOf({ answers, scores }, scored, scoring),
  };
}

function trialHooks(scoring: Scoring): TrialHooks {
  const { scorer, config, work } = scoring;
  return {
    scorer: cachedScorer(scorer, work.cache),
    score: (answers, title) => scoreAll(answers, title, scoring),
    random: Random.for(config.seed, "dressed pairs"),
    signal: work.signal,
  };
}

function warningsOf(
  { answers, scores }: { answers: readonly AnswerToScore[]; scores: readonly AnswerScore[] },
  pairs: readonly ScoredPair[],
  { config }: Scoring,
): string[] {
  const equal = pairs.filter(({ chosen, rejected }) => chosen === rejected).length;
  return [
    ...cutWarnings(answers, scores, config),
    ...(equal === 0
      ? []
      : [
          `${countOf(equal, "pair")} of ${pairs.length} with equal rewards ` +
            `${equal === 1 ? "counts" : "count"} half`,
        ]),
  ];
}

function pairOf(
  record: PreferenceRecord,
  [chosen, rejected]: readonly AnswerScore[],
  { groups }: Config,
): ScoredPair {
  const group = groups === "" ? undefined : record.extra?.[groups];
  return {
    chosen: chosen!.score,
    rejected: rejected!.score,
    chosenLength: chosen!.length,
    rejectedLength: rejected!.length,
    p: record.p,
    cluster: record.cluster ?? promptCluster(record),
    ...(group === undefined ? {} : { group: String(group) }),
  };
}

async function scoreAll(
  answers: readonly AnswerToScore[],
  title: string,
  { scorer, work: { cache, progress, signal } }: Scoring,
): Promise<AnswerScore[]> {
  const shown = progress({ title, total: answers.length, unit: "answers" });
  const scores = await cachedScorer(scorer, cache).score(answers, {
    signal,
    onDone: (done) => shown.update(done),
  });
  shown.end();
  return scores;
}

/** Best of k by the reward, worth what the data's own scores say. */
async function bestOfRanked(
  ranked: readonly RankedRecord[],
  scoring: Scoring,
): Promise<Finding | undefined> {
  const scored = ranked.filter(
    ({ completions }) =>
      completions.length > 1 && completions.every(({ score }) => score !== undefined),
  );
  if (scored.length < 2) return undefined;
  const answers = scored.flatMap((record) =>
    record.completions.map(({ completion }) => answerOf(record, completion)),
  );
  const scores = await scoreAll(answers, "scoring candidates", scoring);
  let start = 0;
  const prompts = scored.map((record): Candidates => {
    const { completions } = record;
    const own = scores.slice(start, (start += completions.length));
    return {
      cluster: record.cluster ?? promptCluster(record),
      proxy: own.map(({ score }) => score),
      worth: completions.map(({ score }) => score!),
    };
  });
  return bestOfFinding(prompts, "the data's own score");
}

async function benchmarkFindings(
  { kind, items }: { kind: BenchmarkKind; items: readonly BenchmarkItem[] },
  scoring: Scoring,
): Promise<{ findings: Finding[]; warnings: string[] }> {
  const answers = answersOfItems(items);
  const scores = await scoreAll(answers, "scoring", scoring);
  const scored = withScores(
    items,
    scores.map(({ score }) => score),
  );
  const bestOf = bestOfFinding(scored.map(candidatesOf), "share of right answers");
  return {
    findings: [
      kind === "rm-bench"
        ? rmBenchFinding(scored)
        : rewardBenchFinding(scored, scoring.config.seed),
      ...(bestOf ? [bestOf] : []),
    ],
    warnings: warningsOf({ answers, scores }, [], scoring),
  };
}

const candidatesOf = ({ prompt, rightScores, wrongScores }: ScoredItem): Candidates => ({
  cluster: prompt,
  proxy: [...rightScores, ...wrongScores],
  worth: [...rightScores.map(() => 1), ...wrongScores.map(() => 0)],
});
