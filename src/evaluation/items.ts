/**
 * What a measure is the mean of: questions, prompts, documents. What each scored is kept
 * (items-file.ts), so that runs which asked the same are compared item by item.
 */
import { createHash } from "node:crypto";
import { stringifyJson } from "../core/json.ts";

export interface Item {
  /** The same in every run that asks the same and takes the same for right. */
  readonly key: string;
  /** Items with one label may depend on each other. */
  readonly cluster: string;
  /** What is asked, for people. */
  readonly text: string;
}

export interface ItemScore {
  readonly item: Item;
  readonly score: number;
}

/** Digits of hexadecimal: a million items have two of one key in one of 30 million cases. */
const DIGITS = 16;

export const shortHash = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, DIGITS);

/**
 * @param what is asked, with what counts as right; not by whom, in which form, or from which file
 */
export const itemOf = (
  what: readonly unknown[],
  { text, cluster = text }: { text: string; cluster?: string },
): Item => ({ key: shortHash(stringifyJson(what)), cluster, text });
