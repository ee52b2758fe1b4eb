/** A text, or turns of a conversation. */
import type { TextOrTurns } from "../../../src/labelling/kinds/kind.ts";
import { strings } from "../strings.ts";
import type { Range } from "./range.ts";
import { Rendered } from "./Rendered.tsx";

export interface TurnsProps {
  value: TextOrTurns;
  plain?: boolean;
  /** Only for a text that is no conversation. */
  marks?: readonly Range[] | undefined;
}

export function Turns({ value, plain = false, marks }: TurnsProps) {
  if (typeof value === "string") return <Rendered text={value} plain={plain} marks={marks} />;
  return (
    <ol className="turns">
      {value.map((message, index) => (
        <li key={index} className={`turn turn-${message.role}`}>
          <span className="turn-role">{strings.text.roles[message.role]}</span>
          <Rendered text={message.content} plain={plain} />
          <Others message={message} />
        </li>
      ))}
    </ol>
  );
}

/** What a message says beside its content, such as calls of tools: as data, never left out. */
function Others({ message }: { message: Readonly<Record<string, unknown>> }) {
  const others = Object.entries(message).filter(
    ([name, value]) =>
      name !== "role" && name !== "content" && value !== undefined && value !== null,
  );
  if (others.length === 0) return null;
  return (
    <dl className="turn-others">
      {others.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? value : JSON.stringify(value, null, 1)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** One text of it, for what compares or edits texts: turns one below the other. */
export const textOf = (value: TextOrTurns): string =>
  typeof value === "string"
    ? value
    : value.length === 1
      ? value[0]!.content
      : value.map(({ role, content }) => `${strings.text.roles[role]}: ${content}`).join("\n\n");
