/** `attune eval harmless`: does it help with harm, and does it refuse what is harmless? */
import { stringify } from "csv-stringify/sync";
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import type { Row } from "../../data/readers/row.ts";
import type { harmlessConfig } from "../../evaluation/harmless/harmless.config.ts";
import { harmlessness } from "../../evaluation/harmless/harmlessness.ts";
import type { RowToLabel } from "../../evaluation/harmless/harmlessness.ts";
import { readEvaluationRows } from "../../evaluation/behaviour/rows.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { prepareAsking } from "./asking-part.ts";
import type { EvaluationPart, PartWork } from "./part.ts";

export const part: EvaluationPart<typeof harmlessConfig> = {
  async prepare(input) {
    const { labelled: files, assume: assumption, labelSample } = input.config;
    const labelled: Row[] = [];
    for (const file of files) labelled.push(...(await readEvaluationRows(file)));
    return prepareAsking(input, {
      also: files,
      async measure(measuring, data, { ask, part: work }) {
        const found = await harmlessness(
          measuring,
          {
            prompts: data.flatMap(({ rows }) => rows),
            labelled: files.length > 0 ? labelled : undefined,
          },
          { ask, assumption, labelSample },
        );
        if (work && found.toLabel.length > 0) writeToLabel(found.toLabel, work);
        return found;
      },
    });
  },
};

/** A file that people fill in and give back with --labelled. */
function writeToLabel(rows: readonly RowToLabel[], { folder, context }: PartWork): void {
  const file = join(folder, "to-label.csv");
  writeFileAtomic(file, stringify([...rows], { header: true }));
  context.reporter.note(
    `${countOf(rows.length, "answer")} to label -> ${file}; write 1_full_compliance, ` +
      "2_full_refusal or 3_partial_refusal into final_label, and give it back with --labelled",
  );
}
