/** `attune ask`: which pairs to ask people about next. */
import { askConfig } from "../../labelling/asking/ask.config.ts";
import { runAsk } from "../asking/run.ts";
import type { CommandModule } from "../command.ts";
import { trainingCommand } from "../training/training-command.ts";

export const command: CommandModule = trainingCommand({ config: askConfig, run: runAsk });
