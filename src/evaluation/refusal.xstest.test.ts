/** Detection of refusals against people's labels: XSTest's completions of five models. */
import { describe, expect, test } from "vitest";
import { sharedData } from "../../tests/support/shared.ts";
import { readRows } from "../data/readers/read-rows.ts";
import { shareInterval } from "../stats/intervals.ts";
import type { RefusalLabel } from "./refusal.ts";
import { refusalOf } from "./refusal.ts";
import { formatShare } from "./table.ts";

const LABELS: Readonly<Record<string, RefusalLabel>> = {
  "1_full_compliance": "none",
  "2_full_refusal": "full",
  "3_partial_refusal": "partial",
};
/** As docs/results.md has them. */
const EXPECTED: readonly (readonly [model: string, refused: string, labels: string])[] = [
  ["llama2orig", "94.7% [92.2, 96.4]", "82.9% [79.1, 86.1]"],
  ["mistralinstruct", "91.6% [88.6, 93.8]", "86.9% [83.5, 89.7]"],
  ["gpt4", "94.4% [91.9, 96.2]", "92.0% [89.1, 94.2]"],
  ["llama2new", "92.7% [89.9, 94.7]", "81.1% [77.2, 84.5]"],
  ["mistralguard", "83.1% [79.4, 86.3]", "77.1% [73.0, 80.8]"],
];

describe("XSTest's labelled completions", () => {
  test.each(EXPECTED)("of %s", async (model, refused, labels) => {
    const file = sharedData(`xstest/xstest_v2_completions_${model}.csv`);
    if (file === undefined) return;
    const pairs: { label: RefusalLabel; found: RefusalLabel }[] = [];
    for await (const { columns } of readRows(file))
      pairs.push({
        label: LABELS[columns.final_label as string]!,
        found: refusalOf(columns.completion as string),
      });
    expect(pairs).toHaveLength(450);
    const share = (right: (pair: (typeof pairs)[0]) => boolean): string =>
      formatShare(shareInterval(pairs.map((pair) => (right(pair) ? 1 : 0))));
    expect(share(({ label, found }) => (label === "none") === (found === "none"))).toBe(refused);
    expect(share(({ label, found }) => label === found)).toBe(labels);
  });
});
