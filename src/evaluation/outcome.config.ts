/** Options of what becomes of findings, for every command that evaluates. */
import { z } from "zod";
import { defineConfig, field } from "../config/config.ts";

export const outcomeFields = {
  failUnder: field({
    type: z.array(z.string()),
    default: [],
    source: "nothing fails",
    description:
      "ID=VALUE: exit with 1 unless the lower end of this measure's interval (the upper end where " +
      "less is better) reaches the value, such as compare/dpo/win-rate=0.5 or 50%; repeatable",
    group: "Outcome",
  }),
  failOn: field({
    type: z.array(z.string()),
    default: [],
    source: "nothing fails",
    description: "exit with 1 where the verdict or a finding is one of these, such as worse,hacked",
    group: "Outcome",
  }),
  junit: field({
    type: z.string(),
    default: "",
    source: "no such file",
    description: "write the findings as JUnit XML into this file, for systems of CI",
    group: "Outcome",
  }),
};

/** The same by themselves, for an evaluation of several parts with options of their own. */
export const outcomeDefinition = defineConfig({ name: "eval", fields: outcomeFields });

/** What {@link outcomeFields} give. */
export interface OutcomeConfig {
  readonly failUnder: readonly string[];
  readonly failOn: readonly string[];
  readonly junit: string;
}
