/** What the model answered as it learned: by step, two steps side by side. */
import { useState } from "react";
import { getSamples } from "../../../src/studio/api/runs.ts";
import { useAnswer } from "../calls/hooks.ts";
import { runsStrings } from "../strings/runs.ts";
import { ErrorBox } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { shown } from "./numbers.ts";

const texts = runsStrings.samples;

export function Samples({ run, steps }: { run: string; steps: readonly number[] }) {
  // without a choice the newest step is followed
  const [chosen, setChosen] = useState<number>();
  const [beside, setBeside] = useState<number>();
  const step = chosen ?? steps.at(-1);
  const { value = [], error } = useAnswer(
    getSamples,
    { params: { run }, query: { step: step ?? 0 } },
    { when: step !== undefined },
  );
  const other = useAnswer(
    getSamples,
    { params: { run }, query: { step: beside ?? 0 } },
    { when: beside !== undefined },
  );
  if (step === undefined) return <p className="nothing">{runsStrings.run.noSamples}</p>;
  return (
    <div className="samples">
      <div className="chart-tools">
        <Field label={`${texts.at} ${shown(step)}`}>
          {(given) => (
            <input
              {...given}
              type="range"
              min={0}
              max={steps.length - 1}
              value={Math.max(0, steps.indexOf(step))}
              aria-valuetext={shown(step)}
              onChange={(event) => setChosen(steps[Number(event.target.value)])}
            />
          )}
        </Field>
        <Field label={texts.beside}>
          {(given) => (
            <select
              {...given}
              value={beside ?? ""}
              onChange={(event) =>
                setBeside(event.target.value === "" ? undefined : Number(event.target.value))
              }
            >
              <option value="">{texts.nothing}</option>
              {steps.map((each) => (
                <option key={each} value={each}>
                  {shown(each)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <ErrorBox error={error ?? other.error} />
      {value.map((sample) => (
        <article key={sample.prompt} className="panel sample">
          <h3 className="unseen">{texts.prompt}</h3>
          <p className="sample-prompt">{sample.prompt}</p>
          <div className={beside === undefined ? "sample-answers" : "sample-answers sample-two"}>
            {beside !== undefined && (
              <Answer
                step={beside}
                sample={other.value?.find(({ prompt }) => prompt === sample.prompt)}
              />
            )}
            <Answer step={step} sample={sample} />
          </div>
        </article>
      ))}
    </div>
  );
}

interface AnswerProps {
  step: number;
  sample: { completion: string; reward: number | null; heldOutReward: number | null } | undefined;
}

const Answer = ({ step, sample }: AnswerProps) => (
  <div>
    <p className="soft small">
      {texts.at} {shown(step)}
      {typeof sample?.reward === "number" && ` · ${texts.reward(shown(sample.reward))}`}
      {typeof sample?.heldOutReward === "number" &&
        ` · ${texts.heldOut(shown(sample.heldOutReward))}`}
    </p>
    {sample === undefined ? (
      <p className="nothing">{texts.missing}</p>
    ) : (
      <p className="sample-text">{sample.completion}</p>
    )}
  </div>
);
