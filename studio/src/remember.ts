/** What this browser remembers of somebody's choices; it may refuse to. */

const PREFIX = "attune-studio:";

/** @returns undefined where there is nothing, or where the browser keeps nothing */
export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @returns whether it is kept */
export function remember(name: string, value: string | undefined): boolean {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
    return true;
  } catch {
    return false;
  }
}
