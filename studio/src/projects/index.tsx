/** The section of projects: what is there, a new one, and each with its parts. */
import { Route, Switch } from "wouter";
import "./projects.css";
import { NewProject } from "./NewProject.tsx";
import { ProjectList } from "./ProjectList.tsx";
import { ProjectPage } from "./ProjectPage.tsx";

export default function Projects() {
  return (
    <Switch>
      <Route path="/" component={ProjectList} />
      <Route path="/new" component={NewProject} />
      <Route path="/:project/*?">
        {({ project, "*": rest }) => (
          <ProjectPage key={project} slug={project} tab={rest?.split("/")[0] ?? ""} />
        )}
      </Route>
    </Switch>
  );
}
