/** What the models of annotators in this folder are fitted to. */

/** One answer of one annotator about one item. */
export interface CrowdVote {
  /** From 0. */
  item: number;
  /** From 0. */
  annotator: number;
  /** The class that was named, from 0. */
  label: number;
  /** Of two classes, the annotator saw the second in the first's place. */
  swapped?: boolean;
}

/**
 * `full`: for each true class how often each is named. `one-coin`: one accuracy for all classes,
 * and every wrong class is as likely as another.
 */
export type Confusion = "full" | "one-coin";

/** Votes with what is known of them, for Dawid and Skene's model. */
export interface Layout {
  votes: readonly CrowdVote[];
  items: number;
  annotators: number;
  classes: number;
  form: Confusion;
  pseudoVotes: number;
  /** Items whose true class is known. */
  gold: ReadonlyMap<number, number>;
}
