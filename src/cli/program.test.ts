import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { AttuneError } from "../core/errors.ts";
import { defineConfig, field, requiredField } from "../config/config.ts";
import type { TrainingEvent } from "../runs/events.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { Run } from "../runs/run.ts";
import { type CommandContext, type CommandEntry, lookupIn } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { resumeCommand } from "./commands/resume.ts";
import { runTrainer } from "./display/run-trainer.ts";
import { reportPlan } from "./display/dry-run.ts";
import { runProgram } from "./program.ts";
import { fakeIo, type FakeIo, TextSink } from "./testing.ts";
import { trainingCommand } from "./training/training-command.ts";

const pondConfig = defineConfig({
  name: "pond",
  examples: ["attune pond --data frogs.jsonl"],
  fields: {
    data: requiredField({ type: z.string(), description: "what swims", group: "Input" }),
    loss: field({
      type: z.enum(["still", "wavy"]),
      default: "still",
      description: "how it moves",
      source: "Walton",
      group: "Motion",
    }),
    learningRate: field({
      type: z.number().positive(),
      default: 0.001,
      description: "peak rate",
      source: "Walton",
      group: "Motion",
    }),
    strength: field({
      type: z.number(),
      default: 1,
      description: "how strongly",
      source: "Walton",
      group: "Motion",
      appliesWhen: { loss: ["wavy"] },
    }),
    frogs: {
      sing: field({
        type: z.boolean(),
        default: true,
        description: "whether they sing",
        source: "Aristophanes",
        group: "Frogs",
      }),
    },
    failAt: field({
      type: z.int(),
      default: 0,
      description: "step that fails",
      source: "none",
      group: "Frogs",
    }),
    seed: field({ type: z.int(), default: 1, description: "seed", source: "none", group: "Frogs" }),
  },
});

const TOTAL = 4;

/** A trainer of four steps; "afterStep" lets a test interrupt it. */
async function* swim(
  run: Run,
  { signal }: CommandContext,
  options: { failAt: number; afterStep: (step: number) => void },
): AsyncGenerator<TrainingEvent> {
  const first = run.resumedFrom?.step ?? 0;
  yield run.record({
    type: "start",
    method: "pond",
    totalSteps: TOTAL,
    examples: 2,
    run: run.folder,
    ...(first > 0 ? { resumedStep: first } : {}),
  });
  for (let step = first + 1; step <= TOTAL; step++) {
    if (step === options.failAt)
      throw new AttuneError("numeric", `a NaN in the loss of step ${step}`);
    yield run.record({
      type: "step",
      step,
      totalSteps: TOTAL,
      tokens: step,
      metrics: { loss: 1 / step },
      seconds: 0,
    });
    options.afterStep(step);
    await run.saveCheckpoint(step, async (folder) =>
      writeFileSync(join(folder, "w"), String(step)),
    );
    if (signal.aborted)
      return yield run.record({
        type: "end",
        status: "interrupted",
        step,
        totalSteps: TOTAL,
        tokens: step,
        metrics: {},
        seconds: 0,
      });
  }
  yield run.record({
    type: "end",
    status: "completed",
    step: TOTAL,
    totalSteps: TOTAL,
    tokens: TOTAL,
    metrics: { loss: 0.25 },
    seconds: 0,
  });
}

let afterStep: (step: number) => void = () => undefined;
const templateTimes: string[] = [];
const pond = trainingCommand({
  config: pondConfig,
  async run({ config, effective, dryRun, out, openRun }, context) {
    templateTimes.push(context.templateTime);
    if (!existsSync(config.data))
      throw new AttuneError("data", "there is no such file", { file: config.data });
    if (dryRun)
      return reportPlan(context.reporter, {
        command: "pond",
        examples: 2,
        heldOut: 1,
        steps: TOTAL,
        tokens: 4,
        parameters: { trainable: 1000, total: 2e6 },
        memoryBytes: 1.5e9,
        seconds: 61,
        out,
        config: effective,
      });
    const run = await openRun({
      seed: config.seed,
      dataHash: readFileSync(config.data, "utf8"),
      modelFingerprint: "m",
    });
    const end = await runTrainer(
      swim(run, context, { failAt: config.failAt, afterStep: (step) => afterStep(step) }),
      context.reporter,
      out,
    );
    context.reporter.result({ run: out, metrics: end.metrics }, `the pond is in ${out}`);
  },
});

const ENTRIES: readonly CommandEntry[] = [
  { name: "pond", summary: "train a pond", group: "Training", load: async () => pond },
  {
    name: "resume",
    summary: "go on",
    group: "Runs",
    load: async () => resumeCommand(lookupIn(ENTRIES)),
  },
  {
    name: "broken",
    summary: "a defect",
    group: "Runs",
    load: async () => ({
      configure: (command, bind) =>
        void command.action(bind(async () => Promise.reject(new TypeError("x is undefined")))),
    }),
  },
  {
    name: "family",
    summary: "only subcommands",
    group: "Runs",
    load: async () => ({
      configure: (command) => void command.command("child").description("the only one"),
    }),
  },
  ...COMMANDS.filter(({ name }) => name === "runs"),
];

let parent: string;
let cwd: string;
beforeEach(() => {
  cwd = process.cwd();
  parent = mkdtempSync(join(tmpdir(), "attune-program-"));
  process.chdir(parent);
  writeFileSync("frogs", "frogs");
  afterStep = () => undefined;
  for (const [name, value] of Object.entries({
    LANG: "C.UTF-8",
    LC_ALL: "",
    LC_CTYPE: "",
    TERM: "xterm",
  }))
    vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  process.chdir(cwd);
  rmSync(parent, { recursive: true, force: true });
});

interface Outcome {
  status: number;
  out: string;
  err: string;
}

async function attune(line: string, io: FakeIo = fakeIo()): Promise<Outcome> {
  const status = await runProgram(
    line.split(" ").filter((word) => word !== ""),
    io,
    ENTRIES,
  );
  return { status, out: io.stdout.text, err: io.stderr.text };
}

it.each([
  ["runs compare a b", "did you mean `attune runs diff`?"],
  ["runs compare", "did you mean `attune runs diff`?"],
  ["data check rows.jsonl", "did you mean `attune data inspect`?"],
  ["generate --lr 1 hi", "--learning-rate belongs to the trainers"],
  ["chat --lr 1", "--learning-rate belongs to the trainers"],
  ["dpo --n 4", "--samples belongs to methods that draw answers, such as grpo"],
  [
    "sft --temperature 1",
    "--temperature belongs to commands that answer: generate, chat and serve",
  ],
])("a habit is met: %s", async (line, says) => {
  const io = fakeIo();
  expect([await runProgram(line.split(" "), io), io.stderr.text]).toEqual([
    2,
    expect.stringContaining(`\n  try: ${says}`),
  ]);
});

describe("help", () => {
  it("of the program lists the commands in groups", async () => {
    const { status, out, err } = await attune("--help");
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatchInlineSnapshot(`
      "Usage: attune [options] [command]

      Align a language model with people's judgements, and show that it got better.

      Options:
        -V, --version   print the version
        --json          print JSON lines of typed events on standard output
        --quiet         print results, warnings and errors only
        -h, --help      print this help

      Training:
        pond            train a pond

      Runs:
        resume          go on
        broken          a defect
        family          only subcommands
        runs            list runs, show one, or compare two

      Commands:
        help [command]  print the help of a command
      "
    `);
    expect((await attune("")).out).toBe(out);
    expect((await attune("help")).out).toBe(out);
  });

  it("of a trainer lists its options in groups, with ranges and defaults", async () => {
    const { status, out } = await attune("pond --help");
    expect(status).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Usage: attune pond [options]

      train a pond

      Options:
        --out <folder>            folder for the run (default: the next free
                                  runs/pond-1, -2, ...)
        --config <file>           options in YAML or JSON; flags and --set win over it
        --set <name=value>        one option by name, such as lora.rank=8; repeatable
        --dry-run                 check everything and say what would happen, without
                                  writing anything
        --json                    print JSON lines of typed events on standard output
        --quiet                   print results, warnings and errors only
        -h, --help                print this help

      Input:
        --data <text>             what swims (required)

      Motion:
        --loss <name>             how it moves (one of still, wavy)
                                  default still [Walton]
        --learning-rate <number>  peak rate (number > 0)
                                  default 0.001 [Walton]
        --strength <number>       how strongly (only with loss wavy)
                                  default 1 [Walton]

      Frogs:
        --[no-]frogs-sing         whether they sing
                                  default true [Aristophanes]
        --fail-at <integer>       step that fails
                                  default 0 [none]
        --seed <integer>          seed
                                  default 1 [none]

      Examples:
        attune pond --data frogs.jsonl
      "
    `);
    expect((await attune("help pond")).out).toBe(out);
  });

  it("of a command that needs a subcommand is its answer where none is given", async () => {
    const { status, out, err } = await attune("family");
    expect([status, out]).toEqual([2, ""]);
    expect(err).toMatch(
      /^Usage: attune family \[options\] \[command\]\n[^]*Commands:\n {2}child +the only one\n/,
    );
    expect((await attune("family --json")).out).toBe(
      '{"type":"error","code":"usage","message":"a subcommand is missing","hint":"--help lists ' +
        'them","exitCode":2}\n',
    );
    expect((await attune("family chidl")).err).toBe(
      "error: unknown command 'chidl'\n  try: did you mean child?\n",
    );
  });

  it("loads only the command that was named", async () => {
    const loaded: string[] = [];
    const spies = ENTRIES.map((entry) => ({
      ...entry,
      load: async () => (loaded.push(entry.name), entry.load()),
    }));
    await runProgram(["--help"], fakeIo(), spies);
    await runProgram(["--version"], fakeIo(), spies);
    expect(loaded).toEqual([]);
    await runProgram(["runs", "--help"], fakeIo(), spies);
    expect(loaded).toEqual(["runs"]);
  });

  it("prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as {
      version: string;
    };
    expect(await attune("--version")).toEqual({ status: 0, out: `${version}\n`, err: "" });
  });
});

describe("status and errors", () => {
  it.each<[string, number, string]>([
    ["pnd", 2, 'error: there is no command "pnd"\n  try: did you mean `attune pond`?\n'],
    ["xyzzy", 2, 'error: there is no command "xyzzy"\n  try: `attune --help` lists the commands\n'],
    [
      "pond --data frogs --lr 1",
      2,
      "error: unknown option '--lr'\n  try: --lr is --learning-rate here\n",
    ],
    [
      "pond --data frogs --optim adam",
      2,
      "error: unknown option '--optim'\n" +
        "  try: the optimiser is AdamW; its options are --adam-beta1, --adam-beta2 and " +
        "--adam-epsilon\n",
    ],
    [
      "pond --data frogs --los wavy",
      2,
      "error: unknown option '--los'\n  try: did you mean --loss?\n",
    ],
    [
      "pond",
      2,
      "error: pond needs the option data\n" +
        '  try: --data on the command line, or "data" in the config file\n',
    ],
    [
      "pond --data",
      2,
      "error: option '--data <text>' argument missing\n  try: --help lists arguments and options\n",
    ],
    [
      "pond --data frogs --strength 2",
      2,
      "error: --strength has no effect with loss still\n" +
        "  got: loss: still\n" +
        "  expected: strength is used with loss wavy\n" +
        "  try: remove strength, or change loss\n",
    ],
    ["pond --data toads", 2, "error: toads: there is no such file\n"],
    [
      "pond --data frogs --config none.yaml",
      2,
      "error: none.yaml: there is no such file\n  try: check the path after --config\n",
    ],
    [
      "resume",
      2,
      "error: missing required argument 'run'\n  try: --help lists arguments and options\n",
    ],
    ["resume runs/none", 2, "there is no such folder"],
    [
      "runs show",
      2,
      "error: missing required argument 'run'\n  try: --help lists arguments and options\n",
    ],
    ["pond --data frogs --fail-at 1", 1, "error: a NaN in the loss of step 1\n"],
    ["broken", 1, "internal error: TypeError: x is undefined\n"],
  ])("attune %s", async (line, status, message) => {
    const outcome = await attune(line);
    expect(outcome.err).toContain(message);
    expect([outcome.status, outcome.out]).toEqual([status, ""]);
  });

  it("are one JSON line with --json, wherever it stands", async () => {
    for (const line of ["pond --json --data toads", "--json pond --data toads"]) {
      expect(await attune(line)).toEqual({
        status: 2,
        out:
          '{"type":"error","code":"data","message":"there is no such ' +
          'file","file":"toads","exitCode":2}\n',
        err: "",
      });
    }
    expect((await attune("pnd --json")).out).toBe(
      '{"type":"error","code":"usage","message":"there is no command \\"pnd\\"","hint":"did you ' +
        'mean `attune pond`?","exitCode":2}\n',
    );
    expect((await attune("broken --json")).out).toBe(
      '{"type":"error","code":"internal","message":"TypeError: x is undefined","exitCode":1}\n',
    );
  });

  it("leave no folder behind where the input is bad", async () => {
    await attune("pond --data toads --out runs/a");
    await attune("pond --data frogs --out runs/b --strength 2");
    expect(readdirSync(".")).toEqual(["frogs"]);
  });

  it("names the line of a config file, and text that is not UTF-8", async () => {
    writeFileSync("pond.yaml", "data: frogs\nlearnign_rate: 1\n");
    expect((await attune("pond --config pond.yaml")).err).toBe(
      "error: pond.yaml:2: learnign_rate is not an option of pond\n  try: did you mean " +
        "learningRate?\n",
    );
    writeFileSync("pond.yaml", Buffer.from([0x64, 0xff, 0xfe]));
    expect((await attune("pond --config pond.yaml")).err).toBe(
      "error: pond.yaml: the file is not valid UTF-8\n  try: save it as UTF-8\n",
    );
  });
});

describe("a training command", () => {
  it("runs, with options from file, --set and flags", async () => {
    writeFileSync("pond.yaml", "data: toads\nloss: wavy\nstrength: 5\n");
    const { status, out, err } = await attune(
      "pond --config pond.yaml --data frogs --set strength=6 --set learning_rate=0.5 " +
        "--no-frogs-sing --out runs/mine",
    );
    expect(err).toBe(
      `pond: 4 steps, 2 examples -> ${join(process.cwd(), "runs/mine")}\nstep 1/4 (25%)  loss 1  ` +
        `0s left\nstep 4/4 (100%)  loss 0.2500  0s left\ndone: step 4 of 4, 4 tokens in 0s\n`,
    );
    expect([status, out]).toEqual([0, "the pond is in runs/mine\n"]);
    expect(readFileSync("runs/mine/config.given.yaml", "utf8")).toBe(
      "data: frogs\nloss: wavy\nlearningRate: 0.5\nstrength: 6\nfrogs:\n  sing: false\n",
    );
    expect(JSON.parse(readFileSync("runs/mine/config.resolved.json", "utf8"))).toEqual({
      data: "frogs",
      loss: "wavy",
      learningRate: 0.5,
      strength: 6,
      frogs: { sing: false },
      failAt: 0,
      seed: 1,
    });
    expect(JSON.parse(readFileSync("runs/mine/run.json", "utf8"))).toMatchObject({
      command: "pond",
      status: "completed",
      seed: 1,
      argv: [
        "pond",
        "--config",
        "pond.yaml",
        "--data",
        "frogs",
        "--set",
        "strength=6",
        "--set",
        "learning_rate=0.5",
        "--no-frogs-sing",
        "--out",
        "runs/mine",
      ],
    });
  });

  it("says what it would do, and writes nothing", async () => {
    const { status, out, err } = await attune("pond --data frogs --dry-run --out runs/x");
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatchInlineSnapshot(`
      "pond would do this (nothing was written):
        examples      2, and 1 held out
        steps         4
        tokens        4
        trained       1.0k of 2.0M parameters
        memory        about 1.5 GB
        time          about 1m 01s
        run folder    runs/x
        data          frogs
        loss          still
        learningRate  0.001
        frogs.sing    true
        failAt        0
        seed          1
      "
    `);
    expect(readdirSync(".")).toEqual(["frogs"]);
    expect(JSON.parse((await attune("pond --data frogs --dry-run --json")).out)).toMatchObject({
      type: "result",
      dryRun: true,
      steps: 4,
      out: "runs/pond-1",
      config: { loss: "still" },
    });
  });

  it("takes the next free folder, and never one that is taken", async () => {
    expect((await attune("pond --data frogs")).out).toBe("the pond is in runs/pond-1\n");
    expect((await attune("pond --data frogs")).out).toBe("the pond is in runs/pond-2\n");
    expect((await attune("pond --data frogs --out runs/pond-1")).err).toBe(
      "error: runs/pond-1: the folder already holds a run\n  got: a run that is completed\n  " +
        "try: another --out\n",
    );
  });

  it("ends its folder properly when the trainer fails", async () => {
    await attune("pond --data frogs --fail-at 3 --out runs/f");
    expect(JSON.parse(readFileSync("runs/f/run.json", "utf8"))).toMatchObject({ status: "failed" });
    expect(existsSync("runs/f/lock")).toBe(false);
    expect(readJsonLines("runs/f/events.jsonl").at(-2)).toMatchObject({
      type: "error",
      code: "numeric",
      message: "a NaN in the loss of step 3",
    });
    expect(readdirSync("runs/f/checkpoints")).toEqual(["step-000001", "step-000002"]);
  });

  it("stops at the first Ctrl-C and goes on with resume, from another folder too", async () => {
    const io = fakeIo();
    afterStep = (step) => void (step === 2 && io.signals.emit("SIGINT"));
    const stopped = await attune("pond --data frogs --out runs/s", io);
    expect(stopped).toMatchObject({ status: 1, out: "" });
    expect(stopped.err).toContain("stopping: what is done is kept; Ctrl-C again ends at once\n");
    expect(stopped.err).toContain(
      "stopped at step 2 of 4\n  try: `attune resume runs/s` goes on from there\n",
    );
    expect(JSON.parse(readFileSync("runs/s/run.json", "utf8"))).toMatchObject({
      status: "interrupted",
    });
    expect([
      io.signals.listenerCount("SIGINT"),
      io.signals.listenerCount("SIGTERM"),
      io.signals.exitStatus,
    ]).toEqual([0, 0, undefined]);

    const folder = join(process.cwd(), "runs/s");
    process.chdir("/");
    const resumed = await attune(`resume ${folder} --json`);
    const events = resumed.out
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text) as { type: string; step?: number });
    expect(events.map(({ type, step }) => [type, step])).toEqual([
      ["start", undefined],
      ["step", 3],
      ["step", 4],
      ["end", 4],
      ["result", undefined],
    ]);
    expect(readJsonLines(join(folder, "metrics.jsonl")).map(({ step }) => step)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(await attune(`resume ${folder}`)).toEqual({
      status: 0,
      out:
        `${folder} has finished already: there is nothing left to do (to train on from it, begin ` +
        `a new run with --model ${folder})\n`,
      err: "",
    });
  });

  it("goes on with options that were changed by hand only where it is asked to", async () => {
    const io = fakeIo();
    afterStep = (step) => void (step === 2 && io.signals.emit("SIGINT"));
    await attune("pond --data frogs --out runs/e", io);
    const file = "runs/e/config.resolved.json";
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace('"learningRate": 0.001', '"learningRate": 0.5'),
    );
    const refused = await attune("resume runs/e");
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(
      new RegExp(
        "runs/e: the run was changed by hand since it began" +
          String.raw`\n {2}got: learningRate 0\.5` +
          String.raw`\n {2}expected: learningRate 0\.001` +
          "\\n {2}try: put it back, or `attune resume [^ ]*runs/e --accept-changes`",
      ),
    );
    expect(readJsonLines("runs/e/metrics.jsonl")).toHaveLength(2);
    expect(await attune("resume runs/e --accept-changes")).toMatchObject({ status: 0 });
    expect(JSON.parse(readFileSync("runs/e/run.json", "utf8"))).toMatchObject({
      status: "completed",
      accepted: ["learningRate is 0.5, was 0.001"],
    });
  });

  it("goes on with the date on which the run began, for templates that write it", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 4, 4, 23, 59, 58) });
    const io = fakeIo();
    afterStep = (step) => void (step === 2 && io.signals.emit("SIGINT"));
    await attune("pond --data frogs --out runs/t", io);
    vi.setSystemTime(new Date(2026, 6, 1));
    await attune("resume runs/t");
    vi.useRealTimers();
    expect(templateTimes.slice(-2)).toEqual(["2026-05-04T23:59:58", "2026-05-04T23:59:58"]);
  });

  it("does not resume with other data, or without its command", async () => {
    await attune("pond --data frogs --fail-at 2 --out runs/d");
    writeFileSync("frogs", "toads");
    expect((await attune("resume runs/d")).err).toContain(
      "the data changed since the run began\n  got: toads\n  expected: frogs\n",
    );
    writeFileSync(
      "runs/d/run.json",
      readFileSync("runs/d/run.json", "utf8").replace('"command": "pond"', '"command": "lake"'),
    );
    expect((await attune("resume runs/d")).err).toContain(
      'this version of attune cannot resume runs of "lake"',
    );
  });

  it.skipIf(process.getuid?.() === 0)("names a folder that cannot be written", async () => {
    chmodSync(".", 0o555);
    const outcome = await attune("pond --data frogs --out runs/x");
    chmodSync(".", 0o755);
    expect(outcome).toMatchObject({
      status: 1,
      err: expect.stringContaining("check the permissions of the folder"),
    });
  });
});

describe("attune runs", () => {
  it("lists, shows and compares", async () => {
    await attune("pond --data frogs --out runs/a");
    await attune("pond --data frogs --out runs/b --loss wavy --strength 3 --seed 5 --fail-at 3");
    const list = await attune("runs");
    expect(list.out.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "DATE")).toBe(
      [
        "run     command  state      step  metrics      begun (UTC)",
        "runs/b  pond     failed     2/4   loss 0.5000  DATE",
        "runs/a  pond     completed  4/4   loss 0.2500  DATE",
        "",
      ].join("\n"),
    );
    const show = (await attune("runs show runs/b")).out;
    expect(show).toContain("state     failed\nstep      2/4\n");
    expect(show).toContain(
      "options\n  data          frogs\n  loss          wavy\n  learningRate  0.001\n  " +
        "strength      3\n  frogs.sing    true\n",
    );
    expect(show).toContain("metrics (first, course, last)\n  loss  1  █▁  0.5000  nats\n");
    expect(show).toContain(
      "checkpoints\n  1    checkpoints/step-000001\n  2    checkpoints/step-000002",
    );
    expect((await attune("runs diff runs/a runs/b")).out).toBe(
      `different
                 a      b
seed             1      5
config.loss      still  wavy
config.failAt    0      3
config.seed      1      5
config.strength  -      3

last metrics
      a       b       difference
loss  0.2500  0.5000  +0.2500
`,
    );
    expect(JSON.parse((await attune("runs diff runs/a runs/b --json")).out)).toMatchObject({
      type: "result",
      metrics: [{ name: "loss", left: 0.25, right: 0.5 }],
    });
    expect((await attune("runs elsewhere")).err).toContain("elsewhere: there is no such folder");
  });

  const onTerminal = async (
    line: string,
    columns: number,
  ): Promise<{ out: string; err: string }> => {
    const io = {
      ...fakeIo(),
      stdout: new TextSink(true, columns),
      stderr: new TextSink(true, columns),
    };
    expect(await runProgram(line.split(" "), io, ENTRIES)).toBe(0);
    return { out: io.stdout.text, err: io.stderr.text };
  };

  it("draws the curves on a terminal as wide as it is, and into a pipe where it is asked to", async () => {
    await attune("pond --data frogs --out runs/a");
    const drawing = new RegExp(
      String.raw`^loss \(nats\) +⠒⠒ training 0\.2500` +
        String.raw`\n[^]*⠢[^]*\nstep  1 +2 +3 +4` +
        String.raw`\n\n--html writes every curve and its meaning as a page` +
        String.raw`\n$`,
      "m",
    );
    const { out } = await onTerminal("runs show runs/a", 60);
    expect(out).toMatch(drawing);
    expect(
      Math.max(
        ...out
          .slice(out.indexOf("loss (nats)"))
          .split("\n")
          .map(({ length }) => length),
      ),
    ).toBe(60);
    expect((await onTerminal("runs show runs/a --no-curves", 60)).out).not.toContain("⠒⠒");
    const piped = (await attune("runs show runs/a")).out;
    expect(piped).not.toContain("⠒⠒");
    expect(piped).toMatch(
      /\n\n--curves draws the curves, --html writes every curve and its meaning as a page\n$/,
    );
    expect((await attune("runs show runs/a --curves")).out).toMatch(drawing);
    vi.stubEnv("LANG", "C");
    const ascii = (await attune("runs show runs/a --curves")).out;
    expect(ascii).toContain("  loss  1  @-:.  0.2500  nats\n");
    expect(ascii).toMatch(/^[\n -~]*$/);
  });

  it("ends a run on a terminal with its first curve, and on nothing else", async () => {
    const { err } = await onTerminal("pond --data frogs --out runs/a", 80);
    expect(err).toMatch(/loss \(nats\)[^]*step  1 [^]*\nmore curves: attune runs show runs\/a\n$/);
    expect((await onTerminal("pond --data frogs --out runs/dry --dry-run", 80)).err).not.toContain(
      "more curves",
    );
    expect((await onTerminal("pond --data frogs --out runs/quiet --quiet", 80)).err).toBe("");
    expect((await onTerminal("pond --data frogs --out runs/json --json", 80)).out).not.toContain(
      "more curves",
    );
    expect((await attune("pond --data frogs --out runs/b")).err).not.toContain("more curves");
  });

  it("warns of folders that cannot be read", async () => {
    await attune("pond --data frogs --out runs/a");
    await attune("pond --data frogs --out runs/b");
    writeFileSync("runs/b/run.json", "{");
    const { status, out, err } = await attune("runs");
    expect([status, err]).toEqual([
      0,
      `warning: runs/b: run.json is not valid JSON [unreadable-run]\n`,
    ]);
    expect(out).toContain("runs/a");
  });
});
