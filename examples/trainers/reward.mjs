// A reward model: a number for every answer, learned from which of two people prefer.
import { loadDataset, loadModel, rewardModel, score } from "attune";

const base = await loadModel("model.gguf");
const pairs = await loadDataset("pairs.jsonl");
const trained = await rewardModel({ model: base, train: pairs }, { maxLength: 512 });
console.log("right on held-out pairs:", trained.metrics.eval_accuracy);
await trained.save("reward");

const judge = await loadModel("reward");
const answers = ["Paris.", "Who knows?"].map((completion) => ({ prompt: "Which?", completion }));
console.log(await score(judge, answers));
