/** How far the labels of a project can be trusted, and what is decided where people differ. */
import { useState } from "react";
import { getProject } from "../../../src/studio/api/projects.ts";
import { getReliability } from "../../../src/studio/api/reliability.ts";
import { useAnswer } from "../calls/hooks.ts";
import { reliability as texts } from "../strings/reliability.ts";
import { Button, Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Decide } from "./Decide.tsx";
import { Figures } from "./Figures.tsx";
import "./reliability.css";

const EVERY = 15_000;

/** @param project its slug; only owners come here */
export default function Section({ project }: { project: string }) {
  const [part, setPart] = useState<"figures" | "decide">("figures");
  const params = { params: { project } };
  const { value, error, reload } = useAnswer(getReliability, params, { every: EVERY });
  const about = useAnswer(getProject, params);
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined || about.value === undefined) return <Spinner />;
  if (value.judgements === 0) return <Empty title={texts.none} />;
  const choose = (name: typeof part, title: string) => (
    <Button
      look={part === name ? "plain" : "quiet"}
      aria-pressed={part === name}
      onClick={() => (setPart(name), reload())}
    >
      {title}
    </Button>
  );
  return (
    <>
      <div className="decide-buttons" role="group" aria-label={texts.tabs.label}>
        {choose("figures", texts.tabs.figures)}
        {choose("decide", `${texts.tabs.decide} (${value.open.toLocaleString("en-US")})`)}
      </div>
      {part === "figures" ? (
        <Figures value={value} />
      ) : (
        <Decide project={project} kind={about.value.kind} />
      )}
    </>
  );
}
