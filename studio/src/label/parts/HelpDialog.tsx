/** All keys, and a way to have others. */
import { useEffect, useState } from "react";
import type { KindName } from "../../../../src/labelling/kinds/index.ts";
import { label } from "../../strings/label.ts";
import { Button, Key } from "../../ui/basics.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field } from "../../ui/field.tsx";
import {
  actionsOf,
  keyOf,
  keysOf,
  keyTitle,
  ownerOf,
  resetKeys,
  setKeys,
  setLettersOn,
  useKeys,
  useLettersOn,
} from "../keys.ts";
import type { ActionName } from "../keys.ts";

/** Keys that move the focus, or that the browser has. */
const NOT_USABLE: ReadonlySet<string> = new Set([
  "tab",
  "escape",
  " ",
  "ctrl+w",
  "ctrl+t",
  "ctrl+r",
]);

export function HelpDialog({ kind, onClose }: { kind: KindName; onClose: () => void }) {
  const own = useKeys();
  const letters = useLettersOn();
  const [asking, setAsking] = useState<ActionName>();
  const [problem, setProblem] = useState("");
  useCatch(asking, (key) => {
    setProblem("");
    setAsking(undefined);
    if (key === "escape") return;
    const owner = ownerOf(kind, own, key);
    if (NOT_USABLE.has(key)) setProblem(label.help.notUsable(keyTitle(key)));
    else if (owner !== undefined && owner !== asking)
      setProblem(label.help.taken(keyTitle(key), label.actions[owner]));
    else setKeys(asking!, [key]);
  });
  return (
    <Dialog
      title={label.help.title}
      onClose={onClose}
      wide
      actions={
        <Button look="quiet" onClick={resetKeys}>
          {label.help.reset}
        </Button>
      }
    >
      {kind === "compare" && <p>{label.help.scale}</p>}
      <p className="soft">{label.help.typing}</p>
      <Field label={label.help.toggle} hint={label.help.toggleHint} beside>
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={letters}
            onChange={({ target }) => setLettersOn(target.checked)}
          />
        )}
      </Field>
      <p role="alert" className="field-error">
        {problem}
      </p>
      <KeyTable kind={kind} asking={asking} onAsk={setAsking} />
    </Dialog>
  );
}

interface KeyTableProps {
  kind: KindName;
  asking: ActionName | undefined;
  onAsk: (action: ActionName) => void;
}

function KeyTable({ kind, asking, onAsk }: KeyTableProps) {
  const own = useKeys();
  return (
    <table className="keys">
      <thead>
        <tr>
          <th scope="col">{label.help.keys}</th>
          <th scope="col">{label.help.action}</th>
          <th scope="col">
            <span className="unseen">{label.help.change}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {actionsOf(kind).map((action) => (
          <tr key={action}>
            <td>
              {asking === action ? (
                <em role="status">{label.help.press}</em>
              ) : (
                keysOf(kind, own, action).map((key) => <Key key={key}>{keyTitle(key)}</Key>)
              )}
            </td>
            <td>
              {label.actions[action]}
              {own[action] !== undefined && <span className="given"> ({label.help.changed})</span>}
            </td>
            <td>
              <Button
                look="quiet"
                aria-label={label.help.changeOf(label.actions[action])}
                onClick={() => onAsk(action)}
              >
                {label.help.change}
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The next key, before anything else has it. */
function useCatch(asking: ActionName | undefined, take: (key: string) => void): void {
  useEffect(() => {
    if (asking === undefined) return undefined;
    const listen = (event: KeyboardEvent): void => {
      const key = keyOf(event);
      if (key === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      take(key);
    };
    document.addEventListener("keydown", listen, { capture: true });
    return () => document.removeEventListener("keydown", listen, { capture: true });
  });
}
