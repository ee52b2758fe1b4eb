/** Findings as plain JSON, which every program reads: what is no number is null. */
import type { Findings } from "./findings.ts";

/** The same with null wherever a number is NaN or infinite: its interval says why. */
export const plainFindings = (findings: Findings): Record<string, unknown> =>
  JSON.parse(JSON.stringify(findings)) as Record<string, unknown>;

/** The text of findings.json. */
export const findingsJson = (findings: Findings): string =>
  `${JSON.stringify(findings, null, 2)}\n`;
