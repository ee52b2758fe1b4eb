// Online DPO: of the model's own answers, the better and the worse one are a pair.
import { ask, onlineDpo, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const trained = await onlineDpo(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, batchSize: 8, samples: 2, maxNewTokens: 24 },
);
await trained.save("online-dpo");

const model = await loadModel("online-dpo");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
