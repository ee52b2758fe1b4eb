/** Which columns are the prompt and the model's answer where several may be. */
import { afterAll, expect, test } from "vitest";
import { testFolder } from "../../data/testing.ts";
import { readAnswers } from "./read.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const lines = (...rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

test("Alpaca's instruction and input are one prompt, and what is dropped is said", async () => {
  const file = folder.write(
    "alpaca.jsonl",
    lines(
      { instruction: "Translate.", input: "Baum", response: "tree", context: "German" },
      { instruction: "Name a fruit.", input: "", response: "Fig" },
      { instruction: "Add.", input: "1, 2", output: "3", response: "4" },
      { prompt: "Sum?", input: "5", completion: "6" },
    ),
  );
  const { sets, notes } = await readAnswers(file);
  const user = (content: string) => [{ role: "user", content }];
  expect(sets[0]!.answers.map(({ prompt, text }) => [prompt, text])).toEqual([
    [user("Translate.\nBaum"), "tree"],
    [user("Name a fruit."), "Fig"],
    [user("Add.\n1, 2"), "4"],
    ["Sum?", "6"],
  ]);
  const told = notes.join("\n");
  for (const what of [
    "the column context is no part of an answer",
    "the column output is no part of an answer",
    "the column input is no part of an answer",
    "the model's answer is taken from response, and not from output",
  ])
    expect(told).toContain(what);
  expect(told).not.toContain("the column instruction is no part of an answer");
});

test.each(["response", "output", "completion", "generation"])(
  "%s is the model's where answer stands beside it, which is said",
  async (name) => {
    const file = folder.write(
      "reference.jsonl",
      lines({ question: "1 + 1?", answer: "2", [name]: "3" }, { question: "2?", answer: "2" }),
    );
    const { sets, notes } = await readAnswers(file);
    expect(sets[0]!.answers.map(({ text }) => text)).toEqual(["3", "2"]);
    expect(sets[0]!.answers[0]!.columns).toEqual({ answer: "2" });
    expect(notes.join("\n")).toContain(
      `the model's answer is taken from ${name}, and not from answer (1 row, the first at ${file}:1)`,
    );
  },
);
