/** Small things that every section uses. */
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { useEffect, useState } from "react";
import { CallError } from "../api.ts";
import type { ErrorDetails } from "../api.ts";
import { isAway } from "../calls/patient.ts";
import { strings } from "../strings.ts";

const { errors } = strings;

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `main`: what one came for; `danger`: takes something away; `quiet`: beside others. */
  look?: "main" | "plain" | "quiet" | "danger";
  busy?: boolean;
  /** Key that does the same, shown on it. */
  hotkey?: string | undefined;
}

export function Button({ look = "plain", busy = false, hotkey, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      aria-busy={busy}
      {...rest}
      disabled={busy || rest.disabled}
      className={`button button-${look} ${rest.className ?? ""}`}
    >
      {children}
      {hotkey !== undefined && <Key>{hotkey}</Key>}
    </button>
  );
}

export const Key = ({ children }: { children: ReactNode }) => (
  <kbd className="key-cap">{children}</kbd>
);

/** Waiting, in words; shown only where it takes longer than a blink. */
export function Spinner({ children = strings.waiting }: { children?: ReactNode }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p className="spinner" role="status">
      {shown && (
        <>
          <span className="spinner-wheel" aria-hidden="true" />
          {children}
        </>
      )}
    </p>
  );
}

export const Empty = ({ title, children }: { title?: string; children?: ReactNode }) => (
  <div className="empty">
    {title !== undefined && <h2>{title}</h2>}
    {children}
  </div>
);

/** What an error says, apart. */
export function errorParts(error: unknown): { what: string } & ErrorDetails {
  if (error instanceof CallError) return { what: error.message.split("\n")[0]!, ...error.details };
  if (isAway(error)) return { what: errors.away, hint: errors.awayHint };
  if (typeof error === "object" && error !== null && "what" in error && "details" in error) {
    const { what, details } = error as { what: string; details: ErrorDetails };
    return { what, ...details };
  }
  return { what: error instanceof Error ? error.message : String(error) };
}

/** What went wrong, what was got and expected, and what to try. */
export function ErrorBox({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  if (error === undefined || error === null) return null;
  const { what, got, expected, hint } = errorParts(error);
  const rows = (
    [
      [errors.got, got],
      [errors.expected, expected],
      [errors.hint, hint],
    ] as const
  ).filter(([, text]) => text !== undefined && text !== "");
  return (
    <div className="error-box" role="alert">
      <p className="error-what">{what}</p>
      {rows.length > 0 && (
        <dl>
          {rows.map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      {again !== undefined && <Button onClick={again}>{errors.again}</Button>}
    </div>
  );
}

/** Copies a text; says whether it did. */
export function CopyButton({ text, label = strings.copy.copy }: { text: string; label?: string }) {
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  const copy = async (): Promise<void> => {
    const done = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    setState(done ? "copied" : "failed");
    setTimeout(() => setState("ready"), 2500);
  };
  const says = { ready: label, copied: strings.copy.copied, failed: strings.copy.failed }[state];
  return (
    <Button look="quiet" className="copy" onClick={() => void copy()}>
      <span aria-live="polite">{says}</span>
    </Button>
  );
}

/** A conclusion or a state, with a form of its own besides its colour. */
export const Chip = ({ kind = "plain", children }: { kind?: string; children: ReactNode }) => (
  <span className={`chip chip-${kind}`}>{children}</span>
);
