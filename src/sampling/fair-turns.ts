/** Who was served longest ago: the order in which clients, or their requests, take turns. */

/** Clients that are remembered; whoever was served before them all counts as new. */
const REMEMBERED = 4096;

export class FairTurns<Client> {
  private turns = 0;
  /** When each was served last, the oldest first. */
  private readonly last = new Map<Client, number>();

  serve(client: Client): void {
    this.last.delete(client);
    this.last.set(client, ++this.turns);
    if (this.last.size > REMEMBERED) this.last.delete(this.last.keys().next().value!);
  }

  /** Negative where a comes before b: who was never served comes first. */
  compare(a: Client, b: Client): number {
    return (this.last.get(a) ?? 0) - (this.last.get(b) ?? 0);
  }

  /** Whether somebody else was served in so many of the last turns. */
  othersWithin(turns: number, client: Client): boolean {
    for (const [other, at] of [...this.last].toReversed()) {
      if (at <= this.turns - turns) return false;
      if (other !== client) return true;
    }
    return false;
  }
}
