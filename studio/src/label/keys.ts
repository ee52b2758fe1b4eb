/** Which key does what while labelling; everybody may choose others, which this browser keeps. */
import { useEffect, useRef, useSyncExternalStore } from "react";
import type { KindName } from "../../../src/labelling/kinds/index.ts";
import { remember, remembered } from "../remember.ts";
import { label } from "../strings/label.ts";

export type ActionName = keyof typeof label.actions;
/** Normalised: `a`, `?`, `arrowleft`, `ctrl+z`. */
export type Keys = Readonly<Partial<Record<ActionName, readonly string[]>>>;

const COMMON: Keys = {
  skip: ["s"],
  flag: ["f"],
  comment: ["c"],
  undo: ["u", "ctrl+z"],
  plain: ["m"],
  guidelines: ["g"],
  help: ["?"],
};

/** docs/decisions/studio-keys.md has the reasons. */
const OF_KIND: Readonly<Record<KindName, Keys>> = {
  compare: {
    left: ["a", "arrowleft"],
    right: ["b", "arrowright"],
    tie: ["t", "5"],
    "both-bad": ["n", "0"],
    "left-significantly": ["1"],
    "left-better": ["2"],
    "left-slightly": ["3"],
    "left-negligibly": ["4"],
    "right-negligibly": ["6"],
    "right-slightly": ["7"],
    "right-better": ["8"],
    "right-significantly": ["9"],
    "question-back": ["backspace"],
    differences: ["d"],
  },
  rank: {
    ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`rank-${i + 1}`, [`${i + 1}`]])),
    "rank-tie": ["="],
    "rank-again": ["backspace"],
    done: ["enter", "ctrl+enter"],
  },
  accept: { accept: ["a", "y"], reject: ["r", "n"] },
  rewrite: { edit: ["e"], done: ["ctrl+enter"] },
  critique: { edit: ["e"], done: ["ctrl+enter"] },
};

export const actionsOf = (kind: KindName): readonly ActionName[] =>
  Object.keys({ ...OF_KIND[kind], ...COMMON }) as ActionName[];

const STORED = "keys";
let chosen: Keys = read();
let lettersOn = remembered("keys-off") !== "yes";
const listeners = new Set<() => void>();
const changed = (): void => {
  for (const listener of listeners) listener();
};
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

function read(): Keys {
  try {
    const value: unknown = JSON.parse(remembered(STORED) ?? "{}");
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter(
        ([name, keys]) =>
          name in label.actions &&
          Array.isArray(keys) &&
          keys.every((key) => typeof key === "string"),
      ),
    );
  } catch {
    return {};
  }
}

export const useKeys = (): Keys => useSyncExternalStore(subscribe, () => chosen);
export const useLettersOn = (): boolean => useSyncExternalStore(subscribe, () => lettersOn);

export const keysOf = (kind: KindName, own: Keys, action: ActionName): readonly string[] =>
  own[action] ?? OF_KIND[kind][action] ?? COMMON[action] ?? [];

/** @returns the action that has a key already, where there is one */
export function ownerOf(kind: KindName, own: Keys, key: string): ActionName | undefined {
  return actionsOf(kind).find((action) => keysOf(kind, own, action).includes(key));
}

export function setKeys(action: ActionName, keys: readonly string[]): void {
  chosen = { ...chosen, [action]: keys };
  remember(STORED, JSON.stringify(chosen));
  changed();
}

export function resetKeys(): void {
  chosen = {};
  remember(STORED, undefined);
  changed();
}

export function setLettersOn(on: boolean): void {
  lettersOn = on;
  remember("keys-off", on ? undefined : "yes");
  changed();
}

/** @returns nothing where the key is one that only changes others */
export function keyOf(event: {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}): string | undefined {
  const { key, ctrlKey, metaKey, altKey } = event;
  if (altKey || ["Shift", "Control", "Meta", "Alt", "Dead", "Process"].includes(key))
    return undefined;
  return (ctrlKey || metaKey ? "ctrl+" : "") + key.toLowerCase();
}

const NAMES: Readonly<Record<string, string>> = {
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
  enter: "Enter",
  backspace: "Backspace",
  " ": "Space",
};
/** As it stands on buttons and in the help. */
export function keyTitle(key: string): string {
  const plain = key.replace(/^ctrl\+/, "");
  const name = NAMES[plain] ?? (plain.length === 1 ? plain.toUpperCase() : plain);
  return key.startsWith("ctrl+") ? `Ctrl ${name}` : name;
}

const isTyped = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)));

/** Enter and space belong to what has the focus. */
const presses = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest("button, a, summary, input, [role=button]") !== null;

export type Acts = Partial<Record<ActionName, () => void>>;

/** Does what keys say, while nothing else has them. */
export function useHotkeys(kind: KindName, acts: Acts, on: boolean): void {
  const own = useKeys();
  const letters = useLettersOn();
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    if (!on) return undefined;
    const listen = (event: KeyboardEvent): void => {
      const key = keyOf(event);
      if (key === undefined || event.defaultPrevented || event.isComposing) return;
      const withCtrl = key.startsWith("ctrl+");
      // Ctrl Z takes back what was typed
      if (isTyped(event.target) && (!withCtrl || key === "ctrl+z")) return;
      if (!withCtrl && !letters) return;
      if ((key === "enter" || key === " ") && presses(event.target)) return;
      const action = ownerOf(kind, own, key);
      const act = action === undefined ? undefined : latest.current[action];
      if (act === undefined) return;
      event.preventDefault();
      if (!event.repeat) act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [kind, own, letters, on]);
}
