/** One project and its parts. */
import { lazy, Suspense } from "react";
import { Link } from "wouter";
import { KINDS } from "../../../src/labelling/kinds/index.ts";
import { getProject } from "../../../src/studio/api/projects.ts";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { useAnswer } from "../calls/hooks.ts";
import { projects as texts } from "../strings/projects.ts";
import { Chip, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Boundary } from "../ui/boundary.tsx";
import { Data } from "./Data.tsx";
import { Overview } from "./Overview.tsx";
import { People } from "./People.tsx";
import { Settings } from "./Settings.tsx";

const Asking = lazy(() => import("../asking/index.tsx"));
const Reliability = lazy(() => import("../reliability/index.tsx"));

export type Project = AnswerOf<typeof getProject>;

export interface PartProps {
  project: Project;
  /** What a call that changed it answered. */
  onChange: (project: Project) => void;
}

const TABS = ["overview", "people", "data", "asking", "reliability", "settings"] as const;
const EVERY = 10_000;

export function ProjectPage({ slug, tab }: { slug: string; tab: string }) {
  const { value, error, reload, set } = useAnswer(
    getProject,
    { params: { project: slug } },
    { every: EVERY },
  );
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined) return <Spinner />;
  const at = TABS.find((name) => name === tab) ?? "overview";
  const part = { project: value, onChange: set };
  return (
    <>
      <div className="title-row">
        <h1>{value.name}</h1>
        <Chip kind={value.state === "open" ? "good" : "quiet"}>{texts.state[value.state]}</Chip>
        <span className="soft">{KINDS[value.kind].title}</span>
      </div>
      <nav className="tabs" aria-label={texts.tabs.label}>
        {TABS.map((name) => (
          <Link
            key={name}
            href={name === "overview" ? `/${slug}` : `/${slug}/${name}`}
            aria-current={name === at ? "page" : undefined}
          >
            {texts.tabs[name]}
          </Link>
        ))}
      </nav>
      <Boundary key={at}>
        <Suspense fallback={<Spinner />}>
          {at === "overview" && <Overview {...part} />}
          {at === "people" && <People project={value} />}
          {at === "data" && <Data {...part} onImport={reload} />}
          {at === "settings" && <Settings {...part} />}
          {at === "asking" && <Asking project={slug} />}
          {at === "reliability" && <Reliability project={slug} />}
        </Suspense>
      </Boundary>
    </>
  );
}
