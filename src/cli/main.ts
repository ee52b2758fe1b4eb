#!/usr/bin/env node
/** The executable `attune`. Everything else is in program.ts, where tests can reach it. */
import { runProgram } from "./program.ts";

// `attune generate ... | head` closes the pipe early: that is no failure
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const { stdin, stdout, stderr } = process;
process.exitCode = await runProgram(process.argv.slice(2), { stdin, stdout, stderr, signals: process });
