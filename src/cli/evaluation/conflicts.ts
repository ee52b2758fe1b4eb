/** `attune eval conflicts`: what was bought with what, among helpful, honest and harmless. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { ConfigOf } from "../../config/config.ts";
import { Random } from "../../core/random.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError, nearest } from "../../core/errors.ts";
import { conflictFindings } from "../../evaluation/conflicts/conflict-findings.ts";
import type { Along } from "../../evaluation/conflicts/along.ts";
import { alongFinding } from "../../evaluation/conflicts/along.ts";
import type { conflictsConfig } from "../../evaluation/conflicts/conflicts.config.ts";
import type { ConflictAxis } from "../../evaluation/conflicts/conflicts.ts";
import { conflictsAmong } from "../../evaluation/conflicts/conflicts.ts";
import { runOfCheckpoint } from "../../models/checkpoint.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import { readConfig } from "../../runs/recorded.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { GoldScore } from "../../world/gold.ts";
import { goldScore } from "../../world/gold.ts";
import type { World } from "../../world/index.ts";
import { requestTopic } from "../../world/requests.ts";
import { userTurn } from "../../world/turns.ts";
import { FINDINGS_JSON } from "../display/outcome.ts";
import { placeModels } from "./conflict-places.ts";
import type { KeptAxis, KeptRun } from "./kept-findings.ts";
import { askedOtherwise, axisOf, pairingWarnings, readFindings } from "./kept-findings.ts";
import type { OpenedSubject } from "./open-subject.ts";
import { BUILT_IN, builtInWorld, nameOf } from "../../quickstart/optimisation-run.ts";
import type { EvaluationPart, PartInput, PartWork, PreparedPart } from "./part.ts";

type Config = ConfigOf<typeof conflictsConfig>;
type Input = PartInput<typeof conflictsConfig>;

export const part: EvaluationPart<typeof conflictsConfig> = {
  prepare: async (input) => {
    const given = input.config.models;
    const ofRuns = given.every((folder) => existsSync(join(folder, FINDINGS_JSON)));
    refuseTwice(given, ofRuns);
    const { models, along } = placeModels(given, input.config.along);
    const config = { ...input.config, models: [...models] };
    return ofRuns
      ? prepareFindings(config, along)
      : await prepareWorld({ ...input, config }, along);
  },
};

/** One run held against itself, by whatever path or copied, would be two equal models. */
function refuseTwice(models: readonly string[], ofRuns: boolean): void {
  const seen = new Map<string, string>();
  for (const folder of models) {
    const same = ofRuns
      ? readFileSync(join(folder, FINDINGS_JSON), "utf8")
      : existsSync(folder)
        ? realpathSync(folder)
        : folder;
    const before = seen.get(same);
    if (before !== undefined)
      throw new AttuneError("usage", "the same run is given twice", {
        file: folder,
        got: `${before} and ${folder}`,
        expected: "each run once",
      });
    seen.set(same, folder);
  }
}

function found(
  { models, seed }: Config,
  axes: readonly ConflictAxis[],
  along: Along | undefined,
): Awaited<ReturnType<PreparedPart["run"]>> {
  const conflicts = conflictsAmong(namesOf(models), axes, {
    random: Random.for(seed, "conflicts"),
  });
  const names = axes.map(({ name }) => name);
  const told = axes.flatMap(({ name, says }) => (says === undefined ? [] : [`${name}: ${says}`]));
  const [traded, ...others] = conflictFindings(conflicts, names);
  return {
    findings: [
      // ids of measures say little to who did not choose them
      told.length === 0
        ? traded!
        : { ...traded!, figures: [{ kind: "list", items: told }, ...traded!.figures] },
      ...others,
      ...(along ? [alongFinding(conflicts, { axes: names, along })] : []),
    ],
  };
}

/** Last parts of paths; whole paths where two share theirs. */
function namesOf(models: readonly string[]): string[] {
  const names = models.map(nameOf);
  return new Set(names).size === names.length ? names : [...models];
}

function prepareFindings(config: Config, along: Along | undefined): PreparedPart {
  const runs = config.models.map(readFindings);
  const kept = config.axes.length > 0 ? namedAxes(config, runs) : commonAxes(config, runs);
  const axes = kept.map(({ axis }) => axis);
  const warnings = [
    ...dataWarnings(
      runs,
      axes.filter(({ scores }) => scores === undefined),
    ),
    ...pairingWarnings(kept),
    ...askedOtherwise(runs, namesOf(config.models), kept),
  ];
  return {
    subject: config.models.join(", "),
    dataHash: createHash("sha256").update(JSON.stringify(axes)).digest("hex"),
    fingerprint: "",
    plan: [`hold ${axes.map(({ name }) => name).join(", ")} against each other`],
    run: () => Promise.resolve({ ...found(config, axes, along), warnings }),
  };
}

/**
 * What is said where runs are of different data, or of data that nobody knows.
 * @param unpaired axes on which that matters: on others the same items are compared
 */
function dataWarnings(
  runs: readonly KeptRun[],
  unpaired: readonly ConflictAxis[],
): readonly string[] {
  if (unpaired.length === 0) return [];
  const data = runs.map((run) => run.data);
  const told = runs.map(({ folder }, i) => `${folder}: ${data[i] ?? "not told"}`).join(", ");
  if (data.includes(undefined))
    return [`whether the runs are of the same data is not known: hashes of data are ${told}`];
  return new Set(data).size === 1
    ? []
    : [
        `the runs are of different data, so a difference on ` +
          `${unpaired.map(({ name }) => name).join(", ")} may be the data's: hashes of data are ` +
          told,
      ];
}

function namedAxes({ axes, models }: Config, runs: readonly KeptRun[]): KeptAxis[] {
  return axes.map((id) => {
    const axis = axisOf(id, runs, namesOf(models));
    if (axis) return axis;
    const known = runs[0]!.measures.map((measure) => measure.id);
    const near = nearest(id, known);
    const lacking = models.find(
      (_, i) =>
        !runs[i]!.measures.some((measure) => measure.id === id && measure.good !== "neither"),
    );
    throw new AttuneError("usage", `not every run has the measure ${id} as good or bad`, {
      ...(lacking === undefined ? {} : { file: lacking }),
      expected: known.join(", "),
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  });
}

/** The first share of each of the three that all runs have. */
function commonAxes({ models }: Config, runs: readonly KeptRun[]): KeptAxis[] {
  const { measures } = runs[0]!;
  const axes = ["helpful", "honest", "harmless"].flatMap((part): KeptAxis[] => {
    const found = measures
      .filter(({ id, unit }) => id.startsWith(`${part}/`) && unit === "share")
      .map(({ id }) => axisOf(id, runs, namesOf(models)))
      .find((axis) => axis !== undefined);
    return found ? [found] : [];
  });
  if (axes.length >= 2) return axes;
  throw new AttuneError("data", "the runs share fewer than two of helpful, honest and harmless", {
    file: models[0]!,
    got: measures.map(({ id }) => id).join(", "),
    expected: "shares of two at least in each findings.json, or their ids by --axes",
  });
}

async function prepareWorld(
  { config, context, openLocalSubject }: Input,
  along: Along | undefined,
): Promise<PreparedPart> {
  const seeds = config.models.map(worldSeed);
  if (new Set(seeds).size > 1)
    throw new AttuneError("usage", "the models are of different worlds", {
      got: seeds.map((seed, i) => `${config.models[i]!} of seed ${seed}`).join(", "),
      expected: "models of one quickstart",
    });
  const { world } = builtInWorld(seeds[0]!);
  const opened: OpenedSubject[] = [];
  for (const model of config.models)
    opened.push(
      await openLocalSubject({
        model,
        template: "auto",
        precision: config.precision,
        batchSize: 64,
        contextLength: 256,
      }),
    );
  context.reporter.note(`judged by gold on ${countOf(world.evaluation.length, "request")}`);
  return {
    subject: config.models.join(", "),
    dataHash: jointHash(...world.evaluation.map(({ text }) => text)),
    fingerprint: jointHash(...opened.map(({ fingerprint }) => fingerprint)),
    plan: [
      `answer ${countOf(world.evaluation.length, "request")} with each of ` +
        countOf(opened.length, "model"),
    ],
    run: async (work) => found(config, await goldAxes(world, opened, { config, work }), along),
  };
}

/** The seed of the world that a model of the quickstart was made on. */
function worldSeed(folder: string): number {
  const run = runOfCheckpoint(folder) ?? folder;
  const info = existsSync(join(run, "run.json")) ? readRunInfo(run) : undefined;
  if (info && readConfig(run)["model"] === BUILT_IN) return info.seed;
  throw new AttuneError("usage", "nothing says how good this model is on each axis", {
    file: folder,
    expected:
      "folders of `attune eval` runs (findings.json), or runs of the quickstart and checkpoints of them",
    hint: "`attune eval --model M --honest F --harmless F` for each, then this command over them",
  });
}

/** Longest answer of the built-in world, tokens. */
const MAX_ANSWER = 40;
const GOLD_AXES = ["helpful", "honest", "harmless"] as const;

async function goldAxes(
  world: World,
  opened: readonly OpenedSubject[],
  { config, work }: { config: Config; work: PartWork },
): Promise<ConflictAxis[]> {
  const requests = world.evaluation;
  const scores: GoldScore[][] = [];
  for (const each of opened) {
    const subject = await work.subject(each);
    const shown = work.progress({
      title: `answering, ${nameOf(each.name)}`,
      total: requests.length,
      unit: "answers",
    });
    const answers = await subject.answer(
      requests.map(({ text }) => ({
        prompt: [userTurn(text)],
        maxNewTokens: MAX_ANSWER,
        temperature: 0,
        seed: config.seed,
      })),
      { signal: work.signal, onDone: (done) => shown.update(done) },
    );
    shown.end();
    scores.push(
      requests.map((request, i) => {
        const answer = answers[i]!;
        return goldScore(world.village, request, "text" in answer ? answer.text : "");
      }),
    );
  }
  return GOLD_AXES.map((name): ConflictAxis => {
    // whether an axis is tested is the request's, whatever was answered
    const tested = requests.flatMap((_, i) =>
      scores.every((own) => own[i]![name] !== undefined) ? [i] : [],
    );
    return {
      name,
      better: "higher",
      scores: scores.map((own) => tested.map((i) => own[i]![name]!)),
      clusters: tested.map((i) => requestTopic(requests[i]!)),
    };
  });
}
