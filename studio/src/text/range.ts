/** A part of a text. */
export interface Range {
  /** In characters. */
  start: number;
  end: number;
}
