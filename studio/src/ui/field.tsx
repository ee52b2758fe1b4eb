/** A control with its label, what it means, and what is wrong with it. */
import type { ReactNode } from "react";
import { useId } from "react";

/** For the control: `<input {...given} />`. */
export interface ControlProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
}

export interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  /** The label stands behind the control, as with check boxes. */
  beside?: boolean;
  children: (given: ControlProps) => ReactNode;
}

export function Field({ label, hint, error, beside = false, children }: FieldProps) {
  const id = useId();
  const described = [
    hint === undefined ? "" : `${id}-hint`,
    error === undefined ? "" : `${id}-error`,
  ];
  const given: ControlProps = {
    id,
    "aria-describedby": described.join(" ").trim() || undefined,
    "aria-invalid": error !== undefined,
  };
  return (
    <div className={beside ? "field field-beside" : "field"}>
      {beside && children(given)}
      <label htmlFor={id}>{label}</label>
      {!beside && children(given)}
      {hint !== undefined && (
        <div className="field-hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {error !== undefined && (
        <div className="field-error" id={`${id}-error`}>
          {error}
        </div>
      )}
    </div>
  );
}
