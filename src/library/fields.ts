/** What a program hands over, looked at field by field: a misspelt one would be ignored. */
import { AttuneError, nearest } from "../core/errors.ts";

/** @throws AttuneError `config` for a field that nothing reads */
export function refuseUnknown(given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new AttuneError("config", `nothing reads the field ${unknown}`, {
    expected: known.join(", "),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
