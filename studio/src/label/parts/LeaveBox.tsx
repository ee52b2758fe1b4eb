/** The code with which a crowd's participant goes back, and the way there. */
import { label } from "../../strings/label.ts";
import { linkTarget } from "../../text/markdown.ts";
import { CopyButton } from "../../ui/basics.tsx";
import type { Leave } from "../work/desk.ts";

export function LeaveBox({ leave, pending = 0 }: { leave: Leave; pending?: number }) {
  const url = linkTarget(leave.url);
  if (pending > 0) return <p className="notice">{label.leave.notYet(pending)}</p>;
  return (
    <div className="panel leave">
      {leave.code !== "" && (
        <p>
          {label.leave.code}: <strong className="code">{leave.code}</strong>{" "}
          <CopyButton text={leave.code} />
        </p>
      )}
      {url !== undefined && (
        <a className="button button-main" href={url.href} rel="noreferrer">
          {label.leave.go}
        </a>
      )}
      <p className="soft">{label.leave.keep}</p>
    </div>
  );
}
