/** How alike judges judge: the same verdict on the same pairs, beyond chance; people among them. */
import { kappaInterval } from "../../stats/agreement-intervals.ts";
import { shareInterval } from "../../stats/intervals.ts";
import type { JudgeAgreement, JudgeResult } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { MatchedAnswers } from "./matched.ts";

type Verdict = "win" | "tie" | "loss";

const verdictOfOutcome = (outcome: number): Verdict =>
  outcome > 0.5 ? "win" : outcome < 0.5 ? "loss" : "tie";

/** Every two judges that judged some pair both; votes of people first. */
export function judgeAgreements(
  judges: readonly Pick<JudgeResult, "name" | "kind" | "pairs">[],
  matched: MatchedAnswers,
  confidence: number,
): JudgeAgreement[] {
  const labels = judges.map(labelsOf);
  const found: JudgeAgreement[] = [];
  for (const [i, first] of judges.entries())
    for (let j = i + 1; j < judges.length; j++) {
      const second = judges[j]!;
      const keys = [...labels[i]!.keys()].filter((key) => labels[j]!.has(key));
      if (keys.length === 0) continue;
      const [a, b] = [labels[i]!, labels[j]!].map((each) => keys.map((key) => each.get(key)!)) as [
        Verdict[],
        Verdict[],
      ];
      // several pairs of models on one prompt depend on each other as much as prompts of a cluster
      const several = new Set(keys.map(promptOf)).size < keys.length;
      const prompts = keys.map((key) => matched.prompts[promptOf(key)]!);
      const clusters =
        several || prompts.some(({ cluster }) => cluster !== undefined)
          ? prompts.map(({ cluster, key }) => cluster ?? `prompt ${key}`)
          : undefined;
      const both = keys.flatMap((_, k) => (a[k] === "tie" || b[k] === "tie" ? [] : [k]));
      found.push({
        judges: [first.name, second.name],
        people: first.kind === "votes" || second.kind === "votes",
        raw: shareInterval(
          a.map((label, k) => (label === b[k] ? 1 : 0)),
          { clusters, confidence },
        ),
        ...(both.length === 0
          ? {}
          : {
              decided: shareInterval(
                both.map((k) => (a[k] === b[k] ? 1 : 0)),
                { clusters: clusters && both.map((k) => clusters[k]!), confidence },
              ),
            }),
        kappa: kappaInterval(a, b, { clusters, confidence }),
      });
    }
  return found.toSorted((a, b) => Number(b.people) - Number(a.people));
}

/** Pairs of equal answers, which nobody was asked about, tell nothing of a judge. */
function labelsOf({ pairs }: Pick<JudgeResult, "pairs">): Map<string, Verdict> {
  return new Map(
    pairs.flatMap(({ candidate, baseline, judgements }) =>
      judgements
        .filter(({ equal }) => !equal)
        .map(
          (each) =>
            [`${each.prompt}/${candidate}/${baseline}`, verdictOfOutcome(outcomeOf(each))] as const,
        ),
    ),
  );
}

const promptOf = (key: string): number => Number(key.slice(0, key.indexOf("/")));
