/** What is shown of the data before a training: the first row, as its trainer encodes it. */
import { AttuneError } from "../../core/errors.ts";
import { likelierAsChosen } from "../../data/judgements.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { Encoder } from "../../text/encoder.ts";
import { encodeSftRecord } from "../../training/offline/sft.ts";
import type { Learned, LearnedKind, RecordsOf } from "../../training/trainer.ts";
import type { Reporter } from "../display/reporter.ts";
import type { ShownText } from "../display/shown-example.ts";
import { showExample, textsOfExample, textsOfPair } from "../display/shown-example.ts";

/** The first record as its trainer encodes it. */
function firstExample(
  record: RecordsOf<LearnedKind>,
  encoder: Encoder,
  learned: Learned,
): ShownText[] {
  if (learned === "score")
    return firstExample(record, encoder, "completion").map(({ ids, name }) => ({
      ids,
      ...(name === undefined ? {} : { name }),
    }));
  switch (record.kind) {
    case "text":
    case "conversation":
    case "demonstration":
      return textsOfExample(encodeSftRecord(record, encoder, learned)[0]!);
    case "preference":
      return textsOfPreference(likelierAsChosen(record), encoder);
    case "unpaired":
      return textsOfExample(encoder.encodeExample(record.prompt, record.completion, record));
  }
}

const textsOfPreference = (pair: PreferenceRecord, encoder: Encoder): ShownText[] =>
  textsOfPair(encoder.encodePair(pair.prompt, pair.chosen, pair.rejected, pair));

/**
 * Rows that cannot be encoded are told or refused when all are encoded: the first of the others is
 * shown.
 */
export function showFirst(
  { train, encoder }: { train: readonly RecordsOf<LearnedKind>[]; encoder: Encoder },
  learned: Learned,
  reporter: Reporter,
): void {
  for (const record of train) {
    try {
      return showExample(
        firstExample(record, encoder, learned),
        { tokenizer: encoder.tokenizer, what: "the first example" },
        reporter,
      );
    } catch (error) {
      if (!(error instanceof AttuneError) || error.code !== "data") throw error;
    }
  }
}
