/** The tokens that end answers, and the one that pads. */
import { AttuneError } from "../core/errors.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { createChatTemplate } from "./chat-template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Where answers end. */
export interface Stops {
  /** After an answer in a conversation, and after a plain text. */
  turn: number;
  text: number;
  /** All at which generation stops, the turn's first. */
  all: readonly number[];
}

const PROBE = "attune";

/** @throws AttuneError `model` where the tokenizer has no token to end an answer with */
export function stopsOf(
  tokenizer: Tokenizer,
  template: ChatTemplate = createChatTemplate(tokenizer),
): Stops {
  const turn = findTurnEnd(tokenizer, template) ?? tokenizer.eosId;
  if (turn === undefined)
    throw new AttuneError("model", "the tokenizer has no token that ends an answer", {
      expected:
        "eos_token in tokenizer_config.json, or a chat template whose turns end in a special token",
    });
  const text = tokenizer.eosId ?? turn;
  return { turn, text, all: [...new Set([turn, text, ...tokenizer.extraStopIds])] };
}

/** The special token that directly follows an assistant's words in the template, if any. */
function findTurnEnd(tokenizer: Tokenizer, template: ChatTemplate): number | undefined {
  const rendered = template.render(
    [
      { role: "user", content: "hi" },
      { role: "assistant", content: PROBE },
    ],
    { generationPrompt: false },
  );
  const after = rendered.slice(rendered.lastIndexOf(PROBE) + PROBE.length).trimStart();
  const special = tokenizer.specialTokens
    .filter((token) => after.startsWith(token))
    .toSorted((a, b) => b.length - a.length)[0];
  return special === undefined ? undefined : tokenizer.idOf(special);
}

/**
 * A padding id that is no stop token. Masks come from lengths, so an id that text may use is
 * harmless.
 */
export function choosePad(tokenizer: Tokenizer, stopIds: readonly number[]): number {
  if (tokenizer.padId !== undefined && !stopIds.includes(tokenizer.padId)) return tokenizer.padId;
  for (let id = 0; id < tokenizer.vocabularySize; id++)
    if (!stopIds.includes(id) && id !== tokenizer.bosId) return id;
  throw new AttuneError("model", "the vocabulary has no id that could pad");
}
