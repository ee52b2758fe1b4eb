/** `attune chat`: a conversation with a model in the terminal. */
import { createInterface } from "node:readline/promises";
import { defineConfig } from "../../runs/config.ts";
import { parseConfig } from "../../runs/config-sources.ts";
import { Conversation } from "../../sampling/conversation.ts";
import type { Message } from "../../text/messages.ts";
import type { CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { generationFields, openForGeneration } from "./generate.ts";

const { raw: _raw, ...chatFields } = generationFields;
const chatConfig = defineConfig({ name: "chat", fields: chatFields });

export const command: CommandModule = {
  configure(command, bind) {
    addConfigOptions(command, chatConfig);
    command.action(
      bind<Record<string, unknown>>(async ({ options, context }) => {
        const { resolved: config } = parseConfig(chatConfig, { flags: readConfigFlags(chatConfig, options) });
        const { opened, encoder } = await openForGeneration(config, context);
        const turns: Message[] = config.system === "" ? [] : [{ role: "system", content: config.system }];
        const lines = createInterface({ input: context.input });
        context.reporter.note("Type a message; an empty line or Ctrl-D ends the conversation.");
        context.reporter.write("> ");
        const conversation = new Conversation(opened.model, encoder);
        try {
          for await (const line of lines) {
            if (line.trim() === "" || context.signal.aborted) break;
            turns.push({ role: "user", content: line });
            let shown = 0;
            const { text } = await conversation.reply(encoder.encodePrompt(turns), { ...config, stopTexts: config.stop }, {
              signal: context.signal,
              onToken: ({ text }) => (context.reporter.write(text.slice(shown)), (shown = text.length)),
            });
            turns.push({ role: "assistant", content: text });
            context.reporter.write("\n> ");
          }
        } finally {
          await conversation.close();
        }
        lines.close();
        context.reporter.write("\n");
      }),
    );
  },
};
