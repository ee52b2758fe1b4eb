/** One lane of {@link Lanes}: the program of its thread. */
import { parentPort, workerData } from "node:worker_threads";
import { AttuneError, invariant } from "../core/errors.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import type { LaneData, LaneReply, LaneRequest } from "./lanes.ts";
import { toPlainError } from "./lanes.ts";
import { MAX_LENGTH } from "./recipe.ts";
import { worldStages } from "./stages.ts";
import { stageModels } from "./world-stage.ts";

const port = parentPort;
invariant(port !== null, "a lane is a thread");
const { seed, world, recipe, folder } = workerData as LaneData;
const interruption = new AbortController();
const reply = (message: LaneReply): void => port.postMessage(message);
const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), { maxLength: MAX_LENGTH });
const stages = worldStages({
  seed,
  world,
  encoder,
  recipe,
  folder,
  open: stageModels(folder),
  onEvent: (event) => reply({ type: "event", event }),
  signal: interruption.signal,
});

async function work({ name, action, folder: own }: LaneRequest & { type: "stage" }): Promise<void> {
  const stage = stages.find((each) => each.name === name);
  if (!stage) throw new AttuneError("internal", `there is no stage ${name}`);
  await stage[action](own);
}

port.on("message", (request: LaneRequest) => {
  if (request.type === "abort")
    return interruption.abort(new AttuneError("interrupted", "stopped"));
  if (request.type === "end") return port.close();
  work(request).then(
    () => reply({ type: "done" }),
    (error: unknown) => reply({ type: "failed", error: toPlainError(error) }),
  );
});
