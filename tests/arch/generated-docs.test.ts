/** Pages made from definitions are those that the definitions make now. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { referencePages } from "../../src/cli/reference-pages.ts";
import { repositoryRoot } from "../support/shared.ts";

test.each(Object.entries(referencePages()))(
  "%s is up to date (`npm run docs` writes it)",
  (path, text) => {
    expect(readFileSync(join(repositoryRoot, path), "utf8")).toBe(text);
  },
);

test("the pages name options, metrics and sources", () => {
  const pages = referencePages();
  expect(pages["docs/options.md"]).toMatch(
    /## attune dpo\n[^]*\| `beta` \| number > 0 \| 0\.1[^\n]*DPO \(Rafailov et al\. 2023\)/,
  );
  expect(pages["docs/metrics.md"]).toContain("`rewards/accuracies`");
});
