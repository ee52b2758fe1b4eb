/** The control of one option, by its schema. */
import { useMemo, useState } from "react";
import type { z } from "zod";
import { strings } from "../strings.ts";
import type { ControlProps } from "../ui/field.tsx";
import { controlOf } from "./kind-of-field.ts";

interface OptionControlProps {
  type: z.ZodType;
  value: unknown;
  control: ControlProps;
  /** undefined: as if it had never been set. */
  onChange: (value: unknown) => void;
}

export function OptionControl({ type, value, control, onChange }: OptionControlProps) {
  const kind = useMemo(() => controlOf(type), [type]);
  switch (kind.is) {
    case "yes-no":
      return (
        <input
          {...control}
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.target.checked)}
        />
      );
    case "choice":
      return (
        <select
          {...control}
          value={value === null || value === undefined ? "" : String(value)}
          onChange={({ target }) => onChange(target.value === "" ? null : target.value)}
        >
          {(kind.optional || value === undefined) && <option value="">{strings.form.empty}</option>}
          {kind.words.map((word) => (
            <option key={word}>{word}</option>
          ))}
        </select>
      );
    case "choices":
      return <Choices words={kind.words} value={value} control={control} onChange={onChange} />;
    case "text":
      return kind.long ? (
        <textarea
          {...control}
          value={typeof value === "string" ? value : ""}
          onChange={({ target }) => onChange(target.value)}
        />
      ) : (
        <input
          {...control}
          value={typeof value === "string" ? value : ""}
          onChange={({ target }) =>
            onChange(target.value === "" && kind.optional ? null : target.value)
          }
        />
      );
    case "lines":
      return <Written {...{ value, control, onChange }} read={readLines} write={writeLines} />;
    case "number":
      return (
        <Written {...{ value, control, onChange }} read={readNumber} write={writeNumber} short />
      );
    case "json":
      return <Written {...{ value, control, onChange }} read={readJson} write={writeJson} />;
  }
}

const readLines = (text: string): unknown => text.split("\n").filter((line) => line.trim() !== "");
const writeLines = (value: unknown): string => (Array.isArray(value) ? value.join("\n") : "");
/** What is no number stays as it is written, for the schema to refuse. */
const readNumber = (text: string): unknown => {
  if (text.trim() === "") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
};
const writeNumber = (value: unknown): string =>
  value === null || value === undefined ? "" : String(value);
const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};
const writeJson = (value: unknown): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

interface WrittenProps extends Omit<OptionControlProps, "type"> {
  read: (text: string) => unknown;
  write: (value: unknown) => string;
  short?: boolean;
}

/** A value that is written as text: what is typed stays as it is typed. */
function Written({ value, control, onChange, read, write, short = false }: WrittenProps) {
  const [text, setText] = useState(() => write(value));
  // another may have changed the value: a reset, or the other way round from a file
  const shown = JSON.stringify(read(text)) === JSON.stringify(value) ? text : write(value);
  const change = (next: string): void => {
    setText(next);
    const result = read(next);
    onChange(next.trim() === "" && result === null ? undefined : result);
  };
  return short ? (
    <input
      {...control}
      inputMode="decimal"
      autoComplete="off"
      value={shown}
      onChange={({ target }) => change(target.value)}
    />
  ) : (
    <textarea {...control} value={shown} onChange={({ target }) => change(target.value)} />
  );
}

interface ChoicesProps extends Omit<OptionControlProps, "type"> {
  words: readonly string[];
}

function Choices({ words, value, control, onChange }: ChoicesProps) {
  const chosen = new Set(Array.isArray(value) ? value.map(String) : []);
  const toggle = (word: string): void => {
    if (chosen.has(word)) chosen.delete(word);
    else chosen.add(word);
    onChange(words.filter((each) => chosen.has(each)));
  };
  return (
    <div role="group" {...control} aria-invalid={undefined} className="choices">
      {words.map((word) => (
        <label key={word}>
          <input type="checkbox" checked={chosen.has(word)} onChange={() => toggle(word)} />
          {word}
        </label>
      ))}
    </div>
  );
}
