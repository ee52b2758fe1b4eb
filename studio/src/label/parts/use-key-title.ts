/** The key of an action as its button shows it; nothing while keys are off. */
import type { KindName } from "../../../../src/labelling/kinds/index.ts";
import { keysOf, keyTitle, useKeys, useLettersOn } from "../keys.ts";
import type { ActionName } from "../keys.ts";

export function useKeyTitle(kind: KindName): (action: ActionName) => string | undefined {
  const own = useKeys();
  const on = useLettersOn();
  return (action) => {
    const key = keysOf(kind, own, action).find((each) => on || each.startsWith("ctrl+"));
    return key === undefined ? undefined : keyTitle(key);
  };
}
