/** Who is here, for the whole page. */
import type { ReactNode } from "react";
import { createContext, useContext, useMemo } from "react";
import type { AnswerOf } from "../../../src/studio/api/route.ts";
import { getSession } from "../../../src/studio/api/session.ts";
import { useAnswer } from "../calls/hooks.ts";
import { ErrorBox, Spinner } from "../ui/basics.tsx";

export type Session = AnswerOf<typeof getSession>;
type Known = Exclude<Session, { person: null }>;

interface Held {
  session: Session;
  /** What a call that changed it answered. */
  setSession: (session: Session) => void;
  reload: () => void;
}

const SessionContext = createContext<Held | undefined>(undefined);
const NOTHING = { params: {} };

export function SessionProvider({ children }: { children: ReactNode }) {
  const { value, error, reload, set } = useAnswer(getSession, NOTHING);
  const held = useMemo(
    () => (value === undefined ? undefined : { session: value, setSession: set, reload }),
    [value, set, reload],
  );
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (held === undefined) return <Spinner />;
  return <SessionContext value={held}>{children}</SessionContext>;
}

export const useSession = (): Held => useContext(SessionContext)!;

/** For what is shown only to those who have come in. */
export const useKnown = (): Known => {
  const { session } = useSession();
  if (session.person === null) throw new Error("nobody has come in");
  return session as Known;
};
