/** Options of trainers that the table of losses gives: what the chosen losses read and need. */
import type { ConfigProblem, OptionalField } from "../config/config.ts";
import { expectation } from "../config/types.ts";
import type { Hyperparameter, PreferenceLoss } from "./preference-loss.ts";
import type {
  HyperparameterName,
  PreferenceHyperparameters,
  PreferenceLossName,
} from "./preference.ts";
import { PREFERENCE_LOSSES, PREFERENCE_LOSS_TABLE } from "./preference.ts";

/** Names of the losses of which something holds. */
export const lossesThat = (holds: (loss: PreferenceLoss) => boolean): PreferenceLossName[] =>
  PREFERENCE_LOSSES.filter((name) => holds(PREFERENCE_LOSS_TABLE[name]));

/** Those of the losses that read no soft labels, each once. */
export const withoutSoftLabels = (losses: readonly PreferenceLossName[]): PreferenceLossName[] =>
  [...new Set(losses)].filter((loss) => !PREFERENCE_LOSS_TABLE[loss].softLabels);

/** Defaults of an option by the chosen loss, of the losses that have one of their own. */
export function defaultsByLoss<T>(
  of: (loss: PreferenceLoss) => { readonly value: T; readonly source: string } | undefined,
): { when: { loss: PreferenceLossName[] }; value: T; source: string }[] {
  return PREFERENCE_LOSSES.flatMap((name) => {
    const own = of(PREFERENCE_LOSS_TABLE[name]);
    return own ? [{ when: { loss: [name] }, ...own }] : [];
  });
}

/**
 * Every hyperparameter of every loss, as an option that is refused where no chosen loss reads it.
 */
export const hyperparameterFields = Object.fromEntries(
  PREFERENCE_LOSSES.flatMap((loss) => Object.keys(PREFERENCE_LOSS_TABLE[loss].hyperparameters)).map(
    (name) => [name, optionOf(name)],
  ),
) as { readonly [Name in HyperparameterName]: Hyperparameter };

/** The option as the first loss that reads it has it, with the other losses' own defaults. */
function optionOf(name: string): Hyperparameter {
  const readers = lossesThat(({ hyperparameters }) => name in hyperparameters);
  const first = PREFERENCE_LOSS_TABLE[readers[0]!].hyperparameters[name]!;
  const others = defaultsByLoss(({ hyperparameters }) => {
    const own = hyperparameters[name];
    return own && own.default !== first.default
      ? { value: own.default, source: own.source }
      : undefined;
  });
  return {
    ...first,
    ...(others.length > 0 ? { defaultWhen: others } : {}),
    ...(readers.length < PREFERENCE_LOSSES.length ? { appliesWhen: { loss: readers } } : {}),
  };
}

/** A chosen loss's hyperparameter outside the range of that loss. */
export function checkHyperparameters(
  losses: readonly PreferenceLossName[],
  given: PreferenceHyperparameters,
): ConfigProblem | undefined {
  for (const loss of losses) {
    const own: Readonly<Record<string, OptionalField>> =
      PREFERENCE_LOSS_TABLE[loss].hyperparameters;
    for (const [option, { type, range }] of Object.entries(own)) {
      const value = given[option as HyperparameterName];
      if (!type.safeParse(value).success)
        return {
          option,
          what: `${loss} cannot take ${value}${range === undefined ? "" : `: ${range}`}`,
          expected: expectation(type),
          hint: String(own[option]!.default),
        };
    }
  }
  return undefined;
}

/** The defaults of the first of these losses that reads each, else of the first loss that does. */
export function defaultHyperparameters(
  losses: readonly PreferenceLossName[] = [],
): PreferenceHyperparameters {
  const order = [...losses, ...PREFERENCE_LOSSES].toReversed();
  const entries = order.flatMap((loss) =>
    Object.entries(PREFERENCE_LOSS_TABLE[loss].hyperparameters).map(
      ([name, { default: value }]) => [name, value] as const,
    ),
  );
  return Object.fromEntries(entries) as PreferenceHyperparameters;
}
