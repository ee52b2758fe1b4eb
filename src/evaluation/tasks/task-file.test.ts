import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import type { ContinuationRequest, Subject } from "../subject.ts";
import { prepareTask, runTask } from "./run-task.ts";
import { taskFindings, taskWarnings } from "./task-findings.ts";
import { readTaskFiles } from "./task-file.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-task-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

const DATA = [
  "dataset_path: json",
  "dataset_kwargs:",
  "  data_files:",
  "    test: data.jsonl",
  "test_split: test",
];
const CHOICE = [
  "output_type: multiple_choice",
  "doc_to_text: question",
  "doc_to_choice: choices",
  "doc_to_target: answer",
];
write("data.jsonl", [
  '{"question": "One?", "choices": ["yes", "no"], "answer": 0}',
  '{"question": "Two?", "choices": ["yes", "no"], "answer": 1}',
  '{"question": "Three?", "choices": ["yes", "no"], "answer": 7}',
]);

const OPTIONS = { limit: 0, fewshotSeed: 1234, seed: 0 };

/** What went wrong, with its place. */
async function failure(lines: readonly string[]): Promise<string> {
  const file = write("wrong.yaml", lines);
  try {
    await prepareTask(readTaskFiles([file]).tasks[0]!, OPTIONS);
  } catch (error) {
    if (error instanceof AttuneError) return error.message.replaceAll(`${folder}/`, "");
    throw error;
  }
  return "nothing";
}

describe("a task file is refused", () => {
  test.each<[string, string[], string[]]>([
    [
      "where it names Python, with the line",
      ["task: a", ...DATA, ...CHOICE, "process_docs: !function utils.process"],
      ["wrong.yaml:11", "attune runs none", "!function"],
    ],
    [
      "where documents are processed by a class or a name",
      ["task: a", ...DATA, ...CHOICE, "process_docs: utils.process"],
      ["does not read process_docs", "data_files"],
    ],
    [
      "where it reads a hub",
      ["task: a", "dataset_path: allenai/ai2_arc", ...DATA.slice(1), ...CHOICE],
      ["local files", "dataset_path: allenai/ai2_arc"],
    ],
    [
      "for a key that is misspelt",
      ["task: a", ...DATA, ...CHOICE, "num_fewshots: 2"],
      ["did you mean num_fewshot?"],
    ],
    [
      "for a metric that does not exist",
      ["task: a", ...DATA, ...CHOICE, "metric_list: [{ metric: rouge }]"],
      ["metric_list.0.metric", "rouge", "acc_norm"],
    ],
    [
      "for a metric of another kind of task",
      ["task: a", ...DATA, ...CHOICE, "metric_list: [{ metric: word_perplexity }]"],
      ["no metric of this kind of task"],
    ],
    [
      "for choices that YAML reads as true and false",
      [
        "task: a",
        ...DATA,
        ...CHOICE.slice(0, 2),
        "doc_to_choice: [no, yes]",
        "doc_to_target: answer",
      ],
      ["doc_to_choice"],
    ],
    [
      "for a template that names no column",
      ["task: a", ...DATA, ...CHOICE.slice(0, 1), 'doc_to_text: "{{quesion}}"', ...CHOICE.slice(2)],
      ["fails on document 1", "'quesion' is undefined"],
    ],
    [
      "for choices that are no list",
      [
        "task: a",
        ...DATA,
        ...CHOICE.slice(0, 2),
        "doc_to_choice: question",
        "doc_to_target: answer",
      ],
      ["document 1", "no list of texts"],
    ],
    [
      "for a file that is not there",
      ["task: a", ...DATA.slice(0, 3), "    test: none.jsonl", "test_split: test", ...CHOICE],
      ["a data file of the task is not there", "none.jsonl"],
    ],
    [
      "for a split without files",
      ["task: a", ...DATA.slice(0, 4), "test_split: validation", ...CHOICE],
      ["no files for a split", "validation"],
    ],
    [
      "for more examples than there are",
      ["task: a", ...DATA, ...CHOICE, "fewshot_split: test", "num_fewshot: 3"],
      ["too few documents", "2 beside the one that is asked"],
    ],
    [
      "for several answers to a document",
      ["task: a", ...DATA, ...CHOICE, "repeats: 3"],
      ["repeats"],
    ],
    ["for what is no YAML", ["task: [a"], ["no YAML"]],
    [
      "for a pattern of Python alone",
      [
        "task: a",
        ...DATA,
        "doc_to_text: question",
        "doc_to_target: question",
        'filter_list: [{ name: f, filter: [{ function: regex, regex_pattern: "a(?>b)" }] }]',
      ],
      ["nothing"],
    ],
  ])("%s", async (_, lines, said) => {
    const message = await failure(lines);
    for (const each of said) expect(message).toContain(each);
  });

  test("where files include each other, or a group names what is not there", () => {
    const one = write("one.yaml", ["include: two.yaml", "task: one"]);
    write("two.yaml", ["include: one.yaml"]);
    expect(() => readTaskFiles([one])).toThrow("include each other");
    const group = write("group.yaml", ["group: g", "task: [tas]"]);
    write("task.yaml", ["task: task", ...DATA, ...CHOICE]);
    expect(() => readTaskFiles([group])).toThrow("did you mean task?");
  });
});

describe("a task file", () => {
  test("takes what it includes and what a group changes, each task once", () => {
    write("base.yaml", ["task: base", ...DATA, ...CHOICE, "num_fewshot: 1"]);
    write("child.yaml", ["include: base.yaml", "task: child", "num_fewshot: 2"]);
    const group = write("all.yaml", [
      "group: all",
      "task:",
      "  - base",
      "  - task: child",
      "    num_fewshot: 0",
    ]);
    const { tasks, groups } = readTaskFiles([group, join(folder, "base.yaml")]);
    expect(tasks.map(({ fields }) => [fields.task, fields.num_fewshot])).toEqual([
      ["base", 1],
      ["child", 0],
    ]);
    expect(groups[0]!.tasks).toEqual(["base", "child"]);
  });

  test("counts by hand: what is likelier, what is likelier for its length, what is no choice", async () => {
    const logps: Record<string, number> = {
      "One? yes": -2,
      "One? no": -1.9,
      "Two? no": -1,
      "Two? yes": -3,
    };
    const subject: Subject = {
      name: "fake",
      fingerprint: "fake",
      answer: () => Promise.resolve([]),
      score: (requests: readonly ContinuationRequest[]) =>
        Promise.resolve(
          requests.map(({ prompt, continuation }) => ({
            logProbability: logps[prompt + continuation] ?? -5,
            tokens: 1,
            greedy: false,
          })),
        ),
      close: () => Promise.resolve(),
    };
    const file = write("counted.yaml", ["task: counted", ...DATA, ...CHOICE]);
    const [task] = readTaskFiles([file]).tasks;
    const result = await runTask(await prepareTask(task!, OPTIONS), subject, { seed: 0 });
    // acc: no, no; by characters -2/3 is above -1.9/2; the third has no right choice
    expect(result.metrics.map(({ metric, counts }) => [metric, counts])).toEqual([
      ["acc", [0, 1, 0]],
      ["acc_norm", [1, 1, 0]],
    ]);
    const [finding] = taskFindings([result], []);
    expect(finding!.answer).toContain("on 3 documents. Guessing is right on 50.0%.");
    expect(taskWarnings([result])[0]).toContain("1 document the target is none of the choices");
  });

  test("asks no model that tells no log-probabilities", async () => {
    const mute: Subject = {
      name: "mute",
      fingerprint: "mute",
      answer: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };
    const [task] = readTaskFiles([join(folder, "counted.yaml")]).tasks;
    await expect(
      prepareTask(task!, OPTIONS).then((each) => runTask(each, mute, { seed: 0 })),
    ).rejects.toThrow("no log-probabilities");
  });
});
