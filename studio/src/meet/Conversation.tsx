/** One conversation, with one model or blind with two. */
import { useEffect, useRef, useState } from "react";
import type { ChatAnswer, Vote } from "../../../src/studio/api/meet.ts";
import { getChat, vote, VOTES } from "../../../src/studio/api/meet.ts";
import { call } from "../api.ts";
import { useCall } from "../calls/hooks.ts";
import { meetStrings as words } from "../strings/meet.ts";
import { Rendered } from "../text/Rendered.tsx";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { shortName } from "./names.ts";
import { sayTo } from "./stream.ts";

type Sides = ChatAnswer["sides"];
interface Work {
  state: "opening" | "answering";
  stop: AbortController;
}

const VOTE_KEYS: Readonly<Record<string, Vote>> = {
  "1": "left",
  a: "left",
  "2": "right",
  b: "right",
  "0": "tie",
  t: "tie",
  x: "both-bad",
};
const KEY_SHOWN: Readonly<Record<Vote, string>> = {
  left: "A",
  right: "B",
  tie: "T",
  "both-bad": "X",
};

/** Adds what was told to the last answer of its side. */
const withTold = (
  sides: Sides,
  at: number,
  change: Partial<Sides[0]["turns"][0]> & { text?: string },
): Sides =>
  sides.map((side, index) => {
    if (index !== at) return side;
    const last = side.turns.at(-1)!;
    const { text = "", ...rest } = change;
    return {
      ...side,
      turns: [...side.turns.slice(0, -1), { ...last, ...rest, content: last.content + text }],
    };
  });

function useConversation(begun: ChatAnswer) {
  const [chat, setChat] = useState(begun);
  const [work, setWork] = useState<Work>();
  const [error, setError] = useState<unknown>();
  const latest = useRef<AbortController>(undefined);
  useEffect(() => () => latest.current?.abort(), []);
  const send = async (text: string, keep: number): Promise<void> => {
    const stop = (latest.current = new AbortController());
    setError(undefined);
    setWork({ state: "opening", stop });
    setChat((old) => ({
      ...old,
      sides: old.sides.map((side) => ({
        ...side,
        turns: [
          ...side.turns.slice(0, 2 * keep),
          { role: "user" as const, content: text, end: null },
          { role: "assistant" as const, content: "", end: null },
        ],
      })),
    }));
    try {
      const request = { params: { chat: chat.id }, body: { text, keep } };
      for await (const told of sayTo(request, stop.signal)) {
        if ("state" in told) setWork({ state: told.state, stop });
        else if ("chat" in told) setChat(told.chat);
        else if ("refused" in told) setError(new Error(told.refused));
        else if ("text" in told)
          setChat((old) => ({
            ...old,
            sides: withTold(old.sides, told.side, { text: told.text }),
          }));
        else {
          setChat((old) => ({ ...old, sides: withTold(old.sides, told.side, { end: told.end }) }));
          if (told.message !== undefined) setError(new Error(told.message));
        }
      }
    } catch (failure) {
      if (!stop.signal.aborted) setError(failure);
    } finally {
      setWork(undefined);
    }
    // what was stopped is kept a moment later
    if (stop.signal.aborted && latest.current === stop)
      setTimeout(
        () => void call(getChat, { params: { chat: chat.id } }).then(setChat, setError),
        400,
      );
  };
  return { chat, setChat, work, error, setError, send };
}

export function Conversation({ begun, onAgain }: { begun: ChatAnswer; onAgain: () => void }) {
  const { chat, setChat, work, error, send } = useConversation(begun);
  const [text, setText] = useState("");
  const [editing, setEditing] = useState<number>();
  const exchanges = Math.floor((chat.sides[0]?.turns.length ?? 0) / 2);
  const voted = chat.vote !== null;
  const submit = (): void => {
    if (text.trim() === "" || work !== undefined) return;
    void send(text, editing ?? exchanges);
    setText("");
    setEditing(undefined);
    // the keys that vote are heard where nobody writes
    if (chat.blind && document.activeElement instanceof HTMLElement) document.activeElement.blur();
  };
  const question = (at: number): string => chat.sides[0]!.turns[2 * at]!.content;
  return (
    <div className="conversation">
      <Sides
        chat={chat}
        open={!voted && work === undefined}
        onEdit={(at) => (setEditing(at), setText(question(at)))}
        onRetry={(at) => void send(question(at), at)}
      />
      <ErrorBox error={error} />
      {work?.state === "opening" && <Spinner>{words.opening}</Spinner>}
      {chat.blind && exchanges > 0 && work === undefined && (
        <Voting chat={chat} onVoted={setChat} />
      )}
      {!voted && (
        <form className="meet-say" onSubmit={(event) => (event.preventDefault(), submit())}>
          <label htmlFor="meet-text">{editing === undefined ? words.say : words.editing}</label>
          <textarea
            id="meet-text"
            rows={3}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              submit();
            }}
          />
          {work === undefined ? (
            <Button look="main" type="submit" disabled={text.trim() === ""}>
              {words.send}
            </Button>
          ) : (
            <Button look="danger" onClick={() => work.stop.abort()}>
              {words.stop}
            </Button>
          )}
        </form>
      )}
      <Button look="quiet" onClick={onAgain}>
        {words.again}
      </Button>
    </div>
  );
}

interface SidesProps {
  chat: ChatAnswer;
  /** Questions may be changed. */
  open: boolean;
  onEdit: (exchange: number) => void;
  onRetry: (exchange: number) => void;
}

function Sides({ chat, open, onEdit, onRetry }: SidesProps) {
  return (
    <div className={chat.blind ? "meet-sides" : "meet-sides meet-one"}>
      {chat.sides.map((side, at) => (
        <section key={at} aria-label={side.model ?? words.sides[at]}>
          <h2>{side.model === null ? words.sides[at] : shortName(side.model)}</h2>
          {side.turns.map((turn, index) => (
            <div key={index} className={`meet-turn meet-${turn.role}`}>
              {turn.role === "user" && <strong className="meet-who">{words.you}</strong>}
              <Rendered text={turn.content} plain={turn.role === "user"} />
              {turn.end !== null && words.ends[turn.end] !== "" && (
                <p className="soft">{words.ends[turn.end]}</p>
              )}
              {turn.role === "user" && open && (
                // one pair of buttons is for both sides; the other's place keeps answers level
                <p className="meet-tools" style={at === 0 ? undefined : { visibility: "hidden" }}>
                  <Button look="quiet" onClick={() => onEdit(index / 2)}>
                    {words.edit}
                  </Button>
                  <Button look="quiet" onClick={() => onRetry(index / 2)}>
                    {words.retry}
                  </Button>
                </p>
              )}
            </div>
          ))}
        </section>
      ))}
    </div>
  );
}

function Voting({ chat, onVoted }: { chat: ChatAnswer; onVoted: (chat: ChatAnswer) => void }) {
  const { send, busy, error } = useCall(vote);
  const cast = async (choice: Vote): Promise<void> => {
    const told = await send({ params: { chat: chat.id }, body: { vote: choice } });
    if (told !== undefined) onVoted(told);
  };
  const latest = useRef(cast);
  latest.current = cast;
  const open = chat.vote === null && !busy;
  useEffect(() => {
    if (!open) return undefined;
    const press = (event: KeyboardEvent): void => {
      const { target } = event;
      const writes =
        target instanceof HTMLElement && /^(TEXTAREA|INPUT|SELECT)$/.test(target.tagName);
      const choice = VOTE_KEYS[event.key.toLowerCase()];
      if (writes || choice === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      void latest.current(choice);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [open]);
  if (chat.vote !== null) {
    const [left, right] = chat.sides.map(({ model }) => shortName(model ?? ""));
    return (
      <p role="status" className="meet-told">
        <strong>{words.vote[chat.vote]}.</strong> {words.vote.done(left!, right!)}
      </p>
    );
  }
  return (
    <fieldset className="meet-vote">
      <legend>{words.vote.title}</legend>
      {VOTES.map((choice) => (
        <Button
          key={choice}
          busy={busy}
          hotkey={KEY_SHOWN[choice]}
          onClick={() => void cast(choice)}
        >
          {words.vote[choice]}
        </Button>
      ))}
      <ErrorBox error={error} />
    </fieldset>
  );
}
