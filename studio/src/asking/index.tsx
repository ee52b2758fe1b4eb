/** Trains on what is there, sorts the queue, and shows what more labels would buy. */
import { useState } from "react";
import { askConfig } from "../../../src/labelling/asking/ask.config.ts";
import type { AskingAnswer } from "../../../src/studio/api/asking.ts";
import { getAsking, startAsking } from "../../../src/studio/api/asking.ts";
import { listModels } from "../../../src/studio/api/meet.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { ConfigForm } from "../forms/ConfigForm.tsx";
import type { Given } from "../forms/state.ts";
import { treeOf } from "../forms/state.ts";
import { askingStrings as words } from "../strings/asking.ts";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { Table } from "../ui/table.tsx";
import "./asking.css";
import { Curve } from "./Curve.tsx";

const EVERY = 2_000;
/** What the studio says itself. */
const OWN = new Set(["model", "labels", "pool", "format", "columns", "ignoreColumns", "onBad"]);
const offered = (path: string): boolean => !OWN.has(path);

/** @param project its slug; only owners come here */
export default function Asking({ project }: { project: string }) {
  const params = { project };
  const state = useAnswer(getAsking, { params }, { every: EVERY });
  if (state.value === undefined)
    return state.error === undefined ? <Spinner /> : <ErrorBox error={state.error} />;
  const { labels, queue, curve, sorted } = state.value;
  const names = [...new Set([...Object.keys(labels), ...Object.keys(queue)])];
  return (
    <section className="asking">
      <h2>{words.title}</h2>
      <p>{words.what}</p>
      <Start project={project} state={state.value} onBegun={state.reload} />
      {sorted !== null && (
        <p role="status">{words.sorted(sorted.tasks, new Date(sorted.at).toLocaleString())}</p>
      )}
      <Table
        caption={words.shares}
        rows={names}
        rowKey={(name) => name}
        columns={[
          { title: words.chosen, cell: (name) => words.by[name] ?? name },
          { title: words.labels, number: true, cell: (name) => labels[name] ?? 0 },
          { title: words.queue, number: true, cell: (name) => queue[name] ?? 0 },
        ]}
      />
      {curve !== null && <Curve curve={curve} />}
    </section>
  );
}

interface StartProps {
  project: string;
  state: AskingAnswer;
  onBegun: () => void;
}

function Start({ project, state: { job, work }, onBegun }: StartProps) {
  const models = useAnswer(listModels, { params: {} });
  const { send, busy, error } = useCall(startAsking);
  const [model, setModel] = useState("");
  const [given, setGiven] = useState<Given>({});
  const atWork = job?.state === "queued" || job?.state === "running";
  const begin = async (): Promise<void> => {
    const body = { model: model.trim(), options: treeOf(askConfig, given) };
    if ((await send({ params: { project }, body })) !== undefined) onBegun();
  };
  if (models.error !== undefined) return <p className="soft">{words.onlyHost}</p>;
  return (
    <form onSubmit={(event) => (event.preventDefault(), void begin())}>
      <Field label={words.model} hint={words.modelHint}>
        {(control) => (
          <>
            <input
              {...control}
              type="text"
              list="asking-models"
              value={model}
              onChange={(event) => setModel(event.target.value)}
            />
            <datalist id="asking-models">
              {models.value?.map((each) => (
                <option key={each.model} value={each.model}>
                  {each.name}
                </option>
              ))}
            </datalist>
          </>
        )}
      </Field>
      <details>
        <summary>{words.options}</summary>
        <ConfigForm definition={askConfig} given={given} onChange={setGiven} only={offered} />
      </details>
      <ErrorBox error={error} />
      <Button look="main" type="submit" busy={busy || atWork} disabled={model.trim() === ""}>
        {words.button}
      </Button>
      {atWork && (
        <p role="status">
          {work !== null
            ? words.work(work.done, work.total, work.what)
            : job.state === "queued"
              ? words.waiting
              : words.begins}
        </p>
      )}
      {job !== null && (job.state === "failed" || job.state === "lost") && (
        <ErrorBox error={{ what: words.failed, details: { got: job.tail.trim().slice(-500) } }} />
      )}
    </form>
  );
}
