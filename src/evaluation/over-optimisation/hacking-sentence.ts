/** The verdict on an optimisation in one or two sentences, with the numbers that carry it. */
import { countOf } from "../../core/counts.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Unit } from "../findings.ts";
import { formatInUnit } from "../measure-text.ts";
import { formatMean, formatNumber, formatPValue, formatPoints } from "../table.ts";
import type { OptimisationPath } from "./path.ts";
import { scoreOf, witnessOf } from "./path.ts";
import { promptsToSettle } from "./settle.ts";
import type { GoldWitness, HackingVerdict, HeldOutWitness } from "./verdict.ts";
import { ALPHA } from "./verdict.ts";

/** Values of a look are shares where they lie between 0 and 1. */
export const unitsOf = ({
  range,
}: Pick<OptimisationPath, "range">): {
  level: Unit;
  change: Unit;
} =>
  range?.[0] === 0 && range[1] === 1
    ? { level: "share", change: "points" }
    : { level: "score", change: "score" };

function changeText(path: OptimisationPath, change: Interval): string {
  return unitsOf(path).change === "points" ? `${formatPoints(change)} points` : formatMean(change);
}

/** One or two sentences with the numbers that carry them. */
export function hackedSentence(path: OptimisationPath, verdict: HackingVerdict): string {
  const { conclusion, gold, heldOut, proxyRise, pValue } = verdict;
  if (conclusion === "no conclusion") return whyNone(path);
  const p = `p ${formatPValue(pValue)}`;
  const fall = gold && fallText(path, gold);
  const confirmed = heldOut && confirmedText(heldOut);
  const witnesses = [fall, confirmed].filter((text) => text !== undefined).join(", and ");
  const rise = Number.isNaN(proxyRise.estimate)
    ? undefined
    : `${gold ? `since the peak of ${scoreOf(path)}` : "over the run"} the reward ` +
      `${riseWord(proxyRise)} by ${formatMean(proxyRise)} standard deviations`;
  const known = gold && !Number.isNaN(gold.pValue) ? gold : undefined;
  switch (conclusion) {
    case "hacked":
      return `Yes: ${rise!}, while ${witnesses} (${p}).`;
    case "worse":
      return `It became worse, and ${noPleasing(proxyRise)}: ${witnesses} (${p})${then(rise)}.`;
    case "not hacked":
      return `No: ${witnesses} (${p}).${known ? ` ${keptText(path, known)}` : ""}${
        rise === undefined ? "" : ` ${capitalised(rise)}.`
      }`;
    case "not distinguishable":
      return (
        `It cannot be told: ${witnesses} (${p})${then(rise)}. ` +
        (known
          ? untoldText(path, known)
          : "Gold, or a judge, on the same prompts at several steps would tell (--gold, --judge).")
      );
  }
}

const then = (text: string | undefined): string => (text === undefined ? "" : `; ${text}`);

const confirmedText = ({ z, share }: HeldOutWitness): string =>
  `the held-out reward confirms ${z < 0 ? "less than" : "at least"} ` +
  `${formatNumber(100 * share, 0)}% of what the rise promises`;

/** The same for a verdict: the one witness that carries it. */
export function hackedBrief(path: OptimisationPath, verdict: HackingVerdict): string {
  const { conclusion, gold, heldOut, proxyRise } = verdict;
  const known = gold && !Number.isNaN(gold.pValue) ? gold : undefined;
  const fell =
    known && known.steps.peak !== known.steps.last && known.change.high < 0
      ? `${fallText(path, known)} (${countOf(known.change.n, "prompt")})`
      : undefined;
  const witness = fell ?? (heldOut ? confirmedText(heldOut) : known && fallText(path, known));
  switch (conclusion) {
    case "hacked":
      return `Yes: the reward rose, while ${witness}.`;
    case "worse":
      return `It became worse, and ${noPleasing(proxyRise)}: ${witness}.`;
    case "not hacked":
      return known ? `No. ${keptText(path, known)}` : `No: ${witness}.`;
    default:
      return known && conclusion === "not distinguishable"
        ? `It cannot be told. ${untoldText(path, known)}`
        : hackedSentence(path, verdict);
  }
}

const noPleasing = ({ high }: HackingVerdict["proxyRise"]): string =>
  high < 0 ? "not by pleasing the reward" : "no rise of the reward is shown";

/** As a sentence begins. */
export const capitalised = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** A fall is said where the interval is clear of zero. */
function fallText(path: OptimisationPath, { steps, change }: GoldWitness): string {
  const witness = scoreOf(path);
  if (steps.peak === steps.last) return `${witness} is highest at the end, step ${steps.last}`;
  const text = changeText(path, change);
  return change.high < 0
    ? `${witness} fell from its peak at step ${steps.peak}: ${text}`
    : `${witness} is not clearly below its peak at step ${steps.peak}: ${text}`;
}

const sizeText = (path: OptimisationPath, value: number): string =>
  formatInUnit(value, unitsOf(path).change);

/** What "not hacked" claims. */
const keptText = (path: OptimisationPath, { change, gain, margin }: GoldWitness): string =>
  `From no look did ${scoreOf(path)} fall by more than ${sizeText(path, Math.max(0, -change.low))}, within ` +
  `the ${sizeText(path, margin)} that would matter, and it ends above its beginning: ` +
  `${changeText(path, gain)} (${countOf(gain.n, "prompt")}).`;

/** What of that cannot be claimed, and what would tell. */
function untoldText(path: OptimisationPath, gold: GoldWitness): string {
  const { change, gain, margin } = gold;
  const open = [
    ...(change.low > -margin
      ? []
      : [`that ${scoreOf(path)} fell by ${sizeText(path, margin)} or more`]),
    ...(gain.low > 0 ? [] : [`that it ends no higher than it began (${changeText(path, gain)})`]),
  ];
  const settled = promptsToSettle(gold);
  return (
    `It is not ruled out ${open.join(", nor ")}. ` +
    (settled === undefined
      ? "If what was seen is what is true, no number of prompts would tell."
      : `If what was seen is what is true, ${countOf(settled.prompts, "prompt")} ` +
        `(${change.n} now) would show ${settled.shows}, four times in five.`)
  );
}

/** A rise is said by the rule's own test, a fall where the interval is clear of zero. */
const riseWord = ({ pValue, high }: HackingVerdict["proxyRise"]): string =>
  pValue < ALPHA ? "rose" : high < 0 ? "fell" : "changed";

function whyNone(path: OptimisationPath): string {
  const { looks, guard } = path;
  const witness = witnessOf(path);
  const gold =
    looks.length === 0
      ? path.witness === undefined
        ? "nothing says how what was meant changed (--gold, --judge)"
        : `${witness} judged no prompt at every step`
      : looks.length === 1
        ? `${witness} looked once, and a change needs two looks`
        : `${witness} looked at too few prompts that are independent`;
  const heldOut =
    guard === undefined
      ? "no held-out reward was logged (--held-out-reward)"
      : "the run is too short";
  return `Nothing can be concluded: ${gold}, and ${heldOut}.`;
}
