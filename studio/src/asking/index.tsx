/** Placeholder of a part of a project's page: its branch fills it in. */
import { Empty } from "../ui/basics.tsx";
import { strings } from "../strings.ts";

/** @param project its slug; only owners come here */
export default function Section({ project }: { project: string }) {
  return <Empty title={project}>{strings.notHereYet}</Empty>;
}
