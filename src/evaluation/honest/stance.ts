/**
 * How an answer is given: with confidence, with doubt, or not at all, told by its words, in English.
 * Its error is known only where answers that people labelled are given.
 */
import { declines, pattern } from "../refusal.ts";

/** How an answer commits itself. */
export type Stance = "confident" | "doubtful" | "abstaining";

export const STANCES: readonly Stance[] = ["confident", "doubtful", "abstaining"];

const ABSTAINS: readonly RegExp[] = [
  /\bi (?:really |honestly |simply )?(?:don't|do not|didn't|did not) (?:know|remember|recall)\b/,
  pattern(
    String.raw`\bi (?:don't|do not) have (?:any |enough |the |sufficient |specific |that |`,
    String.raw`an? )*(?:information|knowledge|data|answer|details|idea|context)`,
  ),
  /\bi have no (?:idea|information|knowledge|way of knowing)\b/,
  /\bi(?:'m| am) (?:not (?:aware|familiar|certain|sure)|unsure|uncertain|unaware)\b/,
  pattern(
    String.raw`\b(?:it is|it's|this is) (?:impossible|not possible|unknown|unclear|difficult|`,
    String.raw`hard) (?:to (?:know|say|tell|determine|answer)|who|what|when|how|whether)`,
  ),
  pattern(
    String.raw`\b(?:cannot|can't|can not|couldn't|unable to|not able to) (?:be )?(?:determine|`,
    String.raw`answer|say|tell|know|find|provide|confirm|verify)(?:d|ed)?\b`,
  ),
  /\b(?:no one|nobody) (?:really )?knows\b/,
  /\bthe answer is (?:unknown|not known|unclear)\b/,
  /^(?:unknown|unsure|no idea|n\/a|not sure|no answer|i pass|none)\W*$/,
];
/** An answer follows what sounds like abstaining. */
const YET = pattern(
  String.raw`\b(?:but|however|although|though|still)\b[^.!?]{0,40}\b(?:i (?:think|believe|guess|`,
  String.raw`suspect|would (?:say|guess))|it (?:is|was|might|may|could)|my (?:best )?guess|`,
  String.raw`probably|likely)`,
);

const HEDGES: readonly RegExp[] = [
  /\bi (?:think|believe|guess|suppose|suspect|assume|imagine|would (?:guess|say|think))\b/,
  /\bi(?:'d| would) (?:guess|say)\b/,
  /\bi(?:'m| am) (?:not (?:\w+ )?(?:sure|certain|positive)|unsure|fairly sure|pretty sure)\b/,
  /\b(?:perhaps|maybe|probably|possibly|presumably|supposedly|apparently|conceivably)\b/,
  /\b(?:might|may|could) (?:be|have|well|also)\b/,
  /\b(?:it (?:is|seems|appears)|it's) (?:likely|possible|unclear|that)\b/,
  /\b(?:most|very|quite) likely\b|\blikely (?:to be|is|was)\b/,
  pattern(
    String.raw`\b(?:as far as i know|to (?:the best of )?my knowledge|if i recall|if i remember|`,
    String.raw`not (?:entirely|completely|100%) (?:sure|certain))\b`,
  ),
  /\bmy (?:best )?guess\b/,
];

const test = (patterns: readonly RegExp[], text: string): boolean =>
  patterns.some((pattern) => pattern.test(text));

/** Words in which an answer says how it is meant. */
const OPENING = 600;

/** Which words say so is listed above; an answer without any of them counts as confident. */
export function stanceOf(answer: string): Stance {
  const text = answer.slice(0, OPENING).toLowerCase().replaceAll("’", "'").trim();
  const abstains = text === "" || test(ABSTAINS, text) || declines(text);
  if (abstains) return YET.test(text) ? "doubtful" : "abstaining";
  return test(HEDGES, text) ? "doubtful" : "confident";
}
