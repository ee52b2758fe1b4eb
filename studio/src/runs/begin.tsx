/** Begins a training: a form of the trainer's own options. */
import { useContext, useState } from "react";
import { Link, useLocation } from "wouter";
import { listTrainers, startTraining } from "../../../src/studio/api/jobs.ts";
import { getRun } from "../../../src/studio/api/runs.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { ConfigForm } from "../forms/ConfigForm.tsx";
import type { Given } from "../forms/state.ts";
import { isWhole, optionStates } from "../forms/state.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { ConnectionContext } from "./context.ts";
import { DEFINITIONS } from "./definitions.ts";
import { placeOf } from "./numbers.ts";

const texts = runsStrings.begin;

/** Options that people look for first; those that are given and needed are shown too. */
const FIRST = new Set([
  "model",
  "data",
  "prompts",
  "reward",
  "rewardModel",
  "heldOutReward",
  "loss",
  "beta",
  "epochs",
  "maxSteps",
  "steps",
  "learningRate",
  "batchSize",
  "heldOut",
  "maxLength",
  "adapter",
  "seed",
]);

/** @param like a run whose options it begins with */
export function Begin({ like }: { like?: string | undefined }) {
  const trainers = useAnswer(listTrainers, { params: {} });
  const before = useAnswer(getRun, { params: { run: like ?? "" } }, { when: like !== undefined });
  if (trainers.error !== undefined || before.error !== undefined)
    return <ErrorBox error={trainers.error ?? before.error} />;
  if (trainers.value === undefined || (like !== undefined && before.value === undefined))
    return <Spinner />;
  const known = trainers.value.filter(({ name }) => DEFINITIONS.has(name));
  const command = before.value?.command;
  return (
    <Form
      trainers={known}
      first={known.some(({ name }) => name === command) ? command! : known[0]!.name}
      given={before.value?.given ?? {}}
    />
  );
}

interface FormProps {
  trainers: readonly { name: string; title: string; summary: string }[];
  first: string;
  given: Given;
}

function Form({ trainers, first, given: before }: FormProps) {
  const connection = useContext(ConnectionContext);
  const [, go] = useLocation();
  const [trainer, setTrainer] = useState(first);
  const definition = DEFINITIONS.get(trainer)!;
  const has = (path: string): boolean => definition.options.some((option) => option.path === path);
  const [all, setAll] = useState(false);
  const [name, setName] = useState("");
  const [set, setSet] = useState<Given>(before);
  // what this trainer has no option for stays for when another is chosen again
  const given = Object.fromEntries(Object.entries(set).filter(([path]) => has(path)));
  const { send, busy, error } = useCall(startTraining);
  const states = optionStates(definition, given);
  const needed = new Set(
    states
      .filter((state) => state.standard === undefined || state.given)
      .map(({ option }) => option.path),
  );
  const begin = async (): Promise<void> => {
    const options = Object.fromEntries(
      states
        .filter((state) => state.given && state.unused === undefined)
        .map(({ option, value }) => [option.path, value]),
    );
    const job = await send({ params: {}, body: { trainer, options, name } });
    if (job === undefined) return;
    connection.putJob(job);
    go(job.run === null ? "/" : placeOf(job.run));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void begin();
      }}
    >
      <p>
        <Link href="/">{runsStrings.run.back}</Link>
      </p>
      <h1>{texts.title}</h1>
      <TrainerField trainers={trainers} trainer={trainer} onChange={setTrainer} />
      <Field label={texts.name} hint={texts.nameHint}>
        {(control) => (
          <input {...control} value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <p className="soft">{texts.paths}</p>
      <ConfigForm
        definition={definition}
        given={given}
        onChange={(next) =>
          setSet({
            ...Object.fromEntries(Object.entries(set).filter(([path]) => !has(path))),
            ...next,
          })
        }
        {...(all ? {} : { only: (path) => FIRST.has(path) || needed.has(path) })}
      />
      <Field label={texts.all} beside>
        {(control) => (
          <input
            {...control}
            type="checkbox"
            checked={all}
            onChange={(event) => setAll(event.target.checked)}
          />
        )}
      </Field>
      <ErrorBox error={error} />
      <div className="button-row">
        <Button type="submit" look="main" busy={busy} disabled={!isWhole(states)}>
          {texts.start}
        </Button>
      </div>
    </form>
  );
}

function TrainerField({
  trainers,
  trainer,
  onChange,
}: Pick<FormProps, "trainers"> & { trainer: string; onChange: (trainer: string) => void }) {
  return (
    <Field label={texts.trainer} hint={trainers.find((each) => each.name === trainer)?.summary}>
      {(control) => (
        <select {...control} value={trainer} onChange={(event) => onChange(event.target.value)}>
          {trainers.map((each) => (
            <option key={each.name} value={each.name}>
              {each.title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
