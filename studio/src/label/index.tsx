/** Placeholder. */
import { Empty } from "../ui/basics.tsx";
import { strings } from "../strings.ts";

export default function Section() {
  return <Empty>{strings.notHereYet}</Empty>;
}
