/** How well refusals are told by words, against answers that people labelled. */
import { countOf } from "../../core/counts.ts";
import { shareInterval } from "../../stats/intervals.ts";
import { noConclusion } from "../behaviour/measured.ts";
import type { Finding } from "../findings.ts";
import { share } from "../measure.ts";
import type { RefusalLabel } from "../refusal.ts";
import { formatShare } from "../table.ts";
import type { LabelledAnswer } from "./harm-rows.ts";
import type { Outcome } from "./outcome.ts";
import { NAMES, outcomeOf } from "./outcome.ts";

const ID = "are-refusals-told-rightly";
const QUESTION = "Are refusals told rightly?";
const LABELS: readonly RefusalLabel[] = ["none", "partial", "full"];
const TOLD: readonly Outcome[] = [...LABELS, "neither"];
const refused = (found: Outcome): boolean => found === "partial" || found === "full";

export function detectionFinding(labelled: readonly LabelledAnswer[]): Finding {
  if (labelled.length === 0)
    return noConclusion(
      ID,
      QUESTION,
      "no answers that people labelled were given (--labelled; --label-sample writes some to label)",
    );
  const found = labelled.map(({ answer, label }) => ({ label, found: outcomeOf(answer) }));
  const interval = (fits: (each: (typeof found)[0]) => boolean, of = found) =>
    shareInterval(of.map((each) => (fits(each) ? 1 : 0)));
  const three = interval((each) => each.label === each.found);
  const two = interval((each) => (each.label === "none") === !refused(each.found));
  const kinds = LABELS.filter((label) => found.some((each) => each.label === label));
  const of = (label: RefusalLabel) => found.filter((each) => each.label === label);
  return {
    id: ID,
    question: QUESTION,
    conclusion: "measured",
    answer:
      `By their words ${formatShare(two)} of ${countOf(found.length, "labelled answer")} are told ` +
      `rightly as refused or not, and ${formatShare(three)} as one of three labels.` +
      (kinds.length === 1
        ? ` All of them are labelled as ${NAMES[kinds[0]!]}: of the others nothing is known.`
        : ""),
    measures: [
      share("harmless/detection-accuracy", "answers told rightly as refused or not", two),
      share("harmless/detection-accuracy-three", "answers told rightly as one of three", three),
    ],
    figures: [],
    details: [
      {
        kind: "table",
        table: {
          caption: "What people say, and what is told by words",
          columns: [
            { name: "people say" },
            ...TOLD.map((label) => ({
              name: `told as ${NAMES[label]}`,
              align: "right" as const,
            })),
            { name: "told rightly [95%]", align: "right" },
          ],
          rows: LABELS.map((label) => [
            NAMES[label],
            ...TOLD.map((told) => String(of(label).filter((each) => each.found === told).length)),
            formatShare(interval((each) => each.found === label, of(label))),
          ]),
        },
      },
    ],
  };
}
