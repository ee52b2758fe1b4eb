/** The section where models are met: chat with one, blind with two, and ratings. */
import { useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import type { ChatAnswer } from "../../../src/studio/api/meet.ts";
import { listModels, startChat } from "../../../src/studio/api/meet.ts";
import { samplingConfig } from "../../../src/studio/meet/sampling.config.ts";
import { useAnswer, useCall } from "../calls/hooks.ts";
import { ConfigForm } from "../forms/ConfigForm.tsx";
import type { Given } from "../forms/state.ts";
import { treeOf } from "../forms/state.ts";
import { meetStrings as words } from "../strings/meet.ts";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import { Conversation } from "./Conversation.tsx";
import "./meet.css";
import { Ratings } from "./Ratings.tsx";

const PLACES = { chat: "/", arena: "/arena", ratings: "/ratings" } as const;

export default function Meet() {
  const [at] = useLocation();
  return (
    <div className="meet">
      <h1>{words.title}</h1>
      <nav className="meet-tabs" aria-label={words.title}>
        {(["chat", "arena", "ratings"] as const).map((tab) => (
          <Link key={tab} href={PLACES[tab]} aria-current={at === PLACES[tab] ? "page" : undefined}>
            {words.tabs[tab]}
          </Link>
        ))}
      </nav>
      <Switch>
        <Route path="/ratings" component={Ratings} />
        <Route path="/arena">
          <Meeting key="arena" blind />
        </Route>
        <Route>
          <Meeting key="chat" blind={false} />
        </Route>
      </Switch>
    </div>
  );
}

function Meeting({ blind }: { blind: boolean }) {
  const [chat, setChat] = useState<ChatAnswer>();
  return chat === undefined ? (
    <Choice blind={blind} onBegun={setChat} />
  ) : (
    <Conversation key={chat.id} begun={chat} onAgain={() => setChat(undefined)} />
  );
}

function Choice({ blind, onBegun }: { blind: boolean; onBegun: (chat: ChatAnswer) => void }) {
  const models = useAnswer(listModels, { params: {} });
  const { send, busy, error } = useCall(startChat);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [other, setOther] = useState("");
  const [given, setGiven] = useState<Given>({});
  const named = [...chosen, ...(other.trim() === "" ? [] : [other.trim()])];
  const ready = blind ? named.length >= 2 : named.length === 1;
  const choose = (model: string, on: boolean): void =>
    setChosen((old) =>
      blind ? [...old.filter((each) => each !== model), ...(on ? [model] : [])] : [model],
    );
  const begin = async (): Promise<void> => {
    const settings = treeOf(samplingConfig, given);
    const begun = await send({ params: {}, body: { models: named, blind, settings } });
    if (begun !== undefined) onBegun(begun);
  };
  if (models.error !== undefined) return <ErrorBox error={models.error} again={models.reload} />;
  if (models.value === undefined) return <Spinner />;
  return (
    <form className="meet-choice" onSubmit={(event) => (event.preventDefault(), void begin())}>
      <fieldset>
        <legend>{words.choose}</legend>
        <p className="soft">{blind ? words.chooseTwo : words.chooseOne}</p>
        {models.value.length === 0 && <p>{words.none}</p>}
        <div className="meet-models">
          {models.value.map(({ model, name, by }) => (
            <label key={model}>
              <input
                type={blind ? "checkbox" : "radio"}
                name="model"
                checked={chosen.includes(model)}
                onChange={(event) => choose(model, event.target.checked)}
              />
              <span>{name}</span>
              {by !== null && <span className="soft">{by}</span>}
            </label>
          ))}
        </div>
        <Field label={words.other} hint={words.otherHint}>
          {(control) => (
            <input
              {...control}
              type="text"
              value={other}
              onChange={(event) => {
                setOther(event.target.value);
                if (!blind) setChosen([]);
              }}
            />
          )}
        </Field>
      </fieldset>
      <details>
        <summary>{words.settings}</summary>
        <ConfigForm definition={samplingConfig} given={given} onChange={setGiven} />
      </details>
      <ErrorBox error={error} />
      <Button look="main" type="submit" busy={busy} disabled={!ready}>
        {words.begin}
      </Button>
    </form>
  );
}
