import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { createReporter } from "./output.ts";
import { TextSink } from "../testing.ts";

/** What was written, in lines as they were drawn, without control sequences. */
function drawn(sink: TextSink): string[] {
  // oxlint-disable-next-line no-control-regex
  return stripVTControlCharacters(sink.text.replaceAll(/\u001b\[\d*G/g, "\n"))
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

it("shows training as a bar, with everything else above it", async () => {
  const [stdout, stderr] = [new TextSink(true), new TextSink(true)];
  const reporter = await createReporter({ json: false, quiet: false, stdout, stderr });
  expect(reporter.mode).toBe("terminal");
  reporter.event({ type: "start", method: "dpo", totalSteps: 4, examples: 8, resumedStep: 2 });
  reporter.event({
    type: "step",
    step: 3,
    totalSteps: 4,
    tokens: 900,
    metrics: { loss: 0.625 },
    seconds: 2,
  });
  reporter.event({
    type: "step",
    step: 4,
    totalSteps: 4,
    tokens: 1000,
    metrics: { loss: 0.5 },
    seconds: 2,
  });
  reporter.warn("truncated", "cut \u001b[31m");
  reporter.event({
    type: "end",
    status: "completed",
    step: 4,
    totalSteps: 4,
    tokens: 1000,
    metrics: {},
    seconds: 4,
  });
  reporter.result({}, "answer\u001b[2J");
  const lines = drawn(stderr);
  expect(lines[0]).toBe("dpo: 4 steps, 8 examples, going on from step 2");
  expect(lines[1]).toBe("██████████░░░░░░░░░░ 2/4");
  expect(lines).toContain("warning: cut \\x1b[31m [truncated]");
  expect(lines.at(-2)).toBe("████████████████████ 4/4  0s left  50 tokens/s  loss 0.5000");
  expect(lines.at(-1)).toBe("done: step 4 of 4, 1,000 tokens in 4s");
  // an absolute position would be wrong once lines were printed above the bar
  expect(stderr.text).not.toContain("\u001b7");
  expect(stderr.text.lastIndexOf("\u001b[?25h")).toBeGreaterThan(
    stderr.text.lastIndexOf("\u001b[?25l"),
  );
  expect(stdout.text).toBe("answer\\x1b[2J\n");
});

it("drops whole metrics from the end where the terminal is too narrow for all", async () => {
  const metrics = { loss: 0.625, "rewards/accuracies": 0.5, "rewards/margins": 0.25 };
  const lastLine = async (columns: number): Promise<string> => {
    const stderr = new TextSink(true, columns);
    const reporter = await createReporter({
      json: false,
      quiet: false,
      stdout: new TextSink(true),
      stderr,
    });
    reporter.event({
      type: "start",
      method: "dpo",
      totalSteps: 4000,
      examples: 8,
      resumedStep: 1000,
    });
    reporter.event({
      type: "step",
      step: 2000,
      totalSteps: 4000,
      tokens: 1000,
      metrics,
      seconds: 2,
    });
    reporter.event({
      type: "step",
      step: 2001,
      totalSteps: 4000,
      tokens: 2000,
      metrics,
      seconds: 2,
    });
    reporter.close();
    return drawn(stderr).at(-1)!;
  };
  const head = "██████████░░░░░░░░░░ 2001/4000  1h 06m left  500 tokens/s";
  expect(await lastLine(80)).toBe(`${head}  loss 0.6250  …`);
  expect(await lastLine(110)).toBe(`${head}  loss 0.6250  rewards/accuracies 0.5000  …`);
  expect(await lastLine(130)).toBe(
    `${head}  loss 0.6250  rewards/accuracies 0.5000  rewards/margins 0.2500`,
  );
});

it("keeps the bar of all stages while a trainer begins and ends below it, and an answer comes", async () => {
  const [stdout, stderr] = [new TextSink(true), new TextSink(true)];
  const reporter = await createReporter({ json: false, quiet: false, stdout, stderr });
  const all = reporter.progress({ title: "all stages", total: 14, unit: "stages", even: false });
  all.update(3.5, ["about 2m 00s left"]);
  reporter.event({ type: "start", method: "dpo", totalSteps: 4, examples: 8 });
  reporter.event({
    type: "step",
    step: 4,
    totalSteps: 4,
    tokens: 1000,
    metrics: { loss: 0.5 },
    seconds: 2,
  });
  reporter.event({
    type: "end",
    status: "completed",
    step: 4,
    totalSteps: 4,
    tokens: 1000,
    metrics: {},
    seconds: 4,
  });
  reporter.result({}, "a table");
  all.update(4, ["about 1m 00s left"]);
  all.end();
  const lines = drawn(stderr);
  expect(lines).toContain("all stages █████░░░░░░░░░░░░░░░ 25%  about 2m 00s left  3 of 14 stages");
  expect(lines).toContain("a table");
  expect(lines.at(-1)).toMatch(/^all stages █{6}░{14} 28% {2}\d+s {2}4 of 14 stages$/);
});

it("shows other work with an amount, and what is left where the total is known", async () => {
  const [stdout, stderr] = [new TextSink(true), new TextSink(true)];
  const reporter = await createReporter({ json: false, quiet: false, stdout, stderr });
  const download = reporter.progress({ title: "model", total: 2_000_000, unit: "bytes" });
  download.update(1_000_000, "from the hub");
  download.end();
  const generation = reporter.progress({ title: "generating", unit: "tokens" });
  generation.update(12);
  // an answer ends the display
  reporter.write("Hi");
  generation.update(13);
  generation.end();
  reporter.close();
  const lines = drawn(stderr);
  expect(lines).toContainEqual(expect.stringMatching(/^model █{10}░{10} 50% {2}1\.0 MB {2}\d+s$/));
  expect(lines.at(-1)).toMatch(/^generating: 12 tokens/);
  expect(stdout.text).toBe("Hi");
});
