/** The section's one stream, for its parts. */
import { createContext, useContext, useSyncExternalStore } from "react";
import type { ListState } from "./connection.ts";
import { Connection } from "./connection.ts";

export const ConnectionContext = createContext<Connection>(new Connection());

export function useList(): ListState {
  const { subscribe, list } = useContext(ConnectionContext);
  return useSyncExternalStore(subscribe, list);
}
