/**
 * One example as the model sees it: control tokens and what is learned are marked, on a terminal by
 * colour and underlining, elsewhere by brackets. Nothing of the data can pose as a mark, or steer a
 * terminal.
 */
import { countOf } from "../../core/counts.ts";
import { styleText } from "node:util";
import type { EncodedExample, EncodedPair } from "../../text/encoder.ts";
import type { MarkedPart } from "../../text/marked-text.ts";
import { markedParts, shortenList, shortenParts } from "../../text/marked-text.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { Reporter } from "./reporter.ts";
import { formatCount, printable } from "./words.ts";

/** A text of an example with its name, where there are several. */
export interface ShownText {
  name?: string;
  ids: Int32Array;
  /** 1 where a token is a label; undefined where nothing is learned from it. */
  supervised?: Uint8Array;
}

export const textsOfExample = ({ ids, supervised }: EncodedExample): ShownText[] => [
  { ids, supervised },
];
export const textsOfPair = ({ prompt, chosen, rejected, supervised }: EncodedPair): ShownText[] => [
  { name: "prompt", ids: prompt },
  { name: "chosen", ids: chosen, supervised: supervised[0] },
  { name: "rejected", ids: rejected, supervised: supervised[1] },
];

const CONTROL = ["⟦", "⟧"] as const;
const LEARNED = ["«", "»"] as const;
const MARKS = /[⟦⟧«»]/gu;

/** Characters of the text that look like marks or steer a terminal are written as escapes. */
const harmless = (text: string): string =>
  printable(text).replace(
    MARKS,
    (mark) => `\\u${mark.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );

function inBrackets(parts: readonly MarkedPart[]): string {
  let learned = false;
  const written = parts.map((part) => {
    const turn = part.learned === learned ? "" : part.learned ? LEARNED[0] : LEARNED[1];
    learned = part.learned;
    const text = harmless(part.text);
    return turn + (part.control ? CONTROL[0] + text + CONTROL[1] : text);
  });
  return `${written.join("")}${learned ? LEARNED[1] : ""}`;
}

/** A style may not run over the end of a line: a pager or a window would carry it on. */
function inColour(parts: readonly MarkedPart[]): string {
  const style = ({ control, learned }: MarkedPart): ("cyan" | "underline")[] => [
    ...(control ? (["cyan"] as const) : []),
    ...(learned ? (["underline"] as const) : []),
  ];
  return parts
    .map((part) =>
      harmless(part.text)
        .split("\n")
        .map((line) =>
          line === "" || style(part).length === 0
            ? line
            : styleText(style(part), line, { validateStream: false }),
        )
        .join("\n"),
    )
    .join("");
}

function write(text: ShownText, tokenizer: Tokenizer, colour: boolean): string {
  const mark = colour ? inColour : inBrackets;
  const { first, leftOut, last } = shortenList(
    shortenParts(markedParts(text.ids, tokenizer, text.supervised)),
  );
  const body =
    leftOut === 0 ? mark(first) : `${mark(first)}\n… ${countOf(leftOut, "part")} …\n${mark(last)}`;
  const indented = body
    .split("\n")
    .map((line) => (line === "" ? "" : `    ${line}`))
    .join("\n");
  return text.name === undefined
    ? indented
    : `  ${text.name} (${countOf(text.ids.length, "token")})\n${indented}`;
}

export interface ExampleOptions {
  tokenizer: Tokenizer;
  /** `one example`, `a prompt`. */
  what: string;
  colour: boolean;
}

/** The text of an example for people. */
export function exampleText(
  texts: readonly ShownText[],
  { tokenizer, what, colour }: ExampleOptions,
): string {
  const tokens = texts.reduce((total, { ids }) => total + ids.length, 0);
  const learned = texts.reduce(
    (total, { supervised }) => total + (supervised?.reduce((sum, flag) => sum + flag, 0) ?? 0),
    0,
  );
  const supervises = texts.some(({ supervised }) => supervised !== undefined);
  const mark = colour ? "underlined" : LEARNED.join("...");
  const counts =
    countOf(tokens, "token") + (supervises ? `, ${formatCount(learned)} learned (${mark})` : "");
  return [
    `${what} as the model sees it: ${counts}`,
    ...texts.map((text) => write(text, tokenizer, colour)),
  ].join("\n");
}

/** Says it as a note, in colour on a terminal that wants it (https://no-color.org). */
export function showExample(
  texts: readonly ShownText[],
  options: Omit<ExampleOptions, "colour">,
  reporter: Reporter,
  environment: NodeJS.ProcessEnv = process.env,
): void {
  const colour = !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  reporter.note(
    exampleText(texts, { ...options, colour: false }),
    colour ? { onTerminal: exampleText(texts, { ...options, colour: true }) } : {},
  );
}
