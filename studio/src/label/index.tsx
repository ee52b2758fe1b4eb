/** The section of labelling: which project, then its desk. */
import { Route, Switch } from "wouter";
import "./label.css";
import { Home } from "./Home.tsx";
import { DeskPage } from "./DeskPage.tsx";

export default function Label() {
  return (
    <Switch>
      <Route path="/:project">
        {({ project }) => <DeskPage key={project} project={project} />}
      </Route>
      <Route>
        <Home />
      </Route>
    </Switch>
  );
}
