/** Where models are that answer: who asks one holds it, and lets go of it. */

/** An OpenAI-compatible server that one model answers at. */
export interface ModelAddress {
  /** `http://127.0.0.1:40123/v1` */
  readonly baseUrl: string;
  readonly token: string;
  /** What requests call the model; the same for all, so that it tells nothing. */
  readonly name: string;
}

export interface ModelLease {
  readonly address: ModelAddress;
  release(): void;
}

export interface ModelHost {
  /**
   * Opens a model, where it is not open.
   * @param model as `attune serve --model` takes it
   * @throws ModelError where it cannot be opened, or all places are taken
   */
  lease(model: string, signal?: AbortSignal): Promise<ModelLease>;
  close(): Promise<void>;
}

/** A model that was not reached or does not answer. What it says may name the model. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
