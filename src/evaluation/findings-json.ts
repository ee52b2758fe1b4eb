/** Findings as plain JSON, which every program reads: what is no number is null. */
import type { Findings, Measure } from "./findings.ts";

/** The same with null wherever a number is NaN or infinite: its interval says why. */
export const plainFindings = (findings: Findings): Record<string, unknown> =>
  JSON.parse(JSON.stringify(withoutItems(findings))) as Record<string, unknown>;

/** What items scored has a file of its own (items-file.ts). */
const withoutItems = (all: Findings): Findings => ({
  ...all,
  findings: all.findings.map((finding) => ({
    ...finding,
    measures: finding.measures.map((each): Measure => {
      const { items: _, ...measure } = each;
      return measure;
    }),
  })),
});

/** The text of findings.json. */
export const findingsJson = (findings: Findings): string =>
  `${JSON.stringify(withoutItems(findings), null, 2)}\n`;
