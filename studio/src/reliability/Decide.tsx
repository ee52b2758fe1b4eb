/** Tasks on which people differ, one after the other; everything by one key. */
import { useEffect, useState } from "react";
import type { KindName } from "../../../src/labelling/kinds/index.ts";
import type { Disagreement } from "../../../src/studio/api/reliability.ts";
import { adjudicate, listDisagreements, reopenTask } from "../../../src/studio/api/reliability.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { reliability as texts } from "../strings/reliability.ts";
import { Turns } from "../text/Turns.tsx";
import { Button, Chip, Empty, ErrorBox, Key, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { say } from "../ui/toast.tsx";
import { useKeys } from "./use-keys.ts";
import { judgementWords } from "./words.ts";

const t = texts.decide;
const PAGE = 20;

type Decision = "accepted" | "rejected" | "returned" | "passed-on";

/** What may be accepted besides what people said, by key. */
const LABELS: Readonly<
  Partial<Record<KindName, readonly { key: string; title: string; judgement: unknown }[]>>
> = {
  compare: [
    { key: "a", title: t.first, judgement: { choice: 0 } },
    { key: "b", title: t.second, judgement: { choice: 1 } },
    { key: "t", title: t.tie, judgement: { choice: "tie" } },
    { key: "n", title: t.bothBad, judgement: { choice: "both-bad" } },
  ],
  accept: [
    { key: "y", title: t.good, judgement: { accept: true } },
    { key: "n", title: t.bad, judgement: { accept: false } },
  ],
};

export function Decide({ project, kind }: { project: string; kind: KindName }) {
  const [skip, setSkip] = useState(0);
  const { value, error, loading, reload } = useAnswer(listDisagreements, {
    params: { project },
    query: { skip: Math.floor(skip / PAGE) * PAGE, limit: PAGE },
  });
  /** Decided here: the list is loaded anew behind the last of its page. */
  const [gone, setGone] = useState<readonly number[]>([]);
  const list = (value?.tasks ?? []).filter(({ task }) => !gone.includes(task));
  const at = Math.min(skip % PAGE, Math.max(0, list.length - 1));
  const current = list[at];
  const listed = value?.tasks ?? [];
  const total = (value?.total ?? 0) - listed.filter(({ task }) => gone.includes(task)).length;
  const through = value !== undefined && list.length === 0 && total > 0;
  useEffect(() => {
    if (!through) return;
    if (skip >= PAGE) setSkip(0);
    else reload();
  }, [through, skip, reload]);
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (loading || value === undefined) return <Spinner />;
  if (current === undefined) return total > 0 ? <Spinner /> : <Empty title={t.none} />;
  return (
    <>
      <p className="soft">{t.open(total)}</p>
      <OneTask
        key={current.task}
        project={project}
        kind={kind}
        task={current}
        last={gone.at(-1)}
        onDone={() => setGone([...gone, current.task])}
        onUndone={() => (setGone(gone.slice(0, -1)), reload())}
        onLater={() => setSkip(skip + 1 >= total ? 0 : skip + 1)}
      />
    </>
  );
}

interface OneTaskProps {
  project: string;
  kind: KindName;
  task: Disagreement;
  /** The task that was decided last, which may be taken back. */
  last: number | undefined;
  onDone: () => void;
  onUndone: () => void;
  onLater: () => void;
}

function OneTask({ project, kind, task, last, onDone, onUndone, onLater }: OneTaskProps) {
  const { send, busy, error } = useCall(adjudicate);
  const undo = useCall(reopenTask);
  const [note, setNote] = useState("");
  const labels = LABELS[kind] ?? [];
  const decide = async (decision: Decision, judgement?: unknown): Promise<void> => {
    const body = { decision, note, ...(judgement === undefined ? {} : { judgement }) };
    const done = await send({ params: { project, task: task.task }, body });
    if (done === undefined) return;
    say(t.said[decision]);
    onDone();
  };
  const takeBack = async (): Promise<void> => {
    if (last === undefined) return;
    const done = await undo.send({ params: { project, task: last } });
    if (done === undefined) return;
    say(t.said.reopened);
    onUndone();
  };
  useKeys((key) => {
    if (busy || undo.busy) return false;
    const label = labels.find((each) => each.key === key);
    const said = /^[1-9]$/.test(key) ? task.judgements[Number(key) - 1] : undefined;
    if (label !== undefined) void decide("accepted", label.judgement);
    else if (said !== undefined) void decide("accepted", said.judgement);
    else if (key === "x") void decide("rejected");
    else if (key === "r") void decide("returned");
    else if (key === "p") void decide("passed-on");
    else if (key === "s") onLater();
    else if (key === "u") void takeBack();
    else return false;
    return true;
  });
  return (
    <article className="decide">
      <Texts kind={kind} task={task} />
      <Said kind={kind} task={task} onAccept={(judgement) => void decide("accepted", judgement)} />
      <Field label={t.note} hint={t.noteHint}>
        {(given) => (
          <input
            {...given}
            maxLength={2000}
            value={note}
            onChange={({ target }) => setNote(target.value)}
          />
        )}
      </Field>
      <Actions
        kind={kind}
        busy={busy || undo.busy}
        decide={(decision, judgement) => void decide(decision, judgement)}
        onLater={onLater}
        onUndo={last === undefined ? undefined : () => void takeBack()}
      />
      <ErrorBox error={error ?? undo.error} />
      <p className="soft">{t.keys}</p>
    </article>
  );
}

interface ActionsProps {
  kind: KindName;
  busy: boolean;
  decide: (decision: Decision, judgement?: unknown) => void;
  onLater: () => void;
  onUndo: (() => void) | undefined;
}

function Actions({ kind, busy, decide, onLater, onUndo }: ActionsProps) {
  return (
    <>
      <div className="decide-buttons">
        {(LABELS[kind] ?? []).map(({ key, title, judgement }) => (
          <Button
            key={key}
            look="main"
            busy={busy}
            hotkey={key.toUpperCase()}
            onClick={() => decide("accepted", judgement)}
          >
            {title}
          </Button>
        ))}
      </div>
      <div className="decide-buttons">
        <Button busy={busy} hotkey="R" onClick={() => decide("returned")}>
          {t.returned}
        </Button>
        <Button busy={busy} hotkey="P" onClick={() => decide("passed-on")}>
          {t.passOn}
        </Button>
        <Button look="danger" busy={busy} hotkey="X" onClick={() => decide("rejected")}>
          {t.reject}
        </Button>
        <Button look="quiet" hotkey="S" onClick={onLater}>
          {t.later}
        </Button>
        {onUndo !== undefined && (
          <Button look="quiet" busy={busy} hotkey="U" onClick={onUndo}>
            {t.undo}
          </Button>
        )}
      </div>
    </>
  );
}

function Texts({ kind, task: { content, reason, label } }: Pick<OneTaskProps, "kind" | "task">) {
  const { answers } = content;
  const says =
    kind === "compare" || kind === "accept" || kind === "rank" ? t.probability[kind] : undefined;
  return (
    <>
      <p>
        <Chip kind="quiet">{t.reason[reason]}</Chip>{" "}
        {label !== null && says !== undefined && says(label.p, label.low, label.high)}
      </p>
      <section className="decide-text">
        <h3>{t.prompt}</h3>
        <Turns value={content.prompt} />
      </section>
      <div className={answers.length === 2 ? "decide-pair" : ""}>
        {answers.map((answer, n) => (
          <section key={n} className="decide-text">
            <h3>{t.answer(n, answers.length)}</h3>
            <Turns value={answer} />
          </section>
        ))}
      </div>
    </>
  );
}

function Said({
  kind,
  task: { content, judgements },
  onAccept,
}: Pick<OneTaskProps, "kind" | "task"> & { onAccept: (judgement: unknown) => void }) {
  return (
    <section>
      <h3>{t.judgements}</h3>
      <ul className="decide-said">
        {judgements.map(({ id, judgement, comment, flag }, n) => (
          <li key={id}>
            <span className="decide-who">
              {n < 9 && <Key>{n + 1}</Key>} {t.somebody(n + 1)}
            </span>
            <span className="decide-words">
              {judgementWords(kind, judgement, content)}
              {comment !== "" && <span className="soft"> &ldquo;{comment}&rdquo;</span>}{" "}
              {flag !== "" && <Chip kind="warn">{flag}</Chip>}
            </span>
            <Button look="quiet" onClick={() => onAccept(judgement)}>
              {t.accept}
              <span className="unseen"> {t.somebody(n + 1)}</span>
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
