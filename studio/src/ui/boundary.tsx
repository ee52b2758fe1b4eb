/** A part of the page that breaks leaves the rest standing. */
import type { ReactNode } from "react";
import { Component } from "react";
import { strings } from "../strings.ts";
import { Button, ErrorBox } from "./basics.tsx";

export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const { errors } = strings;
    // the server was built anew while the page was open
    const missing = /dynamically imported module|module script/i.test(String(error));
    const shown = missing
      ? { what: errors.newer, details: { hint: errors.brokeHint } }
      : { what: `${errors.broke}: ${String(error)}`, details: { hint: errors.brokeHint } };
    return (
      <div>
        <ErrorBox error={shown} />
        <Button onClick={() => location.reload()}>{errors.reload}</Button>
      </div>
    );
  }
}
