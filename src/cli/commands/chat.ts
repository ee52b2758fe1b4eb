/**
 * `attune chat`: a conversation with a model in the terminal. What goes wrong with a message is
 * said, and the conversation goes on.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { defineConfig } from "../../config/config.ts";
import { parseConfig } from "../../config/sources.ts";
import { writeFileAtomic } from "../../runs/files.ts";
import { ChatSession } from "../../sampling/chat-session.ts";
import { templateField } from "../../sampling/template.config.ts";
import { noteCutAnswers, warnOfAnswers } from "../display/answer-warnings.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, itemsText } from "../display/help-text.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { formatTable } from "../display/words.ts";
import { generationFields } from "./generate.ts";
import { openForGeneration } from "../inputs/model-to-answer.ts";

const { raw: _raw, ...chatFields } = generationFields;
export const chatConfig = defineConfig({
  name: "chat",
  fields: { ...chatFields, template: templateField },
});

/** What can be typed instead of a message, with what stands behind it. */
const COMMANDS: Readonly<Record<string, string>> = {
  "/help": "this list",
  "/system TEXT": "another system message from here on; without TEXT none",
  "/reset": "forget the conversation; the system message stays",
  "/save FILE": 'write the conversation as {"messages": [...]}, for `attune sft`',
  "/quit": "end (as Ctrl-D does)",
  "//...": "a message that begins with a slash",
};

export const command: CommandModule = {
  stopping: "the conversation ends here; /save keeps one",
  endsWithReader: true,
  configure(command, bind) {
    addConfigOptions(command, chatConfig);
    addBelowHelp(command, (width) =>
      itemsText("In the conversation:", Object.entries(COMMANDS), width),
    );
    command.action(
      bind<Record<string, unknown>>(async ({ options, context }) => {
        const { resolved: config } = parseConfig(chatConfig, {
          flags: readConfigFlags(chatConfig, options),
        });
        const { opened, encoder } = await openForGeneration(
          config,
          { conversations: true },
          context,
        );
        const { reporter } = context;
        const session = new ChatSession(
          { model: opened.model, encoder },
          { ...config, stopTexts: config.stop },
          (text) => reporter.note(text),
        );
        try {
          await converse(session, context);
        } finally {
          await session.close();
        }
      }),
    );
  },
};

const commandList = (): string =>
  formatTable(Object.entries(COMMANDS).map(([name, says]) => [`  ${name}`, says]));

/** Until the input ends, `/quit` or Ctrl-C. */
async function converse(session: ChatSession, context: CommandContext): Promise<void> {
  const { reporter, input, signal } = context;
  const lines = createInterface({ input });
  const end = (): void => lines.close();
  signal.addEventListener("abort", end, { once: true });
  const isAsked = input.isTTY && reporter.mode !== "json";
  const ask = (): void => (isAsked ? reporter.write("> ") : undefined);
  reporter.note("Type a message; /help lists the commands, /quit or Ctrl-D ends the conversation.");
  ask();
  try {
    for await (const line of lines) {
      if (signal.aborted || (await respond(line, session, context)) === "quit") break;
      ask();
    }
  } finally {
    signal.removeEventListener("abort", end);
    lines.close();
    if (isAsked) reporter.write("\n");
  }
}

async function respond(
  line: string,
  session: ChatSession,
  context: CommandContext,
): Promise<"quit" | void> {
  const text = line.trim();
  if (text === "") return;
  try {
    if (text.startsWith("/") && !text.startsWith("//")) return obey(text, session, context);
    await answer(text.startsWith("//") ? text.slice(1) : line, session, context);
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code === "internal") throw error;
    context.reporter.warn("chat", error.message);
  }
}

function obey(text: string, session: ChatSession, { reporter }: CommandContext): "quit" | void {
  const [, name, rest] = /^(\S+)\s*(.*)$/s.exec(text)!;
  switch (name) {
    case "/help":
      return reporter.note(commandList());
    case "/system":
      session.instruct(rest!);
      return reporter.note(
        rest === ""
          ? "no system message from here on"
          : "the system message is another from here on",
      );
    case "/reset":
      session.reset();
      return reporter.note("the conversation begins anew");
    case "/save":
      return save(rest!, session, reporter);
    case "/quit":
    case "/exit":
      return "quit";
    default:
      reporter.note(
        `there is no command ${name}; /help lists them, and a message that begins with a slash ` +
          "is written with two",
      );
  }
}

function save(file: string, session: ChatSession, reporter: CommandContext["reporter"]): void {
  if (file === "") throw new AttuneError("usage", "/save needs the name of a file");
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new AttuneError("usage", "this is a folder, and /save writes a file", {
      file,
      hint: `/save ${join(file, "conversation.jsonl")}`,
    });
  if (existsSync(file))
    throw new AttuneError("usage", "there is a file of this name, and it is left as it is", {
      file,
      hint: "another name",
    });
  const { messages } = session;
  if (!messages.some(({ role }) => role === "assistant"))
    throw new AttuneError("usage", "there is no answer to save yet");
  writeFileAtomic(file, `${JSON.stringify({ messages })}\n`);
  reporter.note(`${countOf(messages.length, "turn")} -> ${file}`);
}

async function answer(
  text: string,
  session: ChatSession,
  { reporter, signal }: CommandContext,
): Promise<void> {
  let shown = 0;
  const streams = reporter.mode !== "json";
  const { answer: said } = await session.say(text, {
    signal,
    ...(streams
      ? { onToken: ({ text: so }) => (reporter.write(so.slice(shown)), (shown = so.length)) }
      : {}),
  });
  if (streams) reporter.write("\n");
  else
    reporter.result(
      { role: "assistant", content: said.text, finish: said.finish, tokens: said.ids.length },
      said.text,
    );
  if (said.finish === "cancelled") return;
  const seen = [{ text: said.text, stopped: said.finish === "stop" }];
  warnOfAnswers(seen, reporter);
  noteCutAnswers(seen, reporter);
}
