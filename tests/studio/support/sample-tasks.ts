/** Tasks of every kind, as people meet them: Markdown, formulas, code, turns, principles. */
import type { NewTask } from "../../../src/labelling/exchange/new-task.ts";
import type { KindName } from "../../../src/labelling/kinds/index.ts";

const PROMPT = "How do I find the roots of $ax^2 + bx + c = 0$? Please show the code too.";
const GOOD = `The roots are given by the **quadratic formula**:

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$

\`\`\`python
def roots(a, b, c):
    d = (b * b - 4 * a * c) ** 0.5
    return (-b + d) / (2 * a), (-b - d) / (2 * a)
\`\`\`

1. If $b^2 > 4ac$ there are two real roots.
2. If $b^2 = 4ac$ there is one.
3. Otherwise they are complex. See [this page](https://en.wikipedia.org/wiki/Quadratic_formula).`;
const POOR = `You can use the quadratic formula for this, I believe:

x = (-b ± sqrt(b² - 4ac)) / 2a

> It works for every equation.

| case | roots |
|------|-------|
| b² > 4ac | two |
| b² = 4ac | one |

There is no need for code.`;

const turns = [
  { role: "system" as const, content: "You are a careful assistant." },
  { role: "user" as const, content: "My neighbour's dog barks all night." },
  { role: "assistant" as const, content: "That is tiring. Have you spoken with them?" },
  { role: "user" as const, content: "Not yet. What should I say?" },
];
const ADVICE = [
  "Say that you have been sleeping badly, ask whether they know of it, and offer to help.",
  "Tell them that you will call the police if it goes on.",
  "Write a letter: it is easier to stay calm on paper.",
  "Do nothing; dogs bark.",
];

/** Of each kind a few: the first is the one for pictures. */
export const SAMPLES: Readonly<Record<KindName, readonly NewTask[]>> = {
  compare: [
    { content: { prompt: PROMPT, answers: [GOOD, POOR] } },
    { content: { prompt: turns, answers: [ADVICE[0]!, ADVICE[1]!] } },
    {
      content: {
        prompt: "What is the capital of France?",
        answers: ["It is Paris.", "It is Lyon."],
      },
    },
  ],
  rank: [{ content: { prompt: turns, answers: ADVICE } }],
  accept: [
    { content: { prompt: turns, answers: [ADVICE[0]!] } },
    { content: { prompt: PROMPT, answers: [POOR] } },
  ],
  rewrite: [{ content: { prompt: "Thank a colleague for her help.", answers: ["thx!!"] } }],
  critique: [
    {
      content: {
        prompt: turns,
        answers: [ADVICE[1]!],
        principles: [
          "Choose the answer that is **least threatening**.",
          "Choose the answer that helps the person most.",
        ],
      },
    },
  ],
};

export const GUIDELINES = `Judge what the person asked for.

- **True** before pleasant: an answer with a mistake loses.
- *Short* is good where nothing is missing.
- Both bad is a good answer when both are.`;
