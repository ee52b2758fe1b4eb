import { expect, test } from "vitest";
import type { Row } from "../../data/readers/row.ts";
import { scriptedSubject } from "../behaviour/testing.ts";
import { againstReferences } from "./against-references.ts";

const rows = Array.from({ length: 24 }, (_, i): Row => ({
  columns: { instruction: `Explain ${i}.`, output: `A good answer to ${i}.` },
  place: { file: "r.jsonl", row: i + 1 },
}));
/** Prefers whatever is called good. */
const judge = {
  judge: {
    name: "good",
    compare: (_: unknown, first: string, second: string) =>
      Promise.resolve(
        first.includes("good") === second.includes("good") ? 0.5 : first.includes("good") ? 1 : 0,
      ),
  },
  kind: "function" as const,
  name: "good",
};
const ask = { maxNewTokens: 20, temperature: 0, seed: 1 };

test("a judge compares its answers with the references", async () => {
  const subject = scriptedSubject({
    answer: (prompt) => (/Explain \d*[02468]\./.test(prompt) ? "My good one." : "A poor one."),
  });
  const { findings } = await againstReferences({ subject }, rows, { ask, judge });
  const measures = findings.flatMap(({ measures: each }) => each);
  expect(findings[0]!.id).toBe("helpful-is-it-better");
  expect(measures.every(({ id }) => id.startsWith("helpful/"))).toBe(true);
  // half of the answers tie, half lose
  expect(measures.find(({ id }) => id.endsWith("/win-rate"))!.value.estimate).toBeCloseTo(0.25, 12);
});

test("rows without a reference and repeats are told; no answers are no conclusion", async () => {
  const more: Row = { columns: { instruction: "Alone." }, place: {} };
  const { warnings } = await againstReferences(
    { subject: scriptedSubject({ answer: () => "A poor one." }) },
    [...rows, rows[0]!, more],
    { ask, judge },
  );
  expect(warnings.join("\n")).toContain("1 row: no prompt, or no reference answer");
  expect(warnings.join("\n")).toContain("1 row: a prompt that stands there more than once");
  const none = await againstReferences({ subject: scriptedSubject({ answer: () => "" }) }, rows, {
    ask,
    judge,
  });
  expect(none.findings[0]).toMatchObject({ conclusion: "no conclusion" });
});
