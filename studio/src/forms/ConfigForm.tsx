/**
 * A form made from an option definition (src/config/config.ts): groups, units, ranges, defaults with
 * their sources, and options that have no effect with what is chosen.
 */
import { useMemo } from "react";
import type { ConfigDefinition } from "../../../src/config/config.ts";
import { describeType } from "../../../src/config/types.ts";
import { strings } from "../strings.ts";
import { Button } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { OptionControl } from "./OptionControl.tsx";
import type { Given, OptionState } from "./state.ts";
import { optionStates } from "./state.ts";

export interface ConfigFormProps {
  definition: ConfigDefinition;
  /** What is set, by dotted path: keep it in a state; `givenOf` and `treeOf` convert. */
  given: Given;
  onChange: (given: Given) => void;
  /** Which options are shown; all where left out. */
  only?: (path: string) => boolean;
  /** Nothing may be changed. */
  disabled?: boolean;
}

export function ConfigForm({ definition, given, onChange, only, disabled }: ConfigFormProps) {
  const groups = useMemo(() => {
    const groups = new Map<string, OptionState[]>();
    for (const state of optionStates(definition, given)) {
      const { path, field } = state.option;
      if (only !== undefined && !only(path)) continue;
      groups.set(field.group, [...(groups.get(field.group) ?? []), state]);
    }
    return groups;
  }, [definition, given, only]);
  const change = (path: string, value: unknown): void => {
    const { [path]: _, ...rest } = given;
    onChange(value === undefined ? rest : { ...rest, [path]: value });
  };
  return (
    <div className="config-form">
      {[...groups].map(([group, states]) => (
        <fieldset key={group} disabled={disabled}>
          <legend>{group}</legend>
          {states
            .filter(({ unused, given }) => unused === undefined || given)
            .map((state) => (
              <OptionField key={state.option.path} state={state} onChange={change} />
            ))}
          <Unused states={states} />
        </fieldset>
      ))}
    </div>
  );
}

/** `learningRate` as `Learning rate`; a name before the dot that is the group's is left out. */
export function optionTitle(path: string, group = ""): string {
  const own = path.toLowerCase().startsWith(`${group.toLowerCase()}.`);
  const words = (own ? path.slice(group.length + 1) : path)
    .replaceAll(".", ": ")
    .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const written = (value: unknown): string =>
  value === "" || value === null || (Array.isArray(value) && value.length === 0)
    ? strings.form.empty
    : typeof value === "boolean"
      ? value
        ? strings.form.yes
        : strings.form.no
      : Array.isArray(value)
        ? value.map(String).join(", ")
        : typeof value === "object"
          ? JSON.stringify(value)
          : String(value);

interface OptionFieldProps {
  state: OptionState;
  onChange: (path: string, value: unknown) => void;
}

function OptionField({ state, onChange }: OptionFieldProps) {
  const { option, value, given, standard, unused, error } = state;
  const { path, field } = option;
  const range = field.range ?? describeType(field.type).range;
  const facts = [
    [range, field.unit].filter((text) => text !== undefined && text !== "").join(" "),
    standard === undefined ? strings.form.required : strings.form.default(written(standard.value)),
    standard === undefined ? "" : strings.form.source(standard.source),
  ].filter((text) => text !== "");
  const hint = (
    <>
      {field.description}. <span className="field-facts">{facts.join("; ")}.</span>
      {unused !== undefined && <div className="field-error">{strings.form.notUsed(unused)}</div>}
      {given && standard !== undefined && (
        <Button look="quiet" className="reset" onClick={() => onChange(path, undefined)}>
          {strings.form.reset}
          <span className="unseen">: {optionTitle(path, field.group)}</span>
        </Button>
      )}
    </>
  );
  const label = (
    <>
      {optionTitle(path, field.group)}
      {given && <span className="given"> ({strings.form.changed})</span>}
    </>
  );
  const shown = given ? error : undefined;
  return (
    <Field label={label} hint={hint} error={shown} beside={describeType(field.type).boolean}>
      {(control) => (
        <OptionControl
          type={field.type}
          value={value}
          control={control}
          onChange={(next) => onChange(path, next)}
        />
      )}
    </Field>
  );
}

/** Options that this choice has no use for are named, so that nobody looks for them in vain. */
function Unused({ states }: { states: readonly OptionState[] }) {
  const unused = states.filter(({ unused, given }) => unused !== undefined && !given);
  if (unused.length === 0) return null;
  return (
    <details className="soft">
      <summary>{strings.form.hidden(unused.length)}</summary>
      <ul>
        {unused.map(({ option, unused }) => (
          <li key={option.path}>
            {optionTitle(option.path, option.field.group)}: {unused}
          </li>
        ))}
      </ul>
    </details>
  );
}
