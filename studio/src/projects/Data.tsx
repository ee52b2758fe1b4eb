/** Tasks in, labels and judgements out. */
import { useState } from "react";
import { exportData, importData } from "../../../src/studio/api/projects.ts";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { addressOf } from "../api.ts";
import { useCall } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import type { PartProps } from "./ProjectPage.tsx";

const t = texts.data;

export function Data({ project, onImport }: PartProps & { onImport: () => void }) {
  return (
    <>
      <Import project={project.slug} onImport={onImport} />
      <Export project={project.slug} />
    </>
  );
}

function Import({ project, onImport }: { project: string; onImport: () => void }) {
  const { send, busy, error } = useCall(importData);
  const [file, setFile] = useState<File>();
  const [as, setAs] = useState<"tasks" | "gold">("tasks");
  const [judgements, setJudgements] = useState(true);
  const [done, setDone] = useState<AnswerOf<typeof importData>>();
  const start = async (): Promise<void> => {
    if (file === undefined) return;
    setDone(undefined);
    const query = { name: file.name, as, judgements: judgements ? "keep" : "leave" } as const;
    const answer = await send({ params: { project }, query }, { file });
    if (answer === undefined) return;
    setDone(answer);
    onImport();
  };
  return (
    <form className="wide-form" onSubmit={(event) => (event.preventDefault(), void start())}>
      <h2>{t.importTitle}</h2>
      <Field label={t.file} hint={t.fileHint}>
        {(given) => (
          <input
            {...given}
            type="file"
            required
            onChange={({ target }) => setFile(target.files?.[0])}
          />
        )}
      </Field>
      <Field label={t.as}>
        {(given) => (
          <select {...given} value={as} onChange={({ target }) => setAs(target.value as typeof as)}>
            <option value="tasks">{t.tasks}</option>
            <option value="gold">{t.gold}</option>
          </select>
        )}
      </Field>
      <Field label={t.judgements} beside>
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={judgements}
            onChange={({ target }) => setJudgements(target.checked)}
          />
        )}
      </Field>
      <Button type="submit" look="main" busy={busy} disabled={file === undefined}>
        {t.import}
      </Button>
      {busy && file !== undefined && <Spinner>{t.importing(file.name)}</Spinner>}
      <ErrorBox error={error} />
      {done !== undefined && (
        <div className="panel" role="status">
          <p>
            <strong>{t.done(done.added, done.known)}</strong>{" "}
            {t.more(done.judgements, done.annotators, done.gold)}
          </p>
          {done.notes.length > 0 && (
            <ul>
              {done.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          )}
        </div>
      )}
    </form>
  );
}

const ENDINGS = ["jsonl", "json", "csv", "parquet"] as const;

function Export({ project }: { project: string }) {
  const [what, setWhat] = useState<"labels" | "judgements">("labels");
  const [as, setAs] = useState<(typeof ENDINGS)[number]>("jsonl");
  const [probability, setProbability] = useState("0.5");
  const [least, setLeast] = useState("1");
  const [drop, setDrop] = useState(false);
  const query = {
    what,
    as,
    flagged: drop ? ("drop" as const) : ("keep" as const),
    ...(what === "labels" ? { minimumProbability: probability, minimumJudgements: least } : {}),
  };
  return (
    <section className="wide-form">
      <h2>{t.exportTitle}</h2>
      <Field label={t.what}>
        {(given) => (
          <select
            {...given}
            value={what}
            onChange={({ target }) => setWhat(target.value as typeof what)}
          >
            <option value="labels">{t.labels}</option>
            <option value="judgements">{t.each}</option>
          </select>
        )}
      </Field>
      <div className="field-row">
        <Field label={t.ending}>
          {(given) => (
            <select
              {...given}
              value={as}
              onChange={({ target }) => setAs(target.value as typeof as)}
            >
              {ENDINGS.map((ending) => (
                <option key={ending}>{ending}</option>
              ))}
            </select>
          )}
        </Field>
        {what === "labels" && (
          <>
            <NumberField
              label={t.probability}
              value={probability}
              onChange={setProbability}
              bounds={{ min: 0.5, max: 1, step: 0.05 }}
            />
            <NumberField label={t.least} value={least} onChange={setLeast} bounds={{ min: 1 }} />
          </>
        )}
      </div>
      <Field label={t.flagged} beside>
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={drop}
            onChange={({ target }) => setDrop(target.checked)}
          />
        )}
      </Field>
      <a className="button" href={addressOf(exportData, { params: { project }, query })} download>
        {t.export}
      </a>
    </section>
  );
}

interface NumberFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  bounds: { min: number; max?: number; step?: number };
}

const NumberField = ({ label, value, onChange, bounds }: NumberFieldProps) => (
  <Field label={label}>
    {(given) => (
      <input
        {...given}
        {...bounds}
        type="number"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    )}
  </Field>
);
