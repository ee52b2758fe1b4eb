/** Why there is no task, and where one goes from here. */
import type { KindName } from "../../../../src/labelling/kinds/index.ts";
import { label } from "../../strings/label.ts";
import { Button, Empty, Spinner } from "../../ui/basics.tsx";
import type { Desk, DeskState } from "../work/desk.ts";
import { LeaveBox } from "./LeaveBox.tsx";
import { useKeyTitle } from "./use-key-title.ts";

interface IdleViewProps {
  state: DeskState;
  desk: Desk;
  kind: KindName;
  onOpen: (open: "help" | "guidelines") => void;
}

export function IdleView({ state, desk, kind, onOpen }: IdleViewProps) {
  const { idle, leave, pending } = state;
  const key = useKeyTitle(kind);
  if (idle === undefined) return <Spinner />;
  const known = label.idle[idle as keyof typeof label.idle];
  const [title, text] = known ?? [idle, ""];
  return (
    <Empty title={title}>
      <p>{text}</p>
      {leave !== undefined && <LeaveBox leave={leave} pending={pending} />}
      <div className="button-row button-row-middle">
        <Button hotkey={key("undo")} onClick={() => void desk.undo()}>
          {label.act.undo}
        </Button>
        <Button hotkey={key("guidelines")} onClick={() => onOpen("guidelines")}>
          {label.act.guidelines}
        </Button>
      </div>
    </Empty>
  );
}
