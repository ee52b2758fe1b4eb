/** Texts of the section where models are met. */
import { countOf } from "../../../src/core/counts.ts";

export const meetStrings = {
  title: "Meet your models",
  tabs: { chat: "Chat", arena: "Blind, with two", ratings: "Ratings" },
  choose: "Models",
  chooseOne: "Choose the model that you talk with.",
  chooseTwo: "Choose two models or more: chance draws two of them, and who stands on which side.",
  none: "No run here has made a model that answers yet. Another can be named below.",
  other: "Another model",
  otherHint: "a folder, a GGUF file or a Hugging Face id",
  settings: "Sampling settings",
  begin: "Begin",
  again: "Another conversation",
  say: "Say something",
  send: "Send",
  stop: "Stop",
  edit: "Edit",
  retry: "Ask again",
  editing: "What stands below the edited turn is replaced.",
  you: "You",
  sides: ["Left", "Right"],
  opening: "Opening the models...",
  ends: {
    stop: "",
    length: "The answer was cut at its longest length.",
    stopped: "Stopped.",
    failed: "No answer.",
  },
  vote: {
    title: "Which side was better?",
    left: "Left",
    right: "Right",
    tie: "Tie",
    "both-bad": "Both bad",
    done: (left: string, right: string) => `Left was ${left}, right was ${right}.`,
  },
  ratings: {
    none: "There are no votes yet. Ratings are made of blind conversations with two models.",
    caption: (votes: number) => `Ratings from ${countOf(votes, "vote")}`,
    model: "Model",
    rating: "Rating",
    votes: "Votes",
    wins: "Won",
    losses: "Lost",
    ties: "Ties",
    same: "Not told from",
    nobody: "told from all",
    note:
      "Bradley-Terry on the scale of chess; the model with the most votes has 1000. Two are told " +
      "apart at a level that holds for all pairs together.",
  },
} as const;
