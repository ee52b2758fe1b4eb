/**
 * A reward that a program checks: sums, answered with the number only.
 *
 *   node examples/start.mjs verifiable-reward tasks [FOLDER]             writes train.jsonl and held-out.jsonl
 *   node examples/start.mjs verifiable-reward judge FOLDER MODEL RUN     how many held-out sums each gets right, paired
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../src/core/errors.ts";
import { formatPoints, formatShare, formatTable } from "../../src/evaluation/table.ts";
import { openModel } from "../../src/models/open.ts";
import { writeFileAtomic } from "../../src/runs/files.ts";
import { readJsonLines } from "../../src/runs/json-lines.ts";
import { GREEDY, generate } from "../../src/sampling/generate.ts";
import { pairedShareDifference } from "../../src/stats/paired.ts";
import { wilson } from "../../src/stats/intervals.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import reward from "./reward.ts";
import type { Task } from "./tasks.ts";
import { sums } from "./tasks.ts";

const SEED = 1;
const [command, folder = join("runs", "sums"), ...models] = process.argv.slice(2);

function writeTasks(): void {
  mkdirSync(folder, { recursive: true });
  const { train, heldOut } = sums(SEED);
  for (const [name, tasks] of [
    ["train", train],
    ["held-out", heldOut],
  ] as const) {
    writeFileAtomic(
      join(folder, `${name}.jsonl`),
      tasks.map((task) => `${JSON.stringify(task)}\n`).join(""),
    );
    console.log(`${tasks.length} sums -> ${join(folder, `${name}.jsonl`)}`);
  }
}

/** Scores of greedy answers to the held-out sums. */
async function scores(path: string, tasks: readonly Task[]): Promise<number[]> {
  const { model, tokenizer } = await openModel(path);
  const encoder = createEncoder(tokenizer, { maxLength: 128 });
  const answers = await generate(
    model,
    encoder,
    tasks.map(({ prompt }) => encoder.encodePrompt(prompt)),
    { ...GREEDY, maxNewTokens: 24 },
  );
  return Promise.all(
    answers.map(({ text }, index) =>
      reward({
        prompt: "",
        completion: text,
        stopped: true,
        messages: tasks[index]!.prompt,
        extra: { sum: tasks[index]!.sum },
      }),
    ),
  );
}

async function judge(): Promise<void> {
  const [before, after] = models;
  if (before === undefined || after === undefined)
    throw new AttuneError("usage", "two models are compared", {
      got: String(models.length),
      expected: "judge FOLDER MODEL RUN",
    });
  const tasks = readJsonLines(join(folder, "held-out.jsonl")) as unknown as Task[];
  const [first, second] = [await scores(before, tasks), await scores(after, tasks)];
  const row = (title: string, holds: (score: number) => boolean): string[] => {
    const [a, b] = [first.map(holds), second.map(holds)];
    const share = (each: readonly boolean[]): string =>
      formatShare(wilson(each.filter(Boolean).length, each.length));
    return [title, share(a), share(b), formatPoints(pairedShareDifference(b, a))];
  };
  const right = "right" as const;
  console.log(
    formatTable({
      caption: `${tasks.length} held-out sums, greedy answers, [95%]`,
      columns: [
        { name: "" },
        { name: before, align: right },
        { name: after, align: right },
        { name: "difference, points", align: right },
      ],
      rows: [
        row("the right number alone", (score) => score === 1),
        row("the right number last", (score) => score > 0),
      ],
    }),
  );
}

if (command === "tasks") writeTasks();
else if (command === "judge") await judge();
else
  throw new AttuneError("usage", "no such command", {
    got: command ?? "nothing",
    expected: "tasks or judge",
  });
