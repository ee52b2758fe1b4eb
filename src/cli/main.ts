#!/usr/bin/env node
/** The executable `attune`. Everything else is in program.ts, where tests can reach it. */
import { runProgram } from "./program.ts";
import { watchReaders } from "./reader.ts";

const { stdin, stdout, stderr } = process;
process.exitCode = await runProgram(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  signals: process,
  readerGone: watchReaders([stdout, stderr]),
});
