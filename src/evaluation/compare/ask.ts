/** Puts one pair of models to a judge, prompt by prompt: all of them, or as many as it takes. */
import { AttuneError } from "../../core/errors.ts";
import { isRefused } from "../../training/rollout/judge.ts";
import type { PairJudgement } from "../../training/rollout/judge.ts";
import type { PairJudgements, PromptJudgement, Refusal } from "./comparison.ts";
import type { BlindPair, ComparisonJudge } from "./judges.ts";
import { askBlind } from "./judges.ts";
import type { MatchedAnswers } from "./matched.ts";

/** Two models of a comparison, by their number. */
export interface ModelPair {
  candidate: number;
  baseline: number;
}

/** The first against each of the others, or every one against every other. */
export function modelPairs(models: number, which: "baseline" | "all"): ModelPair[] {
  const pairs: ModelPair[] = [];
  for (let baseline = 0; baseline < (which === "all" ? models : 1); baseline++)
    for (let candidate = baseline + 1; candidate < models; candidate++)
      pairs.push({ candidate, baseline });
  return pairs;
}

/** What asking needs besides the pair. */
export interface Asking {
  seed: number;
  signal?: AbortSignal | undefined;
  /** After every pair of answers. */
  onPair?: (() => void) | undefined;
}

/** Two answers to a matched prompt. */
export function blindPair(
  matched: MatchedAnswers,
  prompt: number,
  { name, first, second }: { name: string; first: string; second: string },
): BlindPair {
  const { prompt: asked, key, answers } = matched.prompts[prompt]!;
  const place = answers.find((each) => each !== undefined)?.place;
  return { id: `${name}/${key}`, prompt: asked, first, second, ...(place ? { place } : {}) };
}

/** All prompts of a pair of models, or those that are named. */
export async function askPair(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { pair, prompts, asking }: { pair: ModelPair; prompts: readonly number[]; asking: Asking },
): Promise<Pick<PairJudgements, "judgements" | "refused">> {
  const name = `${matched.names[pair.candidate]!}/${matched.names[pair.baseline]!}`;
  const said = await askBlind(
    judge,
    prompts.map((prompt) => {
      const { answers } = matched.prompts[prompt]!;
      return blindPair(matched, prompt, {
        name,
        first: answers[pair.candidate]!.text,
        second: answers[pair.baseline]!.text,
      });
    }),
    asking,
  );
  asking.signal?.throwIfAborted();
  return sortJudgements(prompts, said);
}

/** Opinions apart from refusals; equal answers are ties. */
export function sortJudgements(
  prompts: readonly number[],
  said: readonly PairJudgement[],
): { judgements: PromptJudgement[]; refused: Refusal[] } {
  const judgements: PromptJudgement[] = [];
  const refused: Refusal[] = [];
  for (const [i, prompt] of prompts.entries()) {
    const judgement = said[i];
    if (judgement === undefined)
      judgements.push({ prompt, shownFirst: 0.5, shownSecond: 0.5, equal: true });
    else if (isRefused(judgement)) refused.push({ prompt, why: judgement.refused });
    else judgements.push({ prompt, shownFirst: judgement[0], shownSecond: judgement[1] });
  }
  return { judgements, refused };
}

/** Judges whose names are told apart. */
export function checkJudges(judges: readonly ComparisonJudge[]): void {
  if (judges.length === 0)
    throw new AttuneError("usage", "a comparison needs a judge", {
      hint: "a reward model, a critic, a function or votes",
    });
  const names = judges.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new AttuneError("usage", `two judges are named ${twice}`, {
      hint: "give each a name of its own",
    });
}
