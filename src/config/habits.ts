/**
 * Names of options elsewhere (TRL, transformers, PEFT, Axolotl, OpenAI's API), and what they are
 * called here, so that a habit is met with the right name. In camel case, by candidates of which a
 * command has some.
 */

type Habit = readonly string[] | { readonly says: string };

const HABITS: Readonly<Record<string, Habit>> = {
  lr: ["learningRate"],
  lrScheduler: ["schedule"],
  lrSchedulerType: ["schedule"],
  warmupSteps: ["warmupRatio"],
  n: ["samples"],
  k: ["samples"],
  numGenerations: ["samples"],
  numSamples: ["samples"],
  bestOf: ["samples"],
  perDeviceTrainBatchSize: ["batchSize"],
  trainBatchSize: ["batchSize"],
  bs: ["batchSize"],
  microBatchSize: ["microBatchTokens"],
  perDeviceEvalBatchSize: ["microBatchTokens"],
  gradientAccumulationSteps: {
    says:
      "a step is --batch-size examples, whatever goes through the model at once " +
      "(--micro-batch-tokens)",
  },
  numEpochs: ["epochs"],
  numTrainEpochs: ["epochs"],
  numPpoEpochs: ["ppoEpochs"],
  numIterations: ["iterations"],
  numMiniBatches: ["miniBatches"],
  steps: ["maxSteps"],
  maxSeqLength: ["maxLength"],
  maxSeqLen: ["maxLength"],
  sequenceLen: ["maxLength"],
  maxPromptLength: ["maxLength"],
  maxTokens: ["maxNewTokens"],
  maxCompletionLength: ["maxNewTokens"],
  responseLength: ["maxNewTokens"],
  modelNameOrPath: ["model"],
  baseModel: ["model"],
  sftModelPath: ["model"],
  rewardModelPath: ["reward"],
  rewardModelNameOrPath: ["reward"],
  rewardFuncs: ["reward"],
  dataset: ["data"],
  datasets: ["data"],
  datasetName: ["data"],
  trainFile: ["data"],
  outputDir: ["out"],
  output: ["out"],
  valSetSize: ["heldOut"],
  testSize: ["heldOut"],
  evalSteps: ["evaluationSteps"],
  saveSteps: ["checkpointSteps"],
  saveTotalLimit: ["keepCheckpoints"],
  lossType: ["loss"],
  rlBeta: ["beta", "klCoef"],
  beta: ["klCoef"],
  initKlCoef: ["klCoef"],
  klCoef: ["klCoef", "beta"],
  epsilon: ["clipRange"],
  cliprange: ["clipRange"],
  epsilonHigh: ["clipRangeHigh"],
  delta: ["dualClip"],
  lam: ["lambda"],
  gaeLambda: ["lambda"],
  vfCoef: { says: "the critic has a learning rate of its own: --critic-learning-rate" },
  loraR: ["loraRank", "lora.rank"],
  r: ["loraRank", "lora.rank"],
  loraDropout: { says: "adapters have no dropout here" },
  loraTargetModules: ["loraTargets", "lora.targets"],
  targetModules: ["loraTargets", "lora.targets"],
  useRslora: ["loraRslora", "lora.rslora"],
  usePeft: ["adapter"],
  gradientCheckpointing: ["recompute"],
  samplePacking: ["packing"],
  bf16: ["precision"],
  fp16: ["precision"],
  loadIn8bit: ["precision"],
  loadIn4bit: { says: "weights are kept in float32, float16 or int8: --precision" },
  optim: {
    says: "the optimiser is AdamW; its options are --adam-beta1, --adam-beta2 and --adam-epsilon",
  },
  optimizer: {
    says: "the optimiser is AdamW; its options are --adam-beta1, --adam-beta2 and --adam-epsilon",
  },
  resumeFromCheckpoint: { says: "`attune resume RUN` goes on from the newest checkpoint" },
  chatTemplate: ["template"],
  systemPrompt: ["system"],
};

/**
 * What to say to somebody who uses another tool's name for an option.
 * @param name in any spelling, without dashes in front
 * @param known options that there are here, in camel case (dots for groups)
 * @returns their name here, or a sentence; undefined where the name is nobody's habit
 */
export function habitOf(
  name: string,
  known: readonly string[],
): { option: string } | { says: string } | undefined {
  const habit = habitNamed(name);
  if (habit === undefined) return undefined;
  if ("says" in habit) return habit;
  const option = habit.find((each) => known.includes(each));
  return option === undefined ? undefined : { option };
}

/** Words for subcommands elsewhere, and what is typed here. */
const SUBCOMMANDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  runs: {
    compare: "runs diff",
    list: "runs",
    ls: "runs",
    view: "runs show",
    info: "runs show",
    describe: "runs show",
    plot: "runs show RUN --html",
    resume: "resume",
  },
  data: {
    check: "data inspect",
    validate: "data inspect",
    stats: "data inspect",
    show: "data inspect",
    view: "data inspect",
    export: "data convert",
  },
  constitution: {
    new: "constitution init",
    validate: "constitution check",
    critique: "constitution revise",
    label: "constitution compare",
    judge: "constitution compare",
  },
};

/** `runs diff` for `runs compare`; undefined where nobody calls it so. */
export function subcommandHabit(command: string, word: string): string | undefined {
  const words = Object.hasOwn(SUBCOMMANDS, command) ? SUBCOMMANDS[command]! : {};
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

/** Commands by what they do. */
const [TRAINERS, ROLLOUTS, ANSWERING] = [
  "the trainers",
  "methods that draw answers, such as grpo, rloo and best-of-n",
  "commands that answer: generate, chat and serve",
];
/** Whose options they are, for commands that have none of the kind. */
const OWNERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      "learningRate",
      "schedule",
      "warmupRatio",
      "batchSize",
      "microBatchTokens",
      "epochs",
      "maxSteps",
      "heldOut",
      "evaluationSteps",
      "checkpointSteps",
      "keepCheckpoints",
      "adapter",
      "loraRank",
      "lora.rank",
      "recompute",
      "packing",
      "beta",
      "loss",
    ].map((option) => [option, TRAINERS]),
  ),
  ...Object.fromEntries(
    ["samples", "klCoef", "clipRange", "clipRangeHigh", "miniBatches", "reward"].map((option) => [
      option,
      ROLLOUTS,
    ]),
  ),
  ...Object.fromEntries(
    ["temperature", "topK", "topP", "minP", "system", "stop"].map((option) => [option, ANSWERING]),
  ),
};

/**
 * Whose option a name is, by its name here or elsewhere.
 * @param name in any spelling, without dashes in front
 * @returns such as `--samples belongs to ...`; undefined for a name that nobody has
 */
export function ownerOf(name: string): string | undefined {
  const habit = habitNamed(name);
  const option = [...(Array.isArray(habit) ? (habit as readonly string[]) : []), camel(name)].find(
    (each) => Object.hasOwn(OWNERS, each),
  );
  if (option === undefined) return undefined;
  const flag = option
    .replaceAll(".", "-")
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${flag} belongs to ${OWNERS[option]!}`;
}

const camel = (name: string): string =>
  name.replace(/[-_]+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());

function habitNamed(name: string): Habit | undefined {
  const written = camel(name);
  return Object.hasOwn(HABITS, written) ? HABITS[written] : undefined;
}
