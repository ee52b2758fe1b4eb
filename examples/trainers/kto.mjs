// KTO: answers that were found good or bad, without pairs.
import { ask, kto, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const judged = await loadDataset("pairs.jsonl");
const trained = await kto({ model: base, train: judged }, { maxLength: 512 });
await trained.save("kto");

const model = await loadModel("kto");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
