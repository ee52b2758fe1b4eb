/** Says once what a user's function depends on that is not followed. */
import { formatPlainList } from "../../evaluation/plain-list.ts";
import type { CommandContext } from "../command.ts";

/** @param who "judge taste.ts", "reward length.ts" */
export function tellNotFollowed(
  who: string,
  notFollowed: readonly string[],
  { reporter }: Pick<CommandContext, "reporter">,
): void {
  if (notFollowed.length > 0)
    reporter.note(
      `${who}: its file and what it imports by a relative path are followed, so that a change ` +
        `asks it anew; not ${formatPlainList(notFollowed)}`,
    );
}
