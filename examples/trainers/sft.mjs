// Supervised fine-tuning: a base model learns to answer.
import { ask, loadDataset, loadModel, sft } from "attune";

const base = await loadModel("model.gguf");
const demonstrations = await loadDataset("demonstrations.jsonl");
const trained = await sft({ model: base, train: demonstrations }, { maxLength: 512 });
await trained.save("sft");

const model = await loadModel("sft");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
