/**
 * Encodes the rows of a run and tells what became of them: what was cut, left out, split or read as
 * letters, each once, with a count and the first row.
 */
import { AttuneError, formatPlace } from "../core/errors.ts";
import type { ErrorPlace } from "../core/errors.ts";
import type { OnBad } from "../data/bad-row.ts";
import { FEW_BAD_ROWS } from "../data/bad-row.ts";
import type { DataRecord } from "../data/records.ts";
import { countOf } from "../core/counts.ts";
import { quantileOfSorted } from "../stats/bootstrap.ts";
import type { Cut, Encoded, Encoder } from "../text/encoder.ts";
import type { Completion, Prompt } from "../text/messages.ts";
import { writtenControlToken } from "../text/written-text.ts";
import type { Warning } from "./step.ts";

/** Rows of one kind that are worth telling of. */
class Tally {
  rows = 0;
  first: ErrorPlace = {};

  add(place: ErrorPlace): void {
    if (this.rows++ === 0) this.first = place;
  }

  /** `3 of 10 rows`. */
  of(all: number): string {
    return `${this.rows.toLocaleString("en-US")} of ${countOf(all, "row")}`;
  }

  get example(): string {
    const place = formatPlace(this.first);
    return place === "" ? "" : `; the first: ${place}`;
  }
}

/** Of a record that is one row or several, its ids are known. */
type EncodedRow = Encoded & { ids?: Int32Array };

export interface EncodingOptions {
  maxLength: number;
  /** What becomes of rows that cannot be encoded. */
  onBad: OnBad;
}

export class EncodingReport {
  private readonly encoder: Encoder;
  private readonly options: EncodingOptions;
  private records = 0;
  private encoded = 0;
  private readonly cut = new Tally();
  private readonly cuts: Cut[] = [];
  private readonly control = new Tally();
  private controlToken = "";
  private readonly controlIn = { texts: false, messages: false };
  private readonly lost = new Tally();
  private lostCharacters = 0;
  private lostCharacter = "";
  private readonly emptyThoughts = new Tally();
  private readonly split = new Tally();
  private splitInto = 0;
  /** Tokens of all rows, and of those that one row for each record would not have. */
  private tokens = 0;
  private repeatedTokens = 0;
  private readonly bad = new Map<string, Tally>();
  private firstError: AttuneError | undefined;
  private readonly others: Warning[] = [];

  constructor(encoder: Encoder, options: EncodingOptions) {
    this.encoder = encoder;
    this.options = options;
  }

  /**
   * What `encode` makes of each record; where it refuses one, the record is left out and counted,
   * or the run refused.
   * @throws AttuneError `data` of the first record that cannot be encoded, where there are more of
   * them than may be left out
   */
  encodeAll<R extends DataRecord, E extends EncodedRow>(
    records: readonly R[],
    encode: (record: R) => readonly E[],
  ): { record: R; encoded: E }[] {
    this.records += records.length;
    const items = records.flatMap((record) =>
      this.encodeOne(record, encode).map((encoded) => ({ record, encoded })),
    );
    this.encoded += items.length;
    const bad = [...this.bad.values()].reduce((total, { rows }) => total + rows, 0);
    const mayDrop =
      this.options.onBad === "drop" ||
      (this.options.onBad === "few" && bad <= FEW_BAD_ROWS * this.records);
    if (this.firstError && (!mayDrop || this.encoded === 0))
      throw refused(this.firstError, { bad, records: this.records });
    return items;
  }

  private encodeOne<R extends DataRecord, E extends EncodedRow>(
    record: R,
    encode: (record: R) => readonly E[],
  ): readonly E[] {
    try {
      const items = encode(record);
      this.note(record, items);
      return items;
    } catch (error) {
      if (!(error instanceof AttuneError) || error.code !== "data") throw error;
      this.firstError ??= error;
      const tally = this.bad.get(error.what) ?? new Tally();
      this.bad.set(error.what, tally);
      tally.add(record.place);
      return [];
    }
  }

  private note(record: DataRecord, items: readonly EncodedRow[]): void {
    const { place } = record;
    const cuts = items.flatMap(({ cut }) => cut ?? []);
    if (cuts.length > 0) this.cut.add(place);
    this.cuts.push(...cuts);
    if (items.some(({ emptyThought }) => emptyThought)) this.emptyThoughts.add(place);
    const lengths = items.map(({ ids }) => ids?.length ?? 0);
    const all = lengths.reduce((total, length) => total + length, 0);
    this.tokens += all;
    if (items.length > 1) {
      this.split.add(place);
      this.splitInto += items.length;
      this.repeatedTokens += all - Math.max(...lengths);
    }
    this.noteControlToken(record);
    this.noteLostCharacters(record);
  }

  private noteLostCharacters(record: DataRecord): void {
    const { texts, messages } = wordsOf(record);
    const lost = [...texts, ...messages].flatMap((text) =>
      this.encoder.tokenizer.lostCharacters(text),
    );
    if (lost.length === 0) return;
    if (this.lost.rows === 0) this.lostCharacter = lost[0]!;
    this.lostCharacters += lost.length;
    this.lost.add(record.place);
  }

  private noteControlToken(record: DataRecord): void {
    const { texts, messages } = wordsOf(record);
    const inTexts = this.encoder.trustsText ? undefined : firstToken(texts, this.encoder);
    const inMessages = firstToken(messages, this.encoder);
    const token = inTexts ?? inMessages;
    if (token === undefined) return;
    if (this.control.rows === 0) this.controlToken = token;
    this.controlIn.texts ||= inTexts !== undefined;
    this.controlIn.messages ||= inMessages !== undefined;
    this.control.add(record.place);
  }

  /** Tells this too, before what encoding has to say. */
  tellToo(warnings: readonly Warning[]): void {
    this.others.push(...warnings);
  }

  /** What is worth telling, by a stable name each. */
  get warnings(): Warning[] {
    const leftOut = [...this.bad].map(([what, tally]) => ({
      id: "left-out-rows",
      message: `${tally.of(this.records)} left out: ${what}${tally.example}`,
    }));
    return [
      ...this.others,
      ...leftOut,
      ...this.truncation(),
      ...this.controlTokens(),
      ...this.losses(),
      ...this.splitting(),
      ...this.thoughts(),
    ];
  }

  private truncation(): Warning[] {
    if (this.cut.rows === 0) return [];
    const tokens = this.cuts.map((each) => each.tokens);
    const lost = (count: number, what: string): string[] =>
      count === 0 ? [] : [`${count.toLocaleString("en-US")} ${what}`];
    const turns = this.cuts.reduce((total, each) => total + each.turns, 0);
    const parts = [
      ...lost(
        this.cuts.filter((each) => each.turns > 0).length,
        `lost their oldest turns (${countOf(turns, "turn")})`,
      ),
      ...lost(
        this.cuts.filter(({ answers }) => answers > 0).length,
        "lost the end of an answer or a text, and do not learn to stop there",
      ),
      ...lost(
        this.cuts.filter(({ prompt }) => prompt === "middle").length,
        "lost the middle of a long turn",
      ),
      ...lost(
        this.cuts.filter(({ prompt }) => prompt === "beginning").length,
        "lost the beginning of a prompt",
      ),
    ];
    const sorted = tokens.toSorted((a, b) => a - b);
    const median = Math.round(quantileOfSorted(sorted, 0.5));
    const most = tokens.reduce((largest, each) => Math.max(largest, each), 0);
    return [
      {
        id: "truncated-examples",
        message:
          `${this.cut.of(this.records)} did not fit into ` +
          `${countOf(this.options.maxLength, "token")} and were cut, by ` +
          `${countOf(median, "token")} in the median and ${most.toLocaleString("en-US")} at ` +
          `most: ${parts.join("; ")}${this.cut.example}. A larger --max-length keeps them whole`,
      },
    ];
  }

  private controlTokens(): Warning[] {
    if (this.control.rows === 0) return [];
    const trusted = this.controlIn.texts
      ? "; where the template is written out in texts that you trust, --trust-text reads it"
      : "";
    return [
      {
        id: "control-tokens",
        message:
          `${this.control.of(this.records)} hold control tokens such as ${this.controlToken}, ` +
          `which are read as ordinary characters${this.control.example}${trusted}`,
      },
    ];
  }

  private losses(): Warning[] {
    if (this.lost.rows === 0) return [];
    return [
      {
        id: "lost-characters",
        message:
          `${this.lost.of(this.records)} hold characters that the tokenizer has no token for, ` +
          `and that nobody sees: ${countOf(this.lostCharacters, "character")}, such as ` +
          `${JSON.stringify(this.lostCharacter)}${this.lost.example}`,
      },
    ];
  }

  private splitting(): Warning[] {
    if (this.split.rows === 0) return [];
    const more = (100 * this.repeatedTokens) / (this.tokens - this.repeatedTokens);
    return [
      {
        id: "split-conversations",
        message:
          `${this.split.of(this.records)} became ${this.splitInto.toLocaleString("en-US")}, ` +
          "since the chat template rewrites earlier turns and every answer is learned as it was " +
          `said: ${more.toPrecision(2)}% more tokens in all${this.split.example}`,
      },
    ];
  }

  private thoughts(): Warning[] {
    if (this.emptyThoughts.rows === 0) return [];
    return [
      {
        id: "empty-thoughts",
        message:
          `${this.emptyThoughts.of(this.records)} have answers without a thought, which the chat ` +
          `template opens: they are learned with an empty one${this.emptyThoughts.example}`,
      },
    ];
  }
}

function refused(
  { what, details }: AttuneError,
  { bad, records }: { bad: number; records: number },
): AttuneError {
  const hint = "such rows are left out and counted with --on-bad drop";
  const got = [
    ...(details.got === undefined ? [] : [details.got]),
    ...(bad > 1 ? [`${bad} such rows of ${records}`] : []),
  ].join("; ");
  return new AttuneError("data", what, {
    ...details,
    ...(got === "" ? {} : { got }),
    hint: details.hint === undefined ? hint : `${details.hint}; ${hint}`,
  });
}

interface Words {
  texts: string[];
  messages: string[];
}

/** Everything that a record says, as texts and in messages. */
function wordsOf(record: DataRecord): Words {
  const parts = partsOf(record);
  return {
    texts: parts.filter((part) => typeof part === "string"),
    messages: parts.flatMap((part) =>
      typeof part === "string"
        ? []
        : part.flatMap(({ content, reasoning_content: thought }) =>
            thought === undefined ? [content] : [content, thought],
          ),
    ),
  };
}

function partsOf(record: DataRecord): (Prompt | Completion)[] {
  switch (record.kind) {
    case "text":
      return [record.text];
    case "conversation":
      return [record.messages];
    case "prompt":
      return [record.prompt];
    case "demonstration":
    case "unpaired":
      return [record.prompt, record.completion];
    case "preference":
      return [record.prompt, record.chosen, record.rejected];
    case "ranked":
      return [record.prompt, ...record.completions.map(({ completion }) => completion)];
  }
}

function firstToken(texts: readonly string[], { tokenizer }: Encoder): string | undefined {
  for (const text of texts) {
    const token = writtenControlToken(tokenizer, text);
    if (token !== undefined) return token;
  }
  return undefined;
}
