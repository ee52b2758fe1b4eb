/** How far a project is, and whether tasks are given out. */
import { useState } from "react";
import { Link } from "wouter";
import { changeProject } from "../../../src/studio/api/projects.ts";
import { useCall } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Button, CopyButton, ErrorBox } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Done } from "./ProjectList.tsx";
import type { PartProps } from "./ProjectPage.tsx";

export function Overview({ project, onChange }: PartProps) {
  const { send, busy, error } = useCall(changeProject);
  const [closing, setClosing] = useState(false);
  const turn = async (state: "open" | "paused" | "closed"): Promise<void> => {
    const answer = await send({ params: { project: project.slug }, body: { state } });
    setClosing(false);
    if (answer !== undefined) onChange(answer);
  };
  const { tasks, full, settled, gold, judgements, people, overlap, state } = project;
  const facts = [
    [texts.overview.judgements, judgements],
    [texts.overview.overlap, overlap],
    [texts.overview.settled, settled],
    [texts.overview.gold, gold],
    [texts.overview.people, people],
  ] as const;
  const use = `attune reward --data studio:${project.slug}`;
  return (
    <>
      <p>
        <Done done={full + settled} of={tasks} />
      </p>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.toLocaleString("en-US")}</dd>
          </div>
        ))}
      </dl>
      <Chosen chosenBy={project.chosenBy} />
      <div className="button-row">
        <Link href={`~/label/${project.slug}`} className="button button-main">
          {texts.overview.label}
        </Link>
        {state !== "open" && (
          <Button busy={busy} onClick={() => void turn("open")}>
            {texts.overview.open}
          </Button>
        )}
        {state === "open" && (
          <Button busy={busy} onClick={() => void turn("paused")}>
            {texts.overview.pause}
          </Button>
        )}
        {state !== "closed" && (
          <Button look="danger" onClick={() => setClosing(true)}>
            {texts.overview.close}
          </Button>
        )}
      </div>
      <ErrorBox error={error} />
      <h2>{texts.overview.use}</h2>
      <p className="soft">{texts.overview.useHint}</p>
      <p>
        <code>{use}</code> <CopyButton text={use} />
      </p>
      {closing && (
        <Dialog
          title={texts.overview.close}
          onClose={() => setClosing(false)}
          actions={
            <Button look="danger" busy={busy} onClick={() => void turn("closed")}>
              {texts.overview.close}
            </Button>
          }
        >
          <p>{texts.overview.closeSure}</p>
        </Dialog>
      )}
    </>
  );
}

/** For which reason tasks stand where they do. */
function Chosen({ chosenBy }: { chosenBy: Readonly<Record<string, number>> }) {
  const rows = Object.entries(chosenBy).filter(([, count]) => count > 0);
  if (rows.length < 2) return null;
  return (
    <>
      <h2>{texts.overview.chosen}</h2>
      <dl className="facts">
        {rows.map(([why, count]) => (
          <div key={why}>
            <dt>{texts.overview.chosenBy[why] ?? why}</dt>
            <dd>{count.toLocaleString("en-US")}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
