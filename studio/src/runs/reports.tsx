/** Reports in place: pages of untrusted text in a frame without scripts and with an origin of its own. */
import { useState } from "react";
import type { z } from "zod";
import type { reportEntry } from "../../../src/studio/api/runs.ts";
import { openReport } from "../../../src/studio/api/runs.ts";
import { addressOf } from "../api.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button } from "../ui/basics.tsx";
import { when } from "./numbers.ts";

type Report = z.output<typeof reportEntry>;
const texts = runsStrings.run;

export function ReportList({ reports, title }: { reports: readonly Report[]; title: string }) {
  const [opened, setOpened] = useState<string>();
  if (reports.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul className="reports">
        {reports.map(({ path, name, modified }) => (
          <li key={path}>
            <Button
              look="quiet"
              aria-expanded={opened === path}
              onClick={() => setOpened(opened === path ? undefined : path)}
            >
              {opened === path ? texts.close : texts.open}: {name}
            </Button>
            <span className="soft small"> {when(modified)}</span>
          </li>
        ))}
      </ul>
      {opened !== undefined && (
        <iframe
          className="report"
          sandbox=""
          title={runsStrings.report.frame(opened)}
          src={addressOf(openReport, { params: {}, query: { path: opened } })}
        />
      )}
    </section>
  );
}
