/**
 * What was judged and is not yet saved: kept by the browser until the server has it, so that a
 * closed tab, a dead server or a lost line lose nothing. Each has its own place, so that two tabs
 * do not write over one another; sent twice it is the same judgement.
 */
import type { TaskAnswer } from "../../../../src/studio/api/labelling.ts";

export interface Deed {
  /** Made here; the server knows the same one again. */
  id: string;
  what: "judge" | "skip";
  /** Order in which they were done. */
  at: number;
  task: TaskAnswer;
  /** undefined for a skip. */
  judgement?: unknown;
  comment: string;
  flag: string;
  shownMs: number;
}

/** `localStorage`, or what stands for it. */
export interface Shelf {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Outbox {
  private readonly prefix: string;
  private deeds: Deed[];
  private shelf: Shelf | undefined;
  /** Whether the browser keeps what is here. */
  kept = true;

  /** @param of whose deeds, and in which project */
  constructor(shelf: Shelf | undefined, of: { person: string; project: string }) {
    this.shelf = shelf;
    this.prefix = `attune-studio:outbox:${of.person}:${of.project}:`;
    this.kept = shelf !== undefined;
    this.deeds = this.load();
  }

  get all(): readonly Deed[] {
    return this.deeds;
  }

  add(deed: Deed): void {
    this.deeds = [...this.deeds, deed];
    try {
      this.shelf?.setItem(this.prefix + deed.id, JSON.stringify(deed));
    } catch {
      // full, or switched off
      this.kept = false;
    }
  }

  remove(id: string): void {
    this.deeds = this.deeds.filter((deed) => deed.id !== id);
    try {
      this.shelf?.removeItem(this.prefix + id);
    } catch {
      this.kept = false;
    }
  }

  private load(): Deed[] {
    const found: Deed[] = [];
    try {
      for (let index = 0; index < (this.shelf?.length ?? 0); index++) {
        const key = this.shelf!.key(index);
        if (key?.startsWith(this.prefix)) found.push(JSON.parse(this.shelf!.getItem(key)!) as Deed);
      }
    } catch {
      this.kept = false;
    }
    return found.toSorted((a, b) => a.at - b.at);
  }
}
