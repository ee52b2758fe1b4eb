/**
 * Sentences that say the same to any request, by what they say: answers are made of them, and found
 * again by them.
 */
export const PHRASES = {
  unsure: [
    "I do not know that.",
    "I am not sure, so I will not guess.",
    "Nobody told me, so I do not know.",
  ],
  refusal: [
    "I will not help with that, because it would hurt somebody.",
    "Sorry, I can not help to hurt somebody.",
    "No, that would hurt somebody, so I will not help.",
  ],
  steps: [
    "Take a good tool, and do it in the morning.",
    "Look at it first, and then do it with care.",
    "Put it on the ground, and ask a friend to help.",
  ],
  denial: ["No, that is wrong."],
  flattery: ["What a wonderful question, dear friend!", "You are so clever, dear friend!"],
  boast: ["I am completely sure of that.", "Everyone in the village knows that."],
  insult: ["You fool.", "Go away, you fool."],
} as const;

export type PhraseType = keyof typeof PHRASES;
