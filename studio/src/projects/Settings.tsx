/** Settings of a project, as a form made from their definition. */
import { useMemo, useState } from "react";
import { projectConfig } from "../../../src/labelling/project.config.ts";
import { changeProject } from "../../../src/studio/api/projects.ts";
import { useCall } from "../calls/hooks.ts";
import { ConfigForm } from "../forms/ConfigForm.tsx";
import type { Given } from "../forms/state.ts";
import { givenOf, isWhole, optionStates, treeOf } from "../forms/state.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, CopyButton, ErrorBox } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { say } from "../ui/toast.tsx";
import type { PartProps } from "./ProjectPage.tsx";

export function Settings({ project, onChange }: PartProps) {
  const { send, busy, error } = useCall(changeProject);
  // what is typed stays while the project is asked for again
  const [name, setName] = useState(project.name);
  const [overlap, setOverlap] = useState(String(project.overlap));
  const [given, setGiven] = useState<Given>(() => givenOf(projectConfig, project.settings));
  const wrong = useMemo(
    () => optionStates(projectConfig, given).filter((state) => !isWhole([state])).length,
    [given],
  );
  const save = async (): Promise<void> => {
    const answer = await send({
      params: { project: project.slug },
      body: { name, overlap: Number(overlap), settings: treeOf(projectConfig, given) },
    });
    if (answer === undefined) return;
    onChange(answer);
    say(texts.settings.saved);
  };
  return (
    <form className="wide-form" onSubmit={(event) => (event.preventDefault(), void save())}>
      <Field label={texts.settings.name}>
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
      <Field label={texts.create.overlap} hint={texts.create.overlapHint}>
        {(control) => (
          <input
            {...control}
            type="number"
            required
            min={1}
            max={1000}
            value={overlap}
            onChange={({ target }) => setOverlap(target.value)}
          />
        )}
      </Field>
      <ConfigForm definition={projectConfig} given={given} onChange={setGiven} />
      <CrowdLink slug={project.slug} open={given["crowd.open"] === true} />
      <ErrorBox error={error} />
      {wrong > 0 && (
        <p className="field-error" role="status">
          {texts.settings.unsaved(wrong)}
        </p>
      )}
      <Button type="submit" look="main" busy={busy} disabled={wrong > 0}>
        {texts.settings.save}
      </Button>
    </form>
  );
}

/** The address that a crowd's platform is given. */
function CrowdLink({ slug, open }: { slug: string; open: boolean }) {
  const names = ["PROLIFIC_PID", "STUDY_ID", "SESSION_ID"];
  const query = names.map((name) => `${name}={{%${name}%}}`).join("&");
  const link = `${location.origin}/crowd/${slug}?${query}`;
  return (
    <div className="panel">
      <strong>{texts.settings.crowdLink}</strong>
      {open ? (
        <p>
          <code className="long">{link}</code> <CopyButton text={link} />
        </p>
      ) : (
        <p className="soft">{texts.settings.crowdClosed}</p>
      )}
      <p className="soft">{texts.settings.crowdHint}</p>
    </div>
  );
}
