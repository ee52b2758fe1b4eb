/** The desk of one project: asks what is to be done here, and has somebody do it. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { workplace as workplaceRoute } from "../../../src/studio/api/labelling.ts";
import { useKnown } from "../app/session.tsx";
import { useAnswer } from "../calls/hooks.ts";
import { isReached, onReach } from "../calls/reach.ts";
import { label } from "../strings/label.ts";
import { ErrorBox, Spinner } from "../ui/basics.tsx";
import { say } from "../ui/toast.tsx";
import { DeskView } from "./DeskView.tsx";
import { Consent } from "./parts/Consent.tsx";
import type { News } from "./work/desk.ts";
import { Desk } from "./work/desk.ts";
import { Outbox } from "./work/outbox.ts";
import { askServer, failureOf } from "./work/server.ts";

/** `localStorage`, where the browser has one for us. */
function shelf(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

export function DeskPage({ project }: { project: string }) {
  const { person } = useKnown();
  const place = useAnswer(workplaceRoute, { params: { project } });
  const desk = useMemo(
    () =>
      new Desk({
        asked: askServer(project),
        outbox: new Outbox(shelf(), { person: person.id, project }),
        failure: failureOf,
        news: tellNews,
        newId: newId,
      }),
    [project, person.id],
  );
  useEffect(() => {
    desk.start();
    const look = (): void => desk.look(document.visibilityState === "visible");
    const ended = onReach(() => isReached() && desk.wake());
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      ended();
      desk.stop();
    };
  }, [desk]);
  const state = useSyncExternalStore(desk.subscribe, desk.snapshot);
  // on a phone the task has the whole screen
  useEffect(() => {
    document.body.classList.add("at-desk");
    return () => document.body.classList.remove("at-desk");
  }, []);
  if (place.error !== undefined) return <ErrorBox error={place.error} again={place.reload} />;
  if (place.value === undefined) return <Spinner />;
  const { consent } = place.value;
  if (consent !== null)
    return (
      <Consent
        project={project}
        text={consent}
        onAgree={() => (place.set({ ...place.value!, consent: null }), desk.wake())}
      />
    );
  return <DeskView desk={desk} state={state} workplace={place.value} />;
}

/** `crypto.randomUUID` is only there where the page came safely: not from another's plain HTTP. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What went as it should stands in the bar (SavedLine); the rest is told. */
function tellNews(news: News): void {
  const { saved } = label;
  if (news.is === "late") say(saved.late, { bad: true });
  if (news.is === "undone") say(saved.undone);
  if (news.is === "undo-away") say(saved.undoAway, { bad: true });
  if (news.is === "refused") {
    const texts = { judge: saved.refused, skip: saved.skipRefused, undo: saved.undoRefused };
    say(texts[news.what](news.why), { bad: true });
  }
}
