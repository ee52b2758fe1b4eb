/**
 * What the losses of a preference run make of soft labels. A loss that takes none learns from the
 * likelier answer as from a plain label, and nothing from a tie; one such loss in a mixture is
 * enough for ties to be left out.
 */
import { AttuneError } from "../../core/errors.ts";
import type { LabelNote } from "../../data/judgements.ts";
import { isTie, readAsCertain, turnedOver } from "../../data/judgements.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { lossesThat, withoutSoftLabels } from "../../objectives/preference-options.ts";
import type { PreferenceLossName } from "../../objectives/preference.ts";

export interface PairLabels {
  /** Whether something can be learned from a pair. */
  usable: (pair: PreferenceRecord) => boolean;
  /** What is worth telling of the labels. */
  notes: LabelNote[];
}

/**
 * @param pairs all of them, held-out ones too
 * @throws AttuneError `data` where all are ties and a loss takes none
 */
export function pairLabels(
  pairs: readonly PreferenceRecord[],
  losses: readonly PreferenceLossName[],
): PairLabels {
  const plain = withoutSoftLabels(losses);
  if (plain.length === 0) return { usable: () => true, notes: turnedOver(pairs) };
  const names = plain.join(" and ");
  if (pairs.length > 0 && pairs.every(isTie))
    throw new AttuneError("data", `every pair is a tie, from which ${names} learns nothing`, {
      ...pairs[0]!.place,
      expected: "pairs with a p other than 0.5",
      hint: `a loss that takes soft labels: ${lossesThat(({ softLabels }) => softLabels).join(", ")}`,
    });
  return {
    usable: (pair) => !isTie(pair),
    notes: [...turnedOver(pairs), ...readAsCertain(pairs, names)],
  };
}
