/** `attune resume RUN`: reads which command made the run, and hands the run back to it. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { chdir } from "node:process";
import { AttuneError } from "../../core/errors.ts";
import { readRunInfo } from "../../runs/run-folder.ts";
import type { CommandLookup, CommandModule } from "../command.ts";
import { showFirstCurve } from "../display/plot.ts";

/** @param lookup finds the command that made the run */
export function resumeCommand(lookup: CommandLookup): CommandModule {
  return {
    configure(command, bind) {
      command
        .argument("<run>", "run folder")
        .option(
          "--accept-changes",
          "go on with options that were changed by hand in the run folder, which is refused " +
            "otherwise",
        );
      command.action(
        bind<{ acceptChanges?: boolean }>(
          async ({ values: [dir], options: { acceptChanges = false }, context }) => {
            const folder = resolve(dir!);
            const info = readRunInfo(folder);
            if (info.status === "completed") {
              context.reporter.result(
                { run: folder, status: info.status },
                `${dir} has finished already: there is nothing left to do (to train on from it, ` +
                  `begin a new run with --model ${dir})`,
              );
              return;
            }
            const module = await lookup(info.command.split(" ")[0]!);
            if (module?.resume === undefined) {
              throw new AttuneError(
                "run",
                `this version of attune cannot resume runs of "${info.command}"`,
                { file: folder, hint: "use the version that made the run" },
              );
            }
            // relative paths of the config start from where the run began
            if (existsSync(info.workingFolder)) chdir(info.workingFolder);
            await module.resume({ folder, info }, context, { acceptChanges });
            showFirstCurve(folder, context);
          },
        ),
      );
    },
  };
}
