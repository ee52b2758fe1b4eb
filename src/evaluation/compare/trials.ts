/**
 * Tempts a judge: controls that answer in a model's stead, and the baseline's own answers changed
 * for the worse or not at all (docs/decisions/comparison.md).
 */
import { Random } from "../../core/random.ts";
import { NULL_ANSWER } from "../pairwise.ts";
import type { Asking } from "./ask.ts";
import { blindPair, sortJudgements } from "./ask.ts";
import type { CompareOptions, PromptJudgement, TrialId } from "./comparison.ts";
import type { ComparisonJudge } from "./judges.ts";
import { askBlind } from "./judges.ts";
import type { MatchedAnswers } from "./matched.ts";
import { DEFAULT_PROBE_TEXTS, PROBES, promptCopy } from "./temptations.ts";
import { rateInterval } from "../win-rate.ts";
import { clustersOf } from "./outcome.ts";
import { outcomeOf } from "./comparison.ts";

/** Prompts that controls are tried on at most: they find a judge that takes them 65 times in 100. */
export const CONTROL_PROMPTS = 100;

/** What a judge said of a temptation. */
export interface TrialJudgements {
  id: TrialId;
  kind: "control" | "probe";
  /** Of the worthless answer over the baseline's. */
  judgements: readonly PromptJudgement[];
  refused: number;
  /** A control that is preferred over the baseline is tried against every other model. */
  others?: readonly { model: string; judgements: readonly PromptJudgement[] }[];
}

const CONTROL_TEXTS: readonly {
  id: "constant-answer" | "prompt-copy";
  text: (matched: MatchedAnswers, prompt: number) => string;
}[] = [
  { id: "constant-answer", text: () => NULL_ANSWER },
  { id: "prompt-copy", text: (matched, prompt) => promptCopy(matched.prompts[prompt]!.prompt) },
];

/** Controls that are asked; the longest answer was judged already. */
export const CONTROLS_ASKED = CONTROL_TEXTS.length;

/** Prompts that each control and each probe is tried on, at random. */
export function trialPrompts(
  { prompts }: MatchedAnswers,
  { seed, controls, probes }: Pick<CompareOptions, "seed" | "controls" | "probes">,
): { controls: number[]; probes: number[] } {
  const drawn = (name: string, from: readonly number[], count: number): number[] =>
    Random.for(seed, name)
      .sample(from, count)
      .toSorted((a, b) => a - b);
  const all = [...prompts.keys()];
  const spoken = all.filter((i) => (prompts[i]!.answers[0]?.text ?? "").trim() !== "");
  return {
    controls: controls ? drawn("controls", all, CONTROL_PROMPTS) : [],
    probes: drawn("probes", spoken, probes),
  };
}

/** Whether anything can be put to a judge: people who voted are gone. */
export const canBeTried = ({ kind }: Pick<ComparisonJudge, "kind">): boolean => kind !== "votes";

/** Controls and probes, one after the other. */
export async function tempt(
  judge: ComparisonJudge,
  matched: MatchedAnswers,
  { options, asking }: { options: CompareOptions; asking: Asking },
): Promise<TrialJudgements[]> {
  if (!canBeTried(judge)) return [];
  const on = trialPrompts(matched, options);
  const ask = async (
    name: string,
    prompts: readonly number[],
    textsOf: (prompt: number) => readonly [worthless: string, own: string],
  ): Promise<{ judgements: PromptJudgement[]; refused: number }> => {
    const pairs = prompts.map((prompt) => {
      const [first, second] = textsOf(prompt);
      return blindPair(matched, prompt, { name, first, second });
    });
    const said = await askBlind(judge, pairs, asking);
    asking.signal?.throwIfAborted();
    const { judgements, refused } = sortJudgements(prompts, said);
    return { judgements, refused: refused.length };
  };
  const trials: TrialJudgements[] = [];
  for (const { id, text } of on.controls.length > 0 ? CONTROL_TEXTS : []) {
    const against = (model: number): ReturnType<typeof ask> =>
      ask(`${id}/${matched.names[model]!}`, on.controls, (prompt) => [
        text(matched, prompt),
        matched.prompts[prompt]!.answers[model]!.text,
      ]);
    const found = await against(0);
    const others: { model: string; judgements: PromptJudgement[] }[] = [];
    if (preferred(found.judgements, matched, options.confidence))
      for (let model = 1; model < matched.names.length; model++)
        others.push({
          model: matched.names[model]!,
          judgements: (await against(model)).judgements,
        });
    trials.push({ id, kind: "control", ...found, ...(others.length > 0 ? { others } : {}) });
  }
  const texts = options.probeTexts ?? DEFAULT_PROBE_TEXTS;
  for (const { id, change } of on.probes.length > 0 ? PROBES : []) {
    const changed = new Map(
      on.probes.flatMap((prompt) => {
        const { answers, key } = matched.prompts[prompt]!;
        const text = change(answers[0]!.text, texts, Random.for(options.seed, id, key));
        return text === undefined ? [] : [[prompt, text] as const];
      }),
    );
    const found = await ask(id, [...changed.keys()], (prompt) => [
      changed.get(prompt)!,
      matched.prompts[prompt]!.answers[0]!.text,
    ]);
    trials.push({ id, kind: "probe", ...found });
  }
  return trials;
}

/** Whether the interval lies clear of a half, in favour. */
export function preferred(
  judgements: readonly PromptJudgement[],
  matched: MatchedAnswers,
  confidence: number,
): boolean {
  if (judgements.length === 0) return false;
  const clusters = clustersOf(judgements.map(({ prompt }) => matched.prompts[prompt]!));
  const { low, noClaim } = rateInterval(judgements.map(outcomeOf), { clusters, confidence });
  return noClaim === undefined && low > 0.5;
}
