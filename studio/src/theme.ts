/** Light, dark, or as the system has it: the colours are the reports' (src/report/colours.ts). */
import { useSyncExternalStore } from "react";
import { DARK, LIGHT } from "../../src/report/colours.ts";
import { remember, remembered } from "./remember.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:root { ${LIGHT} color-scheme: light; }
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) { ${DARK} color-scheme: dark; }
}
:root[data-theme="dark"] { ${DARK} color-scheme: dark; }`);

const listeners = new Set<() => void>();
let theme: Theme = "system";

/** Before anything is drawn. */
export function beginTheme(): void {
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const kept = remembered("theme");
  setTheme(THEMES.find((each) => each === kept) ?? "system");
}

export function setTheme(next: Theme): void {
  theme = next;
  remember("theme", next);
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => theme);

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const subscribeDark = (listener: () => void): (() => void) => {
  darkSystem.addEventListener("change", listener);
  const stop = subscribe(listener);
  return () => (stop(), darkSystem.removeEventListener("change", listener));
};
/** Whether what is drawn now is dark: for charts on a canvas, which CSS does not reach. */
export const useDark = (): boolean =>
  useSyncExternalStore(subscribeDark, () =>
    theme === "system" ? darkSystem.matches : theme === "dark",
  );
