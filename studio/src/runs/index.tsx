/** Runs: their list, one, several together, and a new one. */
import "./runs.css";
import { lazy, Suspense, useEffect, useState } from "react";
import { Route, Switch } from "wouter";
import { Spinner } from "../ui/basics.tsx";
import { Connection } from "./connection.ts";
import { ConnectionContext } from "./context.ts";
import { RunList } from "./list.tsx";
import { nameOf } from "./numbers.ts";
import { RunPage } from "./run.tsx";
import { Together } from "./together.tsx";

// the options of every trainer: only for those who begin a run
const Begin = lazy(() => import("./begin.tsx").then(({ Begin }) => ({ default: Begin })));

function namesOf(text: string): string[] {
  try {
    const names: unknown = JSON.parse(nameOf(text));
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    return [];
  }
}

export default function Runs() {
  const [connection] = useState(() => new Connection());
  useEffect(() => connection.begin(), [connection]);
  return (
    <ConnectionContext value={connection}>
      <Suspense fallback={<Spinner />}>
        <Switch>
          <Route path="/run/*">
            {({ "*": place }) => <RunPage key={place} run={nameOf(place)} />}
          </Route>
          <Route path="/together/*">{({ "*": place }) => <Together runs={namesOf(place)} />}</Route>
          <Route path="/new">
            <Begin />
          </Route>
          <Route path="/new/*">{({ "*": place }) => <Begin like={nameOf(place)} />}</Route>
          <Route>
            <RunList />
          </Route>
        </Switch>
      </Suspense>
    </ConnectionContext>
  );
}
