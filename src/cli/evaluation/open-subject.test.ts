/** Parts that must have their model in this process say so of one behind a server. */
import { expect, test } from "vitest";
import type { CommandContext } from "../command.ts";
import { openLocalSubject } from "./open-subject.ts";

test("a model behind a server is refused where one in this process is needed", async () => {
  const config = {
    model: "openai:gpt",
    template: "auto",
    precision: "float32" as const,
    batchSize: 8,
    contextLength: 256,
  };
  await expect(openLocalSubject(config, {} as CommandContext)).rejects.toMatchObject({
    code: "usage",
    details: { got: "openai:gpt" },
  });
});
