/** What the parts of an evaluation will ask and cost, together, before anything is asked. */
import { sumEstimates } from "../../constitution/estimate.ts";
import type { CommandContext } from "../command.ts";
import { announceCosts } from "../constitution/costs.ts";
import type { PartCosts, PreparedPart } from "./part.ts";

/**
 * A text for each bill.
 * @throws AttuneError `usage` where one is higher than its budget
 */
export function announceParts(
  parts: readonly { prepared: Pick<PreparedPart, "costs"> }[],
  context: CommandContext,
): string[] {
  const bills = new Map<string, PartCosts[]>();
  for (const { prepared } of parts) {
    const { costs } = prepared;
    if (costs === undefined) continue;
    const { priceInput, priceOutput, budget } = costs.prices;
    const key = JSON.stringify([priceInput, priceOutput, budget]);
    bills.set(key, [...(bills.get(key) ?? []), costs]);
  }
  return [...bills.values()].map((costs) =>
    announceCosts(sumEstimates(costs.map(({ estimate }) => estimate)), costs[0]!.prices, context),
  );
}
