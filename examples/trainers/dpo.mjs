// Direct preference optimisation: the model learns which of two answers people prefer.
import { ask, dpo, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const pairs = await loadDataset("pairs.jsonl");
const training = dpo({ model: base, train: pairs }, { beta: 0.1, maxLength: 512 });
for await (const event of training)
  if (event.type === "step") console.log(event.step, event.metrics.loss);
const trained = await training;
await trained.save("dpo");

const model = await loadModel("dpo");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
