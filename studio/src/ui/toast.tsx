/** Short messages that go away by themselves; screen readers are told them. */
import { useSyncExternalStore } from "react";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();
const change = (next: readonly Toast[]): void => {
  toasts = next;
  for (const listener of listeners) listener();
};

/** Milliseconds. */
const SHOWN = 5_000;

/** @param bad: it stays twice as long */
export function say(text: string, { bad = false }: { bad?: boolean } = {}): void {
  const id = ++last;
  change([...toasts.slice(-2), { id, text, bad }]);
  setTimeout(() => change(toasts.filter((each) => each.id !== id)), bad ? 2 * SHOWN : SHOWN);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => (listeners.add(listener), () => listeners.delete(listener)),
    () => toasts,
  );
  return (
    <div className="toasts" aria-live="polite" role="status">
      {shown.map(({ id, text, bad }) => (
        <p key={id} className={bad ? "toast toast-bad" : "toast"}>
          {text}
        </p>
      ))}
    </div>
  );
}
