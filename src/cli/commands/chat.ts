/** `attune chat`: a conversation with a model in the terminal. */
import { createInterface } from "node:readline/promises";
import { defineConfig } from "../../runs/config.ts";
import { parseConfig } from "../../runs/config-sources.ts";
import { generate } from "../../sampling/generate.ts";
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
        const { opened, encoder } = await openForGeneration(config.model, context);
        const turns: Message[] = config.system === "" ? [] : [{ role: "system", content: config.system }];
        const lines = createInterface({ input: context.input });
        context.reporter.note("Type a message; an empty line or Ctrl-D ends the conversation.");
        context.reporter.write("> ");
        for await (const line of lines) {
          if (line.trim() === "" || context.signal.aborted) break;
          turns.push({ role: "user", content: line });
          let shown = 0;
          const [answer] = await generate(opened.model, encoder, [encoder.encodePrompt(turns)], { ...config, seed: config.seed + turns.length, samples: 1, batchSize: 1, stopTexts: config.stop }, {
            signal: context.signal,
            onToken: ({ text }) => (context.reporter.write(text.slice(shown)), (shown = text.length)),
          });
          turns.push({ role: "assistant", content: answer?.text ?? "" });
          context.reporter.write("\n> ");
        }
        lines.close();
        context.reporter.write("\n");
      }),
    );
  },
};
