/** Rows of KTO: the answers, and each prompt with the answer that it is mismatched with. */
import type { ConfigOf } from "../../config/config.ts";
import type { UnpairedRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { EncodedExample, Encoder } from "../../text/encoder.ts";
import type { LaidRow } from "../layout.ts";
import { layShared } from "../layout.ts";
import { EncodingReport } from "../encoding.ts";
import type { ktoConfig } from "./kto.config.ts";
import type { RowSource } from "./reference.ts";

export type KtoConfig = ConfigOf<typeof ktoConfig>;

export interface KtoInput {
  model: Model;
  encoder: Encoder;
  train: readonly UnpairedRecord[];
  heldOut: readonly UnpairedRecord[];
}

export interface Answer {
  index: number;
  prompt: Int32Array;
  completion: Int32Array;
  /** Where a token of the completion is read. */
  supervised: Uint8Array;
  /** The same for answers to one prompt. */
  promptKey: string;
  desirable: boolean;
}

export interface EncodedAnswers {
  examples: Answer[];
  held: Answer[];
  report: EncodingReport;
}

/** 1. */
export function encodeKto(
  { encoder, train, heldOut }: Omit<KtoInput, "model">,
  config: Pick<KtoConfig, "maxLength" | "onBad">,
): EncodedAnswers {
  const report = new EncodingReport(encoder, config);
  const encode = (records: readonly UnpairedRecord[], first: number): Answer[] =>
    report
      .encodeAll(records, (record) => [
        encoder.encodeExample(record.prompt, record.completion, record),
      ])
      .map(({ record, encoded }, index) => toAnswer(record, encoded, first + index));
  const examples = encode(train, 0);
  return { examples, held: encode(heldOut, examples.length), report };
}

function toAnswer(
  { label }: UnpairedRecord,
  { ids, promptLength, supervised }: EncodedExample,
  index: number,
): Answer {
  const prompt = ids.slice(0, promptLength);
  return {
    index,
    prompt,
    completion: ids.slice(promptLength),
    supervised: supervised.slice(promptLength),
    promptKey: prompt.join(","),
    desirable: label,
  };
}

/** 2. For each answer, the one whose completion its prompt is read with. */
export function partnersOf<T extends { promptKey: string }>(answers: readonly T[]): T[] {
  const count = answers.length;
  return answers.map(({ promptKey }, i) => {
    const before = (distance: number): T => answers[(i - distance + count) % count]!;
    for (let distance = 1; distance < count; distance++)
      if (before(distance).promptKey !== promptKey) return before(distance);
    return before(1);
  });
}

/**
 * All rows that are read: the answers by their index, then each pair of prompt and partner once.
 */
export class Rows implements RowSource {
  readonly sequences = 1;
  private readonly parts: Pick<Answer, "prompt" | "completion" | "supervised">[];
  private readonly mismatched = new Map<string, number>();
  private readonly maxLength: number;

  constructor(answers: readonly Answer[], maxLength: number) {
    this.parts = answers.map(({ prompt, completion, supervised }) => ({
      prompt,
      completion,
      supervised,
    }));
    this.maxLength = maxLength;
  }

  get count(): number {
    return this.parts.length;
  }

  lengthOf(row: number): number {
    const { prompt, completion } = this.parts[row]!;
    return prompt.length + completion.length;
  }

  lay(row: number): LaidRow {
    const { prompt, completion, supervised } = this.parts[row]!;
    return layShared(prompt, [completion], [supervised]);
  }

  /**
   * Rows of the answers' prompts with their partners' completions; an answer alone has no partner.
   */
  addPartners(answers: readonly Answer[]): number[] {
    if (answers.length < 2) return [];
    return partnersOf(answers).map(({ index: other, completion, supervised }, i) => {
      const { index, prompt } = answers[i]!;
      const key = `${index} ${other}`;
      const known = this.mismatched.get(key);
      if (known !== undefined) return known;
      // the prompt is within the limit already, and keeps its frame
      const room = this.maxLength - prompt.length;
      this.mismatched.set(key, this.parts.length);
      return (
        this.parts.push({
          prompt,
          completion: completion.subarray(0, room),
          supervised: supervised.subarray(0, room),
        }) - 1
      );
    });
  }
}
