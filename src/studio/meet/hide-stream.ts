/**
 * Hides names in a text that is still being written: what is near its end waits, since it may be
 * the beginning of a name.
 */
import { masker } from "../../labelling/masking.ts";

/** Characters by which what is written next may change what is hidden before it. */
const CONTEXT = 80;

export class HiddenText {
  private readonly mask: (text: string) => { text: string };
  private readonly held: number;
  private whole = "";
  private told = "";

  /** @param names of the models that may be answering; none: everything is shown at once */
  constructor(names: readonly string[]) {
    const mask = masker(names);
    this.mask = names.length === 0 ? (text) => ({ text }) : mask;
    const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
    this.held = names.length === 0 ? 0 : CONTEXT + longest;
  }

  /** @returns what may be shown besides */
  add(text: string): string {
    this.whole += text;
    const safe = this.mask(this.whole).text;
    return this.tell(safe.slice(0, Math.max(0, safe.length - this.held)));
  }

  /** @returns what waited, when nothing comes any more */
  end(): string {
    return this.tell(this.mask(this.whole).text);
  }

  private tell(safe: string): string {
    // a name that turned out to be none lies behind what was told
    if (!safe.startsWith(this.told)) return "";
    const fresh = safe.slice(this.told.length);
    this.told = safe;
    return fresh;
  }
}
