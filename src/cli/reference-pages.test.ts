import { expect, it } from "vitest";
import { METRICS } from "../runs/metrics.ts";
import { metricsMarkdown } from "./reference-pages.ts";

it("the metrics are a Markdown table with one row a metric", () => {
  const lines = metricsMarkdown().trimEnd().split("\n");
  expect(lines).toHaveLength(Object.keys(METRICS).length + 2);
  expect(lines).toContain(
    "| `rewards/margins` | rewards/chosen - rewards/rejected | reward | higher | dpo, kto, " +
      "online-dpo |",
  );
  for (const line of lines) expect(line.replaceAll("\\|", "").split("|")).toHaveLength(7);
});
