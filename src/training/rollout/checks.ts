/** What must hold of the policy that answers and the one that learns. */
import { AttuneError } from "../../core/errors.ts";
import { isNegative } from "../../objectives/kl.ts";
import type { Warning } from "../step.ts";
import type { Policy } from "./policy.ts";

/** How far the first minibatch may be from ratio 1 and approximate KL 0. */
const ON_POLICY_TOLERANCE = 1e-4;

/**
 * The policy that learns must be the one that answered: before its first update every ratio is 1.
 */
export function checkOnPolicy(
  { checks }: Pick<Policy, "checks">,
  update: Readonly<Record<string, number>>,
): void {
  if (checks.onPolicy) return;
  checks.onPolicy = true;
  const { "val/ratio": ratio, "policy/approxkl_avg": approximateKl } = update;
  if (Math.abs(ratio! - 1) <= ON_POLICY_TOLERANCE && approximateKl! <= ON_POLICY_TOLERANCE) return;
  throw new AttuneError(
    "numeric",
    "the first minibatch is not on policy: scoring and training disagree about the same weights",
    {
      got: `ratio ${ratio}, approximate KL ${approximateKl}`,
      expected: `1 and 0 within ${ON_POLICY_TOLERANCE}`,
      hint: "this is a defect of attune or of the device: please report it with the model",
    },
  );
}

/** Roll-outs in a row with a KL significantly below 0 that are worth a warning. */
const NEGATIVE_STEPS = 3;

/** Noise may bring one roll-out's KL below 0, but not several in a row. */
export function negativeKl(
  { checks }: Pick<Policy, "checks">,
  perAnswer: readonly number[],
): Warning[] {
  checks.negativeSteps = isNegative(perAnswer) ? checks.negativeSteps + 1 : 0;
  if (checks.negativeSteps !== NEGATIVE_STEPS) return [];
  const message =
    `the KL from the reference has been significantly below 0 for ${NEGATIVE_STEPS} roll-outs: ` +
    "answers are not drawn from the policy that is trained";
  return [{ id: "negative-kl", message }];
}
