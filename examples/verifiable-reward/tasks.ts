/** Sums to train on and others to judge by: no pair of numbers is in both, in either order. */
import { Random } from "../../src/core/random.ts";

export interface Task {
  prompt: { role: "user"; content: string }[];
  sum: number;
}

const LARGEST = 20;
const HELD_OUT = 50;

export function sums(seed: number): { train: Task[]; heldOut: Task[] } {
  const pairs: [number, number][] = [];
  for (let a = 1; a <= LARGEST; a++) for (let b = a; b <= LARGEST; b++) pairs.push([a, b]);
  const random = Random.for(seed, "sums");
  const tasks = random.shuffle(pairs).map(([a, b]): Task => {
    const [first, second] = random.chance(0.5) ? [a, b] : [b, a];
    return {
      prompt: [
        { role: "user", content: `What is ${first} + ${second}? Answer with the number only.` },
      ],
      sum: a + b,
    };
  });
  return { train: tasks.slice(HELD_OUT), heldOut: tasks.slice(0, HELD_OUT) };
}
