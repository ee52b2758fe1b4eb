import { expect, test } from "vitest";
import type { Row } from "../../data/readers/row.ts";
import { scriptedSubject } from "../behaviour/testing.ts";
import { instructionFollowing } from "./instruction-following.ts";

const OPTIONS = { maxNewTokens: 50, temperature: 0, seed: 1 };

function row(prompt: string, ids: string[], kwargs: unknown[]): Row {
  return {
    columns: { key: 1, prompt, instruction_id_list: ids, kwargs },
    place: { file: "ifeval.jsonl", row: 1 },
  };
}

const COMMA = "punctuation:no_comma";
const BULLETS = "detectable_format:number_bullet_lists";
const rows = [
  row("a", [COMMA], [{ num_bullets: null }]),
  row("b", [COMMA, BULLETS], [{}, { num_bullets: 2 }]),
  row("c", [COMMA, BULLETS], [{}, { num_bullets: 2 }]),
  row("d", [COMMA], [{}]),
];
const ANSWERS: Readonly<Record<string, string>> = {
  "user: a": "fine",
  "user: b": "* one\n* two",
  "user: c": "Well, so:\n* one\n* two",
  "user: d": "no, no",
};

test("strict and loose, by prompt and by instruction", async () => {
  const { findings, warnings } = await instructionFollowing(
    { subject: scriptedSubject({ answer: (prompt) => ANSWERS[prompt] }) },
    rows,
    OPTIONS,
  );
  expect(warnings).toEqual([]);
  const [{ measures, answer }] = findings as [(typeof findings)[0]];
  expect(measures.map(({ id, value: { estimate, n } }) => [id, estimate, n])).toEqual([
    ["helpful/prompt-strict", 2 / 4, 4],
    // c without its first line follows both
    ["helpful/prompt-loose", 3 / 4, 4],
    ["helpful/instruction-strict", 4 / 6, 6],
    ["helpful/instruction-loose", 5 / 6, 6],
  ]);
  expect(answer).toMatch(/^It follows all instructions of 50.0% \[[\d., ]+\] of 4 prompts/);
});

test("rows that cannot be checked are left out and told, and answers that are missing", async () => {
  const { findings, warnings } = await instructionFollowing(
    { subject: scriptedSubject({ answer: (prompt) => ANSWERS[prompt] }) },
    [
      ...rows,
      row("e", ["punctuation:no_coma"], [{}]),
      row("f", [BULLETS], [{}]),
      row("g", [COMMA], [{ num_bullets: 3 }]),
      row("h", [COMMA], [{}]),
    ],
    OPTIONS,
  );
  expect(findings[0]!.measures[0]!.value.n).toBe(4);
  expect(warnings).toEqual([
    '1 row: an instruction that cannot be checked: "punctuation:no_coma" (punctuation:no_comma?), such as "e"',
    `1 row: ${BULLETS} needs a whole number from 0 as num_bullets, such as "f"`,
    `1 row: ${COMMA} takes no num_bullets, such as "g"`,
    '1 row: no answer (instructions), such as "too long"',
  ]);
});

test("the same prompt many times is one observation, and the interval says so", async () => {
  const subject = scriptedSubject({ answer: () => "fine" });
  const same = Array.from({ length: 50 }, () => rows[0]!);
  const { findings } = await instructionFollowing({ subject }, same, OPTIONS);
  expect(findings[0]!.measures[0]!.value).toMatchObject({
    estimate: 1,
    low: 0,
    high: 1,
    noClaim: "1 independent group",
  });
});

test("empty answers and none at all are no conclusion", async () => {
  const [empty, none] = await Promise.all(
    [() => " ", () => undefined].map((answer) =>
      instructionFollowing({ subject: scriptedSubject({ answer }) }, rows, OPTIONS),
    ),
  );
  expect(empty!.findings[0]).toMatchObject({ conclusion: "no conclusion" });
  expect(empty!.findings[0]!.answer).toContain("all 4 answers are empty");
  expect(none!.findings[0]!.answer).toContain("answered none of 4 prompts");
});

test("a file of another form is refused", async () => {
  const other: Row = { columns: { question: "?", answer: "!" }, place: { file: "qa.csv", row: 2 } };
  await expect(
    instructionFollowing({ subject: scriptedSubject({}) }, [other], OPTIONS),
  ).rejects.toThrow(/qa\.csv:2: the columns of this file/);
});
