/** `attune eval reward-model`: is a reward right, and what fools it? */
import type { ConfigOf } from "../../config/config.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { answerOf, cachedScorer } from "../../evaluation/answer-scorer.ts";
import type { AnswerScorer, AnswerToScore } from "../../evaluation/answer-scorer.ts";
import { pairFindings } from "../../evaluation/reward-benchmarks/pair-findings.ts";
import type { rewardModelConfig } from "../../evaluation/reward-benchmarks/reward-model.config.ts";
import type { ScoredPair } from "../../evaluation/reward-model-quality.ts";
import { countOf } from "../../core/counts.ts";
import { promptCluster } from "../../training/offline/held-out.ts";
import { loadOptions, reportDataset } from "../inputs/data-input.ts";
import { openScorer } from "./open-scorer.ts";
import type { EvaluationPart, PartWork } from "./part.ts";

export const part: EvaluationPart<typeof rewardModelConfig> = {
  async prepare({ config, context }) {
    const dataset = await loadDataset(config.data, loadOptions(config, context));
    reportDataset(dataset, context.reporter);
    const pairs = limited(recordsAs(dataset, "preference"), config);
    const scorer = await openScorer(config.reward, config, context);
    return {
      subject: config.reward,
      dataHash: dataset.hash,
      fingerprint: scorer.fingerprint,
      plan: [`score the answers of ${countOf(pairs.length, "pair")} of ${config.data}`],
      run: async (work) => ({
        findings: pairFindings(await scorePairs(pairs, scorer, work)),
      }),
      close: () => scorer.close(),
    };
  },
};

const limited = <T>(
  rows: readonly T[],
  { limit }: Pick<ConfigOf<typeof rewardModelConfig>, "limit">,
): readonly T[] => (limit === 0 ? rows : rows.slice(0, limit));

async function scorePairs(
  records: readonly PreferenceRecord[],
  scorer: AnswerScorer,
  { cache, progress, signal }: PartWork,
): Promise<ScoredPair[]> {
  const answers = records.flatMap((record): AnswerToScore[] =>
    [record.chosen, record.rejected].map((completion) => answerOf(record, completion)),
  );
  const shown = progress({ title: "scoring", total: answers.length, unit: "answers" });
  const scores = await cachedScorer(scorer, cache).score(answers, {
    signal,
    onDone: (done) => shown.update(done),
  });
  return records.map((record, i) => ({
    chosen: scores[2 * i]!.score,
    rejected: scores[2 * i + 1]!.score,
    chosenLength: scores[2 * i]!.length,
    rejectedLength: scores[2 * i + 1]!.length,
    p: record.p,
    cluster: promptCluster(record),
  }));
}
