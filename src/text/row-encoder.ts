/** Rows as ids: their texts as they are, or as turns of a chat template, within the limit. */
import { AttuneError } from "../core/errors.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { EncodedExample } from "./encoded.ts";
import { toExample } from "./encoded.ts";
import type { Completion, Message, Prompt } from "./messages.ts";
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import type { Stops } from "./stops.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Fitted, Limits } from "./truncation.ts";
import { fitTexts } from "./truncation.ts";
import { TurnEncoder } from "./turn-encoder.ts";
import type { EncodingRow } from "./turns.ts";
import type { TextReader } from "./written-text.ts";
import { createTextReader } from "./written-text.ts";

/** What is learned of a row. */
export interface LossOption {
  /** What is supervised: the answers, or every token. */
  loss: "completion" | "full";
}

export interface RowEncoderOptions {
  /** The tokenizer, carrying the template that was chosen. */
  tokenizer: Tokenizer;
  template: ChatTemplate;
  stops: Stops;
  /** Longest example, tokens. */
  maxLength: number;
  /** Whether texts are written out with a template. */
  trustText: boolean;
}

export class RowEncoder {
  private readonly tokenizer: Tokenizer;
  private readonly maxLength: number;
  /** Whether plain texts count as turns. */
  private readonly textsAreTurns: boolean;
  private readonly texts: TextReader;
  private readonly turns: TurnEncoder;

  constructor({ tokenizer, template, stops, maxLength, trustText }: RowEncoderOptions) {
    this.tokenizer = tokenizer;
    this.maxLength = maxLength;
    this.textsAreTurns = tokenizer.chatTemplate !== undefined && !trustText;
    this.texts = createTextReader(tokenizer, stops, { trustText });
    this.turns = new TurnEncoder({ tokenizer, template, stopIds: stops.all }, maxLength);
  }

  *promptSlices(
    prompt: Prompt,
    row: EncodingRow = {},
    options: EncodeOptions = {},
  ): Slices<Int32Array> {
    return Int32Array.from(
      yield* this.isPlain(prompt, [], row)
        ? this.texts.promptSlices(prompt, options)
        : this.turns.promptSlices(toMessages(prompt, "user"), row, options),
    );
  }

  /** Several completions of one prompt, which is cut the same for all of them. */
  answers(
    prompt: Prompt,
    completions: readonly Completion[],
    row: EncodingRow,
  ): Fitted & { emptyThought?: boolean } {
    if (this.isPlain(prompt, completions, row))
      return fitTexts(
        {
          prompt: this.texts.promptIds(prompt),
          completions: completions.map((each) => [
            { ids: this.texts.completionIds(prompt, each as string), learned: true },
          ]),
        },
        this.limits(row),
      );
    return this.turns.answers(
      toMessages(prompt, "user"),
      completions.map((each) => toMessages(each, "assistant")),
      row,
    );
  }

  example(prompt: Prompt, completion: Completion, row: EncodingRow): EncodedExample {
    return toExample(this.answers(prompt, [completion], row), row);
  }

  conversation(
    messages: readonly Message[],
    options: LossOption & { from?: number },
    row: EncodingRow,
  ): EncodedExample[] {
    return this.turns.conversation(messages, options, row).map((fitted) => toExample(fitted, row));
  }

  demonstration(
    prompt: Prompt,
    completion: Completion,
    { loss }: LossOption,
    row: EncodingRow,
  ): EncodedExample[] {
    if (this.isPlain(prompt, [completion], row)) {
      const example = this.example(prompt, completion, row);
      return [
        loss === "full" ? { ...example, supervised: example.supervised.map(() => 1) } : example,
      ];
    }
    const before = toMessages(prompt, "user");
    return this.conversation(
      [...before, ...toMessages(completion, "assistant")],
      { loss, from: before.length },
      row,
    );
  }

  text(text: string, row: EncodingRow): EncodedExample {
    refuseInputs(row);
    const completions = [[{ ids: this.texts.textIds(text), learned: true }]];
    return toExample(fitTexts({ prompt: [], completions }, this.limits(row)), row);
  }

  /** Whether a row's texts are texts alone, and no turns. */
  private isPlain(
    prompt: Prompt,
    completions: readonly Completion[],
    row: EncodingRow,
  ): prompt is string {
    const plain =
      (!this.textsAreTurns || row.plain === true) &&
      typeof prompt === "string" &&
      completions.every((completion) => typeof completion === "string");
    if (plain) refuseInputs(row);
    return plain;
  }

  private limits({ place = {} }: EncodingRow): Limits {
    return { maxLength: this.maxLength, tokenizer: this.tokenizer, place };
  }
}

/** @throws AttuneError `data` for what a row gives a template, where its texts meet none */
function refuseInputs({ tools, templateArguments, place }: EncodingRow): void {
  if (tools === undefined && templateArguments === undefined) return;
  const [what, column] =
    tools === undefined ? ["template arguments", "chat_template_kwargs"] : ["tools", "tools"];
  throw new AttuneError("data", `the row has ${what}, but its texts meet no chat template`, {
    ...place,
    hint: `messages and a --template that writes them, or --ignore-columns ${column}`,
  });
}

function toMessages(text: Prompt, role: "user" | "assistant"): readonly Message[] {
  return typeof text === "string" ? [{ role, content: text }] : text;
}
