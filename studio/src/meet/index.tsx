/** Placeholder of a section: its branch fills it in. Routes within are below /meet (wouter, nested). */
import { Empty } from "../ui/basics.tsx";
import { strings } from "../strings.ts";

export default function Section() {
  return <Empty>{strings.notHereYet}</Empty>;
}
