/** A rubric in one's own words as a constitution of one principle. */
import { stringify } from "yaml";
import type { Constitution } from "../../constitution/constitution.ts";
import { parseConstitution } from "../../constitution/constitution.ts";

const QUESTION = "By this rubric, which of the two answers is better?";

/** @throws AttuneError `config` for an empty one */
export function rubricConstitution(rubric: string): { constitution: Constitution; text: string } {
  const text = stringify({
    name: "rubric",
    principles: [{ id: "rubric", comparison: `${rubric.trim()}\n\n${QUESTION}` }],
  });
  return { constitution: parseConstitution(text, "rubric"), text };
}
