/** What a person is shown of a task, and nothing else of it. */
import type { Content, TextOrTurns } from "../kinds/kind.ts";
import { contentShown } from "../kinds/kind.ts";
import type { KindName } from "../kinds/index.ts";
import { masker } from "../masking.ts";

export interface ShownTask {
  assignment: string;
  content: Content;
  /** Names that were hidden in the answers. */
  masked: number;
  /** In ISO form. */
  expires: string;
  /** Why it is back; null where it is new. */
  returned: string | null;
}

/** Kinds in which people write on from the answer: what was hidden would be in what they write. */
const WRITTEN: readonly KindName[] = ["rewrite", "critique"];

export interface TaskToShow {
  id: string;
  content: Content;
  models: readonly (string | null)[];
  sides: readonly number[];
  expires: Date;
  returned: string | null;
}

export function taskShown(
  task: TaskToShow,
  { kind, maskIdentity }: { kind: KindName; maskIdentity: boolean },
): ShownTask {
  let masked = 0;
  const mask = masker(task.models.filter((name) => name !== null));
  const text = (value: string): string => {
    if (!maskIdentity || WRITTEN.includes(kind)) return value;
    const { text, count } = mask(value);
    masked += count;
    return text;
  };
  const { prompt, answers, principles } = contentShown(task.content, task.sides);
  return {
    assignment: task.id,
    content: {
      prompt: plain(prompt),
      answers: answers.map((answer) => plain(answer, text)),
      ...(principles === undefined ? {} : { principles }),
    },
    masked,
    expires: task.expires.toISOString(),
    returned: task.returned,
  };
}

/** Roles and texts alone: a message of the data may say which model wrote it. */
function plain(value: TextOrTurns, text = (each: string): string => each): TextOrTurns {
  if (typeof value === "string") return text(value);
  return value.map(({ role, content, tool_calls: calls }) => ({
    role,
    content: text(content),
    ...(calls === undefined ? {} : { tool_calls: deep(calls, text) }),
  }));
}

const deep = (value: unknown, text: (each: string) => string): unknown => {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return value.map((each) => deep(each, text));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each, text)]));
};
