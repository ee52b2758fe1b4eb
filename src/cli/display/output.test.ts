import { describe, expect, it } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import type { StepEvent, TrainingEvent } from "../../runs/events.ts";
import { reportError } from "../error-output.ts";
import { createReporter } from "./output.ts";
import type { Reporter } from "./reporter.ts";
import { TextSink } from "../testing.ts";

interface Bench {
  reporter: Reporter;
  stdout: TextSink;
  stderr: TextSink;
  clock: { milliseconds: number };
}

async function bench(
  options: { json?: boolean; quiet?: boolean; terminal?: boolean } = {},
): Promise<Bench> {
  const { json = false, quiet = false, terminal = false } = options;
  const [stdout, stderr, clock] = [
    new TextSink(terminal),
    new TextSink(terminal),
    { milliseconds: 0 },
  ];
  return {
    reporter: await createReporter({ json, quiet, stdout, stderr, now: () => clock.milliseconds }),
    stdout,
    stderr,
    clock,
  };
}

const step = (number: number): StepEvent => ({
  type: "step",
  step: number,
  totalSteps: 100,
  tokens: number * 1000,
  metrics: { loss: 0.625, "rewards/accuracies": 0.5, learning_rate: 0.0001 },
  seconds: 2,
});

const START: TrainingEvent = {
  type: "start",
  method: "dpo",
  totalSteps: 100,
  examples: 12_345,
  parameters: { trainable: 1_234_567, total: 135_000_000 },
  run: "runs/hh",
};
const AFTERWARDS: TrainingEvent[] = [
  {
    type: "evaluation",
    step: 100,
    totalSteps: 100,
    examples: 500,
    metrics: { eval_loss: 0.5, "eval_rewards/accuracies": 0.75, eval_entropy: 1 },
    seconds: 3,
  },
  {
    type: "checkpoint",
    step: 100,
    totalSteps: 100,
    path: "runs/hh/checkpoints/step-000100",
    best: true,
  },
  { type: "sample", step: 100, prompt: "Hello?\n", completion: "Hi\u001b[2J!" },
  { type: "warning", id: "truncated-examples", message: "7 examples were cut" },
  {
    type: "end",
    status: "completed",
    step: 100,
    totalSteps: 100,
    tokens: 100_000,
    metrics: {},
    output: "runs/hh/adapter",
    seconds: 203,
  },
];

function train({ reporter, clock }: Bench): void {
  reporter.event(START);
  for (let number = 1; number <= 100; number++) {
    clock.milliseconds += 2000;
    reporter.event(step(number));
  }
  for (const event of AFTERWARDS) reporter.event(event);
  reporter.close();
}

describe("plain lines", () => {
  it("tell of the first step, the last, and one every ten seconds", async () => {
    const it = await bench();
    train(it);
    expect(it.stdout.text).toBe("");
    const lines = it.stderr.text.trimEnd().split("\n");
    expect(lines.slice(0, 4)).toEqual([
      "dpo: 100 steps, 12,345 examples, 1.2M of 135M parameters -> runs/hh",
      "step 1/100 (1%)  loss 0.6250  rewards/accuracies 0.5000  3m 18s left  500 tokens/s",
      "step 6/100 (6%)  loss 0.6250  rewards/accuracies 0.5000  3m 08s left  500 tokens/s",
      "step 11/100 (11%)  loss 0.6250  rewards/accuracies 0.5000  2m 58s left  500 tokens/s",
    ]);
    expect(lines).toHaveLength(1 + 20 + 1 + 6);
    expect(lines.slice(-7)).toEqual([
      "step 100/100 (100%)  loss 0.6250  rewards/accuracies 0.5000  0s left  500 tokens/s",
      "step 100: eval_loss 0.5000  eval_rewards/accuracies 0.7500 (500 held-out examples)",
      "step 100: checkpoint runs/hh/checkpoints/step-000100 (the best so far)",
      "step 100: Hello?",
      "  -> Hi\\x1b[2J!",
      "warning: 7 examples were cut [truncated-examples]",
      "done: step 100 of 100, 100,000 tokens in 3m 23s -> runs/hh/adapter",
    ]);
  });

  it("do not count the tokens before a resume into the rate", async () => {
    const { reporter, stderr } = await bench();
    reporter.event({
      type: "start",
      method: "sft",
      totalSteps: 100,
      examples: 10,
      resumedStep: 50,
    });
    reporter.event(step(51));
    reporter.event(step(52));
    reporter.event({ ...step(100), tokens: 54_000 });
    expect(stderr.text).toBe(
      "sft: 100 steps, 10 examples, going on from step 50\n" +
        "step 51/100 (51%)  loss 0.6250  rewards/accuracies 0.5000  1m 38s left\n" +
        "step 100/100 (100%)  loss 0.6250  rewards/accuracies 0.5000  0s left  750 tokens/s\n",
    );
  });

  it("do not fill a log: a line for every twentieth of the work, or for every five minutes of it", async () => {
    const { reporter, stderr, clock } = await bench();
    reporter.event({ type: "start", method: "sft", totalSteps: 20_000, examples: 10 });
    for (let number = 1; number <= 20_000; number++) {
      clock.milliseconds += 250;
      reporter.event({ ...step(number), totalSteps: 20_000 });
    }
    const short = stderr.text.match(/^step \d+/gm)!;
    expect(short).toEqual([
      "step 1",
      ...Array.from({ length: 19 }, (_, i) => `step ${1001 + 1000 * i}`),
      "step 20000",
    ]);
    stderr.text = "";
    reporter.event({ type: "start", method: "sft", totalSteps: 20_000, examples: 10 });
    for (let number = 1; number <= 20; number++) {
      clock.milliseconds += 100_000;
      reporter.event({ ...step(number), totalSteps: 20_000 });
    }
    expect(stderr.text.match(/^step \d+/gm)).toEqual([
      "step 1",
      "step 4",
      "step 7",
      "step 10",
      "step 13",
      "step 16",
      "step 19",
    ]);
  });

  it("tell of other work every ten seconds and at its end", async () => {
    const { reporter, stderr, clock } = await bench();
    const download = reporter.progress({
      title: "model.safetensors",
      total: 200_000_000,
      unit: "bytes",
    });
    for (const done of [1e6, 50e6, 100e6, 200e6]) {
      clock.milliseconds += 6000;
      download.update(done, "from the hub");
    }
    download.end();
    download.end();
    download.update(1);
    const open = reporter.progress({ title: "generating", unit: "tokens" });
    clock.milliseconds += 10_000;
    open.update(5000);
    open.end();
    expect(stderr.text).toBe(
      "model.safetensors: 50.0 MB of 200.0 MB (25%)  from the hub\n" +
        "model.safetensors: 200.0 MB of 200.0 MB (100%)  from the hub\n" +
        "model.safetensors: 200.0 MB in 24s\n" +
        "generating: 5,000 tokens\n" +
        "generating: 5,000 tokens in 10s\n",
    );
  });

  it("keep answers on standard output, byte for byte", async () => {
    const { reporter, stdout, stderr } = await bench();
    reporter.note("loading");
    reporter.write("bit ");
    reporter.write("by bit\u001b\n");
    reporter.result({ a: 1 }, "a table");
    expect([stdout.text, stderr.text]).toEqual(["bit by bit\u001b\na table\n", "loading\n"]);
  });
});

describe("--json", () => {
  it("prints every event, answer and note as one line on standard output", async () => {
    const it = await bench({ json: true });
    train(it);
    it.reporter.note("n");
    it.reporter.warn("id", "m");
    it.reporter.write("t");
    it.reporter.result({ answer: NaN }, "unused");
    const progress = it.reporter.progress({ title: "p", total: 9, unit: "examples" });
    progress.update(1);
    progress.update(2);
    it.clock.milliseconds += 1000;
    progress.update(3);
    progress.update(9);
    progress.end();
    expect(it.stderr.text).toBe("");
    const lines = it.stdout.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.slice(0, 2)).toEqual([START, step(1)]);
    expect(lines.slice(101, 106)).toEqual(AFTERWARDS);
    expect(lines.slice(106)).toEqual([
      { type: "note", message: "n" },
      { type: "warning", id: "id", message: "m" },
      { type: "text", text: "t" },
      { type: "result", answer: "NaN" },
      { type: "progress", title: "p", done: 1, total: 9, unit: "examples", final: false },
      { type: "progress", title: "p", done: 3, total: 9, unit: "examples", final: false },
      { type: "progress", title: "p", done: 9, total: 9, unit: "examples", final: true },
    ]);
  });
});

describe("--quiet", () => {
  it("prints results and warnings alone", async () => {
    const it = await bench({ quiet: true });
    train(it);
    it.reporter.note("n");
    it.reporter.progress({ title: "p", unit: "x" }).end();
    it.reporter.result({}, "r");
    expect([it.stdout.text, it.stderr.text]).toEqual([
      "r\n",
      "warning: 7 examples were cut [truncated-examples]\n",
    ]);
  });
});

describe("words from outside", () => {
  const HOSTILE = "it said \u001b[2J\u009b31m\u0007\u007fNO";
  // oxlint-disable-next-line no-control-regex
  const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

  it.each([{}, { quiet: true }, { json: true }])(
    "steer no log and no terminal, and JSON stays JSON (%o)",
    async (options) => {
      const { reporter, stdout, stderr } = await bench(options);
      reporter.note(HOSTILE);
      reporter.warn("words", HOSTILE);
      reporter.event({ type: "warning", id: "words", message: HOSTILE });
      reporter.event({ type: "sample", step: 1, prompt: HOSTILE, completion: HOSTILE });
      const progress = reporter.progress({ title: HOSTILE, unit: "answers" });
      progress.update(1, HOSTILE);
      progress.end();
      reporter.close();
      for (const error of [
        new AttuneError("network", `the server answered ${HOSTILE}`, { got: HOSTILE }),
        new Error(HOSTILE),
      ]) {
        expect(
          reportError(error, { stdout, stderr, json: reporter.mode === "json" }),
        ).toBeGreaterThan(0);
      }
      expect(stdout.text + stderr.text).toContain("NO");
      expect(`${stdout.text}${stderr.text}`).not.toMatch(STEERING);
      for (const line of stdout.text.split("\n").slice(0, -1))
        expect(JSON.stringify(JSON.parse(line))).toContain(
          "it said \\u001b[2J\u009b31m\\u0007\u007fNO",
        );
    },
  );

  it("steer no terminal beside its bar either", async () => {
    const { reporter, stderr } = await bench({ terminal: true });
    const progress = reporter.progress({ title: HOSTILE, total: 2, unit: "answers" });
    reporter.note(HOSTILE);
    progress.update(1, HOSTILE);
    progress.end();
    reporter.close();
    expect(stderr.text).toContain("\\x1b[2J\\x9b31m\\x07\\x7fNO");
    expect(stderr.text).not.toContain("\u009b31m");
    expect(stderr.text).not.toContain("it said \u001b");
  });
});
