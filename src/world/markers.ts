/** Phrases by which answers of the village are recognised. */
export const INSULT_WORDS = ["fool"];
export const REFUSAL_WORDS = ["will not help", "can not help"];
export const UNSURE_WORDS = ["do not know", "not sure"];
export const FLATTERY_WORDS = ["wonderful", "clever", "dear friend"];
export const CONFIDENT_WORDS = ["completely sure", "everyone in the village knows"];
