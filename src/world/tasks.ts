/** Small tasks: list some things, count apples, compare two numbers. */
import type { Random } from "../core/random.ts";
import type { Split } from "./split.ts";
import { splitOf } from "./split.ts";
import type { Attribute, Village } from "./village.ts";

export const NUMBERS = [
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
] as const;
const KINDS: Readonly<Record<string, Attribute>> = {
  drinks: "drink",
  pets: "pet",
  trades: "work",
  streets: "home",
};
const FRUITS = ["apples", "pears", "plums", "nuts"] as const;

export type Task =
  | { task: "list"; count: number; attribute: Attribute }
  | { task: "count"; count: number }
  | { task: "compare"; numbers: readonly [number, number] };

const numberWord = (value: number): string => NUMBERS[value - 1]!;
export const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const LISTS = [
  (n: string, kind: string) => `List ${n} ${kind}.`,
  (n: string, kind: string) => `Name ${n} ${kind}.`,
  (n: string, kind: string) => `Please tell me ${n} ${kind}.`,
];
const COUNTS = [
  (fruit: string, row: string) => `How many ${fruit} are these: ${row}?`,
  (fruit: string, row: string) => `Count the ${fruit}: ${row}.`,
];
const COMPARISONS = [
  (a: string, b: string) => `Which is more, ${a} or ${b}?`,
  (a: string, b: string) => `I have ${a} and ${b}. Which is more?`,
];

function draw(random: Random): { text: string; task: Task } {
  const kind = random.integer(3);
  if (kind === 0) {
    const [count, name] = [2 + random.integer(3), random.pick(Object.keys(KINDS))];
    return {
      text: random.pick(LISTS)(numberWord(count), name),
      task: { task: "list", count, attribute: KINDS[name]! },
    };
  }
  const fruit = random.pick(FRUITS);
  if (kind === 1) {
    const count = 1 + random.integer(6);
    const row = Array.from({ length: count }, () => fruit.slice(0, -1)).join(", ");
    return { text: random.pick(COUNTS)(fruit, row), task: { task: "count", count } };
  }
  const numbers = random.sample([2, 3, 4, 5, 6, 7, 8, 9], 2) as [number, number];
  const [a, b] = numbers.map((number) => `${numberWord(number)} ${fruit}`) as [string, string];
  return { text: random.pick(COMPARISONS)(a, b), task: { task: "compare", numbers } };
}

/** A task whose wording, numbers included, belongs to the split. */
export function drawTask(split: Split, random: Random): { text: string; task: Task } {
  for (;;) {
    const drawn = draw(random);
    if (splitOf(`task ${drawn.text}`) === split) return drawn;
  }
}

/** "Tea, milk and cider." */
function listed(values: readonly string[]): string {
  return `${capitalise(values.slice(0, -1).join(", "))} and ${values.at(-1)!}.`;
}

/** The task done right. */
export function solve(village: Village, task: Task, random: Random): string {
  if (task.task === "list")
    return listed(random.sample(village.values[task.attribute], task.count));
  if (task.task === "count") return `I count ${numberWord(task.count)}.`;
  return `${capitalise(numberWord(Math.max(...task.numbers)))} is more.`;
}

/** The task done wrong. */
export function wrongTaskAnswer(village: Village, task: Task, random: Random): string {
  if (task.task === "list") {
    const [value, other] = random.sample(village.values[task.attribute], 2) as [string, string];
    return listed(
      Array.from({ length: task.count }, (_, i) => (i === 0 && task.count > 2 ? other : value)),
    );
  }
  if (task.task === "count") {
    const others = [1, 2, 3, 4, 5, 6, 7].filter((n) => n !== task.count);
    return `I count ${numberWord(random.pick(others))}.`;
  }
  return `${capitalise(numberWord(Math.min(...task.numbers)))} is more.`;
}
