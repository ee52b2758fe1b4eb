/** What may be done with any task, besides judging it. */
import type { KindName } from "../../../../src/labelling/kinds/index.ts";
import { label } from "../../strings/label.ts";
import { Button } from "../../ui/basics.tsx";
import type { Acts } from "../keys.ts";
import { useKeyTitle } from "./use-key-title.ts";

const TOOLS = [
  "undo",
  "skip",
  "flag",
  "comment",
  "differences",
  "plain",
  "guidelines",
  "help",
] as const;

interface ToolsProps {
  kind: KindName;
  acts: Acts;
  on: { flag: boolean; differences: boolean; plain: boolean };
}

export function Tools({ kind, acts, on }: ToolsProps) {
  const key = useKeyTitle(kind);
  return (
    <div className="tools" role="group" aria-label={label.act.more}>
      {TOOLS.filter((name) => acts[name] !== undefined).map((name) => (
        <Button
          key={name}
          look="quiet"
          hotkey={key(name)}
          aria-pressed={name in on ? on[name as keyof typeof on] : undefined}
          onClick={acts[name]}
        >
          {name === "flag" && on.flag ? label.act.flagged : label.act[name]}
        </Button>
      ))}
    </div>
  );
}
