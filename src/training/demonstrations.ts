/** What is imitated in a data set. */
import { AttuneError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { countKinds, kindEntries, recordsAs } from "../data/dataset.ts";
import type { ConversationRecord, DemonstrationRecord, TextRecord } from "../data/records.ts";

/** What supervised fine-tuning reads. */
export type SftRecord = DemonstrationRecord | ConversationRecord | TextRecord;

/**
 * Conversations and texts as they are; of anything else, the best answers.
 * @throws AttuneError `data` for records of several kinds, which would be encoded and supervised in
 * different ways
 */
export function demonstrations(dataset: Pick<Dataset, "records">): SftRecord[] {
  const kind = dataset.records[0]?.kind;
  if (kind === undefined) return [];
  const other = dataset.records.find((record) => record.kind !== kind);
  if (other) {
    const counts = kindEntries(countKinds(dataset.records)).map(
      ([name, count]) => `${count} ${name}`,
    );
    throw new AttuneError(
      "data",
      `this is ${other.kind} data in a data set that begins with ${kind} data`,
      {
        ...other.place,
        got: counts.join(", "),
        expected: "records of one kind",
        hint: "a run for each kind, or `attune data convert` to bring them to one",
      },
    );
  }
  if (kind === "prompt")
    throw new AttuneError("data", "prompts alone cannot be imitated", {
      ...dataset.records[0]!.place,
      expected: "completions, conversations, texts or pairs",
    });
  return recordsAs(
    dataset,
    kind === "preference" || kind === "ranked" || kind === "unpaired" ? "demonstration" : kind,
  ) as SftRecord[];
}
