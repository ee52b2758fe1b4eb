/** Why the queue does not do what it is asked; the server makes an answer of it. */

export type RefusalCode =
  | "unknown_assignment"
  | "already_judged"
  | "already_skipped"
  | "other_judgement"
  | "undone"
  | "nothing_to_undo"
  | "decided"
  | "removed"
  | "ended"
  | "consent_needed"
  | "invalid_judgement";

const STATUS: Readonly<Record<RefusalCode, 400 | 403 | 404 | 409>> = {
  unknown_assignment: 404,
  already_judged: 409,
  already_skipped: 409,
  other_judgement: 409,
  undone: 409,
  nothing_to_undo: 409,
  decided: 409,
  removed: 403,
  ended: 403,
  consent_needed: 403,
  invalid_judgement: 400,
};

export class Refused extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }

  /** As HTTP counts them. */
  get status(): 400 | 403 | 404 | 409 {
    return STATUS[this.code];
  }
}
