/**
 * Which pairs to ask people about next.
 *
 * 1. labels that chance chose are held out for the curve;
 * 2. the members learn the rest, each in its own way;
 * 3. every member scores every pair of the pool;
 * 4. the rule orders the pool, with a share for chance and near-duplicates apart;
 * 5. the same trainings on parts of the labels give the learning curve.
 */
import { join } from "node:path";
import { Random } from "../../core/random.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { promptKey, splitRecords } from "../../data/split.ts";
import type { LanguageModel } from "../../library/models.ts";
import type { RewardModelOptions } from "../../library/trainers.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { completionText, promptText } from "../../text/messages.ts";
import type { AskConfig } from "./ask.config.ts";
import { marginsOf, trainMember } from "./ensemble.ts";
import type { CurveMeasurement, LearningCurve } from "./learning-curve.ts";
import { learningCurve } from "./learning-curve.ts";
import { nearDuplicates } from "./near-duplicates.ts";
import type { Place } from "./order.ts";
import { orderPairs } from "./order.ts";
import { jointProbability, scoreOf } from "./rules.ts";

/** Column of `extra` that says why a pair was asked about. */
export const CHOSEN_BY = "chosen_by";
/** What says that a model had no say in it. */
const BY_CHANCE: ReadonlySet<unknown> = new Set([undefined, null, "random", "order"]);

/** Where the data says it, or the studio's export does. */
function chosenBy(extra: PreferenceRecord["extra"]): unknown {
  const studio = extra?.["studio"] as Readonly<Record<string, unknown>> | undefined;
  return extra?.[CHOSEN_BY] ?? studio?.[CHOSEN_BY];
}

/** Parts of the labels that the curve is measured at. */
const PARTS = [1 / 8, 1 / 4, 1 / 2];
/** Fewer labels than these teach a model nothing that could be measured. */
const LEAST_PART = 8;

export interface OrderedPair extends Place {
  pair: PreferenceRecord;
  /** By the rule; higher is asked first. */
  score: number;
  /** Probability that the answer named first is better, as all members together think. */
  probability: number;
}

export interface AskResult {
  order: OrderedPair[];
  curve: LearningCurve | undefined;
  /** Why there is no curve, where one was asked for. */
  noCurve: string | undefined;
  /** Labels that were learned, and those held out. */
  learned: number;
  heldOut: number;
  /** Held out could be only these: what a model chose is no fair sample. */
  byChance: number;
  /** Pairs of the pool that say nearly the same as another. */
  nearDuplicates: number;
  /** Answers that were cut to the longest length before they were scored. */
  cut: number;
}

export interface AskHooks {
  signal?: AbortSignal | undefined;
  /** Folder of the runs of the members; none are kept where left out. */
  folder?: string;
  /** @param part what is done, of {@link AskWork.total} */
  onWork?: (part: number, what: string) => void;
  onEvent?: (event: TrainingEvent) => void;
}

/** Trainings and scorings, in all. */
export interface AskWork {
  total: number;
}

interface Divided {
  train: PreferenceRecord[];
  heldOut: PreferenceRecord[];
  byChance: number;
  noCurve: string | undefined;
}

/** Held out are labels on pairs that chance chose, prompts whole. */
export function divideLabels(
  labels: readonly PreferenceRecord[],
  { heldOut, curve, seed }: Pick<AskConfig, "heldOut" | "curve" | "seed">,
): Divided {
  const fair = labels.filter(({ extra }) => BY_CHANCE.has(chosenBy(extra)));
  const byChance = fair.length;
  const everything = { train: [...labels], heldOut: [], byChance };
  if (!curve) return { ...everything, noCurve: undefined };
  const wanted = heldOut >= 1 ? Math.floor(heldOut) : Math.round(heldOut * labels.length);
  if (wanted < 2 || labels.length - wanted < LEAST_PART)
    return {
      ...everything,
      noCurve: `${labels.length} labels are too few to hold some out and learn from the rest`,
    };
  if (byChance < 2)
    return {
      ...everything,
      noCurve: `${byChance} of ${labels.length} labels are on pairs that chance chose`,
    };
  const { heldOut: held } = splitRecords(fair, Math.min(wanted, byChance - 1), seed);
  const prompts = new Set(held.map(promptKey));
  return {
    train: labels.filter((label) => !prompts.has(promptKey(label))),
    heldOut: held,
    byChance,
    noCurve: undefined,
  };
}

/** Numbers of labels below all of them that the curve is measured at. */
export const curveSizes = (labels: number): number[] =>
  [...new Set(PARTS.map((part) => Math.round(part * labels)))].filter(
    (size) => size >= LEAST_PART && size < labels,
  );

export function workOf(
  divided: Pick<Divided, "train" | "heldOut">,
  { members }: Pick<AskConfig, "members">,
): AskWork {
  const sizes = divided.heldOut.length === 0 ? [] : curveSizes(divided.train.length);
  return { total: members * (2 + sizes.length) };
}

/**
 * @param given.divided by {@link divideLabels}
 * @throws AttuneError of the trainings and the scoring
 */
export async function askNext(
  model: LanguageModel,
  { divided, pool }: { divided: Divided; pool: readonly PreferenceRecord[] },
  config: AskConfig,
  hooks: AskHooks = {},
): Promise<AskResult> {
  const { train, heldOut, byChance, noCurve } = divided;
  let done = 0;
  const cut = new Set<number>();
  const whole: CurveMeasurement = { labels: train.length, right: [] };
  const right: number[][] = [];
  const margins: number[][] = [];
  for (let member = 0; member < config.members; member++) {
    hooks.onWork?.(done++, `model ${member + 1} of ${config.members} learns`);
    const trained = await memberOn(model, train, { config, hooks, member, kept: true });
    hooks.onWork?.(done++, `model ${member + 1} of ${config.members} reads the pool`);
    margins.push(
      await marginsOf(trained, pool, {
        maxLength: config.maxLength,
        onCut: (answer) => cut.add(answer),
      }),
    );
    right.push(await rightOn(trained, heldOut, config));
    hooks.signal?.throwIfAborted();
  }
  const order = orderOf(pool, margins, config);
  const measurements = [
    ...(heldOut.length === 0 ? [] : await partsOfCurve(model, divided, config, { hooks, done })),
    { ...whole, right },
  ];
  return {
    ...order,
    curve:
      heldOut.length === 0
        ? undefined
        : learningCurve(measurements, { ...config, clusters: heldOut.map(promptKey) }),
    noCurve,
    learned: train.length,
    heldOut: heldOut.length,
    byChance,
    cut: cut.size,
  };
}

interface MemberWork {
  config: AskConfig;
  hooks: AskHooks;
  member: number;
  /** Its run is kept, so that whoever goes on need not train it again. */
  kept: boolean;
  name?: string;
}

const memberOn = (
  model: LanguageModel,
  labels: readonly PreferenceRecord[],
  { config, hooks, member, kept, name = "all" }: MemberWork,
): Promise<LanguageModel> =>
  trainMember(model, labels, {
    options: rewardOptions(config),
    bootstrap: config.bootstrap,
    name,
    member,
    signal: hooks.signal,
    ...(kept && hooks.folder !== undefined
      ? { run: join(hooks.folder, `reward-${member + 1}`) }
      : {}),
    ...(hooks.onEvent ? { onEvent: hooks.onEvent } : {}),
  });

/** Of each held-out pair whether the model meets its label; half where it cannot tell. */
async function rightOn(
  model: LanguageModel,
  heldOut: readonly PreferenceRecord[],
  { maxLength }: AskConfig,
): Promise<number[]> {
  if (heldOut.length === 0) return [];
  const margins = await marginsOf(model, heldOut, { maxLength });
  return margins.map((margin, index) => {
    const { p } = heldOut[index]!;
    // a label of which only a part says yes is met in that part
    return margin === 0 ? 0.5 : margin > 0 ? p : 1 - p;
  });
}

async function partsOfCurve(
  model: LanguageModel,
  { train, heldOut }: Divided,
  config: AskConfig,
  { hooks, done }: { hooks: AskHooks; done: number },
): Promise<CurveMeasurement[]> {
  // each part is in the next one, so that they differ by their number alone
  const shuffled = Random.for(config.seed, "curve").shuffle(train);
  const measured: CurveMeasurement[] = [];
  for (const labels of curveSizes(train.length)) {
    const right: number[][] = [];
    for (let member = 0; member < config.members; member++) {
      hooks.onWork?.(done++, `the curve at ${labels} labels`);
      const name = String(labels);
      const part = shuffled.slice(0, labels);
      const trained = await memberOn(model, part, { config, hooks, member, kept: false, name });
      right.push(await rightOn(trained, heldOut, config));
      hooks.signal?.throwIfAborted();
    }
    measured.push({ labels, right });
  }
  return measured;
}

/** What nobody but the ensemble decides: lengths and texts are as with every reward model. */
function rewardOptions(config: AskConfig): RewardModelOptions & { seed: number } {
  const {
    model: _model,
    labels: _labels,
    pool: _pool,
    format: _format,
    columns: _columns,
    ignoreColumns: _ignored,
    precision: _precision,
    rule: _rule,
    uncertainty: _uncertainty,
    members: _members,
    bootstrap: _bootstrap,
    randomShare: _share,
    apart: _apart,
    similarity: _similarity,
    heldOut: _heldOut,
    curve: _curve,
    confidence: _confidence,
    lora,
    recompute,
    ...options
  } = config;
  return {
    ...options,
    ...(config.adapter === "lora" ? { lora } : {}),
    ...(config.plan === "whole" ? {} : { recompute }),
    heldOut: 0,
    checkpointSteps: 0,
  };
}

const textOf = ({ prompt, chosen, rejected }: PreferenceRecord): string =>
  [promptText(prompt), completionText(chosen), completionText(rejected)].join("\n");

function orderOf(
  pool: readonly PreferenceRecord[],
  margins: readonly (readonly number[])[],
  config: AskConfig,
): Pick<AskResult, "order" | "nearDuplicates"> {
  const { rule, uncertainty, similarity, seed } = config;
  const ofPair = pool.map((_, index) => margins.map((each) => each[index]!));
  const scores = ofPair.map((each) => scoreOf(each, rule, uncertainty));
  const groups = rule === "random" ? [] : nearDuplicates(pool.map(textOf), similarity);
  const random = Random.for(seed, "order");
  const places = orderPairs(scores, { ...config, groups, random });
  return {
    order: places.map((place) => ({
      ...place,
      pair: pool[place.index]!,
      score: scores[place.index]!,
      probability: jointProbability(ofPair[place.index]!),
    })),
    nearDuplicates: groups.filter((group, index) => group !== index).length,
  };
}
