/** What somebody writes, kept by the browser while the task is his: a closed tab loses none of it. */
import { useState } from "react";
import { remember, remembered } from "../../remember.ts";

export function useKept(
  assignment: string,
  name: string,
  begin: string,
): [text: string, set: (text: string) => void, forget: () => void] {
  const key = `draft:${assignment}:${name}`;
  const [text, setText] = useState(() => remembered(key) ?? begin);
  const set = (next: string): void => {
    setText(next);
    remember(key, next === begin ? undefined : next);
  };
  return [text, set, () => void remember(key, undefined)];
}
