import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import { repositoryRoot } from "../../../tests/support/shared.ts";
import { isAnswersPath, readAnswers } from "./read.ts";
import { readZip } from "./zip.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const golden = join(repositoryRoot, "src/evaluation/answer-files/golden");
const lines = (...rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

describe("attune's own", () => {
  test("prompts and answers under their usual names, texts or messages", async () => {
    const file = folder.write(
      "own.jsonl",
      lines(
        { prompt: "1 + 1?", completion: "2", category: "sums", id: "a", tokens: 3 },
        { prompt: [{ role: "user", content: "Who?" }], answer: "I", stopped: false },
        {
          messages: [
            { role: "user", content: "Hi" },
            { role: "assistant", content: "Ho" },
          ],
        },
        { prompt: "nobody answers", completion: null },
      ),
    );
    const { sets, notes, format, metrics } = await readAnswers(file);
    expect(format).toBe("attune");
    expect(metrics).toEqual([]);
    expect(sets).toHaveLength(1);
    expect(sets[0]).toMatchObject({ name: "own", source: file });
    expect(sets[0]!.answers).toMatchObject([
      { prompt: "1 + 1?", text: "2", key: "a", tokens: 3, columns: { category: "sums" } },
      { prompt: [{ role: "user", content: "Who?" }], text: "I", stopped: false },
      { prompt: [{ role: "user", content: "Hi" }], text: "Ho" },
    ]);
    expect(notes).toEqual([
      "the column category is no part of an answer, and kept for --group and functions that judge " +
        `(1 row, the first at ${file}:1)`,
      `left out: rows without an answer (1 row, the first at ${file}:4)`,
    ]);
  });

  test("what `attune generate --json` prints, notes and progress among it", async () => {
    const file = folder.write(
      "generated.jsonl",
      lines(
        { type: "note", message: "chat template: none" },
        { type: "progress", title: "generating", done: 1, total: 2, unit: "answers" },
        {
          type: "result",
          ids: [1, 2],
          text: "2",
          finish: "length",
          sample: 0,
          prompt: 0,
          promptText: "1 + 1?",
        },
      ),
    );
    const { sets } = await readAnswers(file);
    expect(sets[0]!.answers).toMatchObject([
      { prompt: "1 + 1?", text: "2", tokens: 2, stopped: false },
    ]);
  });

  test("several models in one file are told apart, and one may be taken", async () => {
    const file = folder.write(
      "models.jsonl",
      lines(
        { prompt: "p", completion: "a", model: "one", score: 1 },
        { prompt: "p", completion: "b", model: "two", score: 0.5 },
      ),
    );
    const { sets, metrics } = await readAnswers(file);
    expect(sets.map(({ name, source }) => [name, source])).toEqual([
      ["one", `${file}#one`],
      ["two", `${file}#two`],
    ]);
    expect(metrics).toEqual(["score"]);
    expect((await readAnswers(`${file}#two`)).sets.map(({ name }) => name)).toEqual(["two"]);
    expect(await folder.refusal(() => readAnswers(`${file}#twu`))).toMatch(/did you mean two/);
  });
});

describe("AlpacaEval's", () => {
  test("model outputs", async () => {
    const rows = [
      { instruction: "Name a fruit", output: "Fig", generator: "small", dataset: "koala" },
      { instruction: "Name a tree", output: "Oak", generator: "large", dataset: "koala" },
    ];
    const file = folder.write("outputs.json", JSON.stringify(rows));
    const { sets, format, notes } = await readAnswers(file);
    expect(format).toBe("alpaca-eval outputs");
    expect(sets.map(({ name, answers }) => [name, answers[0]!.text])).toEqual([
      ["small", "Fig"],
      ["large", "Oak"],
    ]);
    expect(sets[0]!.answers[0]!.prompt).toEqual([{ role: "user", content: "Name a fruit" }]);
    expect(notes).toEqual([
      "the column dataset is no part of an answer, and kept for --group and functions that judge " +
        `(2 rows, the first at ${file}:1)`,
    ]);
  });

  test("annotations: both answers once, and every vote", async () => {
    const row = {
      instruction: "Name a fruit",
      output_1: "Fig",
      generator_1: "small",
      output_2: "Figs are fruit.",
      generator_2: "large",
    };
    const file = folder.write(
      "annotations.json",
      JSON.stringify([
        { ...row, annotator: 1, preference: 2 },
        { ...row, annotator: 2, preference: 1.5 },
        { ...row, output_2: "Fig", annotator: 2, preference: 1.5 },
        { ...row, annotator: 3, preference: null },
      ]),
    );
    const { sets, votes, notes } = await readAnswers(file);
    expect(sets.map(({ name, answers }) => [name, answers.map(({ text }) => text)])).toEqual([
      ["small", ["Fig", "Fig"]],
      ["large", ["Figs are fruit.", "Fig"]],
    ]);
    expect(votes.map(({ p, models }) => [p, models!.chosen])).toEqual([
      [1, "large"],
      [0.5, "small"],
      [0.5, "small"],
    ]);
    expect(notes.join()).toMatch(/left out: .*1 row/);
  });
});

test("Arena battles: answers of both, the vote, the session", async () => {
  const battle = (winner: string, answer: string): object => ({
    model_a: "gpt",
    model_b: "claude",
    winner,
    evaluation_session_id: "s1",
    conversation_a: [
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      { role: "assistant", content: [{ type: "text", text: answer }] },
    ],
    conversation_b: [
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      { role: "assistant", content: [{ type: "text", text: "Ho" }] },
    ],
  });
  const file = folder.write(
    "battles.jsonl",
    lines(battle("model_b", "He"), battle("both_bad", "Ha")),
  );
  const { sets, votes } = await readAnswers(file);
  expect(sets.map(({ name, answers }) => [name, answers.length])).toEqual([
    ["gpt", 2],
    ["claude", 2],
  ]);
  expect(sets[1]!.answers[0]).toMatchObject({ text: "Ho", cluster: "s1" });
  expect(votes.map(({ p }) => p)).toEqual([1, 0.5]);
});

describe("lm-evaluation-harness", () => {
  const sample = (id: number, likelihoods: readonly [number, number], acc: number): object => ({
    doc_id: id,
    doc: { question: `q${id}`, category: "sums" },
    target: 0,
    arguments: {
      gen_args_0: { arg_0: `Q: q${id}\nA:`, arg_1: " yes" },
      gen_args_1: { arg_0: `Q: q${id}\nA:`, arg_1: " certainly not" },
    },
    resps: likelihoods.map((each) => [[String(each), "False"]]),
    filtered_resps: likelihoods.map((each) => [String(each), "False"]),
    filter: "none",
    metrics: ["acc", "acc_norm"],
    acc,
    acc_norm: 1 - acc,
    doc_hash: "x",
    prompt_hash: "y",
    target_hash: "z",
  });

  test("a folder of logs: the model, tasks and the last run of each", async () => {
    const place = join(folder.path, "org__tiny");
    mkdirSync(place);
    const write = (name: string, ...rows: object[]): string =>
      folder.write(join("org__tiny", name), lines(...rows));
    write("samples_quiz_2026-01-01T00-00-00.000001.jsonl", sample(9, [-1, -2], 1));
    write(
      "samples_quiz_2026-01-02T00-00-00.000001.jsonl",
      sample(1, [-2, -3], 1),
      sample(2, [-9, -3], 0),
    );
    write("samples_sums_2026-01-02T00-00-00.000001.jsonl", {
      ...sample(1, [0, 0], 1),
      arguments: [["1 + 1 =", { until: ["\n"] }]],
      resps: [[" 2"]],
      filtered_resps: ["2"],
      metrics: ["exact_match"],
      exact_match: 1,
    });
    expect(isAnswersPath(place)).toBe(true);
    const { sets, metrics, notes } = await readAnswers(place);
    expect(sets.map(({ name }) => name)).toEqual(["org/tiny"]);
    expect(metrics).toEqual(["acc", "acc_norm", "exact_match"]);
    expect(
      sets[0]!.answers.map(({ text, columns }) => [text, columns!["task"], columns!["acc"]]),
    ).toEqual([
      ["yes", "quiz", 1],
      ["certainly not", "quiz", 0],
      [" 2", "sums", 1],
    ]);
    expect(sets[0]!.answers[0]).toMatchObject({ prompt: "Q: q1\nA:", key: "1" });
    expect(notes.join("\n")).toMatch(/several runs of quiz .* read is the last/);
    // the name that the harness was given
    write("results_2026.json", { model_name: "org/tiny-model", results: {} });
    expect((await readAnswers(place)).sets[0]!.name).toBe("org/tiny-model");
  });

  test("acc_norm divides by the characters of a choice", async () => {
    const file = folder.write("norm.jsonl", lines(sample(1, [-2, -3], 1)));
    const text = async (metric?: string): Promise<string> =>
      (await readAnswers(file, { metric })).sets[0]!.answers[0]!.text;
    expect(await text()).toBe("yes");
    // -2 / 3 against -3 / 13
    expect(await text("acc_norm")).toBe("certainly not");
  });

  test("of several filters one is read, which is said", async () => {
    const rows = ["strict", "flexible"].map((filter, acc) => ({
      ...sample(1, [-1, -2], acc),
      filter,
    }));
    const file = folder.write("filters.jsonl", lines(...rows));
    const read = await readAnswers(file);
    expect(read.sets[0]!.answers.map(({ columns }) => columns!["acc"])).toEqual([0]);
    expect(read.notes.join()).toMatch(/strict, flexible: read is strict/);
    const other = await readAnswers(file, { metric: "acc,flexible" });
    expect(other.sets[0]!.answers.map(({ columns }) => columns!["acc"])).toEqual([1]);
  });
});

describe("logs that lm_eval itself wrote", () => {
  const read = async (metric?: string): ReturnType<typeof readAnswers> =>
    readAnswers(join(golden, "lm-eval"), { metric });

  test.each(["acc", "acc_norm"])("the answer is the one that its %s counts", async (metric) => {
    const { sets, metrics } = await read(metric);
    // lm_eval names a model without arguments by chance
    expect(sets.map(({ name }) => name)).toEqual([expect.stringMatching(/^\w+$/)]);
    expect(metrics).toEqual(["acc", "acc_norm", "exact_match"]);
    const answers = sets[0]!.answers.filter(({ columns }) => columns!["task"] === "tiny_choice");
    expect(answers).toHaveLength(12);
    for (const { text, columns } of answers) {
      const right = ["yes", "certainly not", "no"][Number(columns!["target"])];
      expect([text, columns![metric]]).toEqual([text, text === right ? 1 : 0]);
    }
  });

  test("and what was written", async () => {
    const { sets } = await read();
    const written = sets[0]!.answers.filter(({ columns }) => columns!["task"] === "tiny_text");
    expect(written).toHaveLength(12);
    expect(written[0]).toMatchObject({
      prompt: "Q: Is 0 even?\nA:",
      text: expect.any(String),
      key: "0",
      columns: { exact_match: 0, category: "sums" },
    });
  });
});

describe("Inspect AI", () => {
  test.each(["tiny.eval", "tiny.json"])("%s, as Inspect wrote it", async (name) => {
    const { sets, metrics, format } = await readAnswers(join(golden, name));
    expect(format).toBe("inspect");
    expect(metrics).toEqual(["includes"]);
    expect(sets.map((set) => set.name)).toEqual(["mockllm/small"]);
    const { answers } = sets[0]!;
    expect(
      answers.map(({ key, text, columns }) => [key, text, columns!["includes"]]).toSorted(),
    ).toEqual([
      ["2/1", expect.any(String), expect.any(Number)],
      ["2/2", expect.any(String), expect.any(Number)],
      ["one/1", expect.any(String), expect.any(Number)],
      ["one/2", expect.any(String), expect.any(Number)],
    ]);
    expect(answers.map(({ text }) => text).toSorted()).toEqual([
      "2",
      "I do not know",
      "It is 3",
      "Romans",
    ]);
    const romans = answers.find(({ text }) => text === "Romans")!;
    expect(romans).toMatchObject({
      prompt: [{ role: "user", content: "Who lives in Rome?" }],
      tokens: 2,
      stopped: true,
      cluster: "tiny/2",
      columns: { includes: 1, target: "Romans" },
    });
    const sum = answers.find(({ text }) => text === "2")!;
    expect(sum).toMatchObject({
      prompt: "What is 1 + 1?",
      columns: { category: "sums", includes: 1 },
    });
  });

  test("the same whatever the form", async () => {
    const [packed, plain] = await Promise.all(
      ["tiny.eval", "tiny.json"].map((name) => readAnswers(join(golden, name))),
    );
    const told = (read: typeof packed): unknown =>
      read!.sets[0]!.answers.map((answer) => ({ ...answer, place: undefined })).toSorted((a, b) =>
        a.key! < b.key! ? -1 : 1,
      );
    expect(told(packed)).toEqual(told(plain));
  });

  test("a folder of logs, and an archive that was cut off", async () => {
    const place = join(folder.path, "logs");
    for (const name of ["tiny.eval", "tiny.json"]) cpSync(join(golden, name), join(place, name));
    expect((await readAnswers(place)).sets[0]!.answers).toHaveLength(8);
    const cut = folder.write("cut.eval", Buffer.from("PK\u0003\u0004 no end"));
    expect(await folder.refusal(() => readAnswers(cut))).toMatch(/its end is missing/);
  });
});

test("files that are deflated or stored are read too", () => {
  const part = (
    name: string,
    text: string,
    deflated: boolean,
  ): { local: Buffer; entry: (offset: number) => Buffer } => {
    const plain = Buffer.from(text);
    const packed = deflated ? deflateRawSync(plain) : plain;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const entry = (offset: number): Buffer => {
      const head = Buffer.alloc(46);
      head.writeUInt32LE(0x02014b50, 0);
      head.writeUInt16LE(deflated ? 8 : 0, 10);
      head.writeUInt32LE(packed.length, 20);
      head.writeUInt32LE(plain.length, 24);
      head.writeUInt16LE(name.length, 28);
      head.writeUInt32LE(offset, 42);
      return Buffer.concat([head, Buffer.from(name)]);
    };
    return { local: Buffer.concat([local, Buffer.from(name), packed]), entry };
  };
  const [one, two] = [part("a.json", '{"a":1}', true), part("b.json", "{}", false)];
  const entries = Buffer.concat([one.entry(0), two.entry(one.local.length)]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(2, 10);
  end.writeUInt32LE(one.local.length + two.local.length, 16);
  const path = folder.write("own.zip", Buffer.concat([one.local, two.local, entries, end]));
  expect(readZip(path).map((file) => [file.name, file.text()])).toEqual([
    ["a.json", '{"a":1}'],
    ["b.json", "{}"],
  ]);
});

describe("refused, with file and row:", () => {
  test("a file without answers", async () => {
    const file = folder.write("prompts.jsonl", lines({ prompt: "only" }));
    const message = await folder.refusal(() => readAnswers(file));
    expect(message).toMatch(/^prompts\.jsonl:1: .*no answers in a known format/);
    expect(message).toMatch(/AlpacaEval's model outputs/);
  });

  test("battles without what was said", async () => {
    const battle = { model_a: "a", model_b: "b", winner: "tie", judge: "j" };
    const file = folder.write("battles.jsonl", lines(battle));
    expect(await folder.refusal(() => readAnswers(file))).toMatch(
      /^battles\.jsonl:1: .*these battles hold no answers[^]*conversation_a and conversation_b/,
    );
  });

  test("an answer that is no text", async () => {
    const file = folder.write(
      "number.jsonl",
      lines({ prompt: "p", completion: "a" }, { prompt: "p", completion: 3 }),
    );
    expect(await folder.refusal(() => readAnswers(file))).toMatch(/^number\.jsonl:2: .*completion/);
  });

  test("an empty file, and none", async () => {
    const file = folder.write("empty.jsonl", "");
    expect(await folder.refusal(() => readAnswers(file))).toMatch(/no rows/);
    expect(await folder.refusal(() => readAnswers(join(folder.path, "nowhere.jsonl")))).toMatch(
      /no such file/,
    );
  });
});
