/** Places of the page: everything behind # is the page's own. */
import { lazy, Suspense } from "react";
import { Link, Redirect, Route, Router, Switch } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { strings } from "../strings.ts";
import { Empty, Spinner } from "../ui/basics.tsx";
import { Boundary } from "../ui/boundary.tsx";
import { Enter, Join, Nobody } from "./doors.tsx";
import { Layout } from "./layout.tsx";
import { SessionProvider, useSession } from "./session.tsx";

const Crowd = lazy(() => import("./crowd.tsx"));
const Label = lazy(() => import("../label/index.tsx"));
const Projects = lazy(() => import("../projects/index.tsx"));
const Runs = lazy(() => import("../runs/index.tsx"));
const Meet = lazy(() => import("../meet/index.tsx"));

export function App() {
  return (
    <Boundary>
      <Router hook={useHashLocation}>
        <SessionProvider>
          <Layout>
            <Boundary>
              <Suspense fallback={<Spinner />}>
                <Places />
              </Suspense>
            </Boundary>
          </Layout>
        </SessionProvider>
      </Router>
    </Boundary>
  );
}

function Places() {
  const { session } = useSession();
  const { person } = session;
  return (
    <Switch>
      <Route path="/enter" component={Enter} />
      <Route path="/join" component={Join} />
      <Route path="/crowd" component={Crowd} />
      {person === null && <Route component={Nobody} />}
      <Route path="/">
        <Redirect to={person?.host ? "/projects" : "/label"} replace />
      </Route>
      <Route path="/label" nest component={Label} />
      <Route path="/projects" nest component={Projects} />
      <Route path="/runs" nest component={Runs} />
      <Route path="/meet" nest component={Meet} />
      <Route>
        <Empty title={strings.notFound.title}>
          <Link href="/">{strings.notFound.home}</Link>
        </Empty>
      </Route>
    </Switch>
  );
}
