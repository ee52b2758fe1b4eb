/** Begins a project. */
import { useState } from "react";
import { useLocation } from "wouter";
import type { KindName } from "../../../src/labelling/kinds/index.ts";
import { KIND_NAMES, KINDS } from "../../../src/labelling/kinds/index.ts";
import { projectConfig } from "../../../src/labelling/project.config.ts";
import { createProject } from "../../../src/studio/api/projects.ts";
import { useSession } from "../app/session.tsx";
import { useCall } from "../calls/hooks.ts";
import { ConfigForm } from "../forms/ConfigForm.tsx";
import type { Given } from "../forms/state.ts";
import { isWhole, optionStates, treeOf } from "../forms/state.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, ErrorBox } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { say } from "../ui/toast.tsx";

const slugOf = (name: string): string =>
  name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60);

/** Numbers as they are typed; what is none stays, for the server's schema to refuse. */
const countFrom = (text: string): number => (text.trim() === "" ? 1 : Number(text));

export function NewProject() {
  const { reload } = useSession();
  const { send, busy, error } = useCall(createProject);
  const [, go] = useLocation();
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string>();
  const [kind, setKind] = useState<KindName>("compare");
  const [overlap, setOverlap] = useState("1");
  const [given, setGiven] = useState<Given>({});
  const whole = isWhole(optionStates(projectConfig, given));
  const create = async (): Promise<void> => {
    const answer = await send({
      params: {},
      body: {
        slug: slug ?? slugOf(name),
        name,
        kind,
        overlap: countFrom(overlap),
        settings: treeOf(projectConfig, given),
      },
    });
    if (answer === undefined) return;
    reload();
    say(texts.create.created);
    go(`/${answer.slug}/data`);
  };
  return (
    <form className="wide-form" onSubmit={(event) => (event.preventDefault(), void create())}>
      <h1>{texts.create.title}</h1>
      <Field label={texts.create.name}>
        {(control) => (
          <input
            {...control}
            required
            maxLength={120}
            value={name}
            onChange={({ target }) => setName(target.value)}
          />
        )}
      </Field>
      <Field label={texts.create.slug} hint={texts.create.slugHint}>
        {(control) => (
          <input
            {...control}
            required
            maxLength={60}
            pattern="[a-z0-9][a-z0-9\-]*"
            value={slug ?? slugOf(name)}
            onChange={({ target }) => setSlug(target.value)}
          />
        )}
      </Field>
      <KindChoice kind={kind} onChoose={setKind} />
      <Field label={texts.create.overlap} hint={texts.create.overlapHint}>
        {(control) => (
          <input
            {...control}
            type="number"
            min={1}
            max={1000}
            value={overlap}
            onChange={({ target }) => setOverlap(target.value)}
          />
        )}
      </Field>
      <details>
        <summary>{texts.create.more}</summary>
        <ConfigForm definition={projectConfig} given={given} onChange={setGiven} />
      </details>
      <ErrorBox error={error} />
      <Button type="submit" look="main" busy={busy} disabled={!whole}>
        {texts.create.create}
      </Button>
    </form>
  );
}

function KindChoice({ kind, onChoose }: { kind: KindName; onChoose: (kind: KindName) => void }) {
  return (
    <fieldset>
      <legend>{texts.create.kind}</legend>
      {KIND_NAMES.map((name) => (
        <label key={name} className="kind">
          <input type="radio" name="kind" checked={kind === name} onChange={() => onChoose(name)} />
          <span>
            <strong>{KINDS[name].title}</strong>
            <br />
            <span className="soft">{KINDS[name].summary}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
