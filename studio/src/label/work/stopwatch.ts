/** Time that something was before somebody's eyes. */
export class Stopwatch {
  private readonly now: () => number;
  private before = 0;
  private since: number | undefined;

  /** @param now milliseconds, always going on */
  constructor(now: () => number) {
    this.now = now;
    this.since = now();
  }

  restart(): void {
    this.before = 0;
    if (this.since !== undefined) this.since = this.now();
  }

  run(on: boolean): void {
    if (on === (this.since !== undefined)) return;
    if (this.since !== undefined) this.before += this.now() - this.since;
    this.since = on ? this.now() : undefined;
  }

  /** @returns milliseconds */
  read(): number {
    return this.before + (this.since === undefined ? 0 : this.now() - this.since);
  }
}
