/**
 * Pass `user-rules`: what a user program may be made of.
 *
 * Problem   a user program is anybody's Wasm; whatever it could reach besides its window would be the kernel's.
 * Example   `(import "env" "log" (func))`, `(start $main)`, `memory.atomic.wait32` (which would stop a CPU).
 * Emitted   nothing but refusals; exports other than programs are taken away.
 * Invariant the module imports one function, `env.syscall`, keeps its table to itself, and runs only when it is called.
 */
import { MachineError } from "../../errors.ts";
import { walk } from "../expressions.ts";
import type { Unit } from "../unit.ts";

const SYSCALL = "(i32,i32,i32,i32)->i32";
/** What a program looks like from outside: argument → exit status. */
const PROGRAM = "(i32)->i32";
/** Names that the later passes give; a module that brings them along would be taken for our own code. */
const RESERVED = /^(__)?asyncify_|^(window_base|user_safepoint|stack_end_hit)$/;

/** Instructions, with what to do instead. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  AtomicWait: "Wait with a system call: a waiting instruction would stop the whole CPU.",
  MemoryInit: "Use active data segments: they become the bytes that each process starts with.",
  DataDrop: "Use active data segments: they become the bytes that each process starts with.",
  TableGet: "Call through a fixed table.",
  TableSet: "Call through a fixed table.",
  TableSize: "Call through a fixed table.",
  TableGrow: "Call through a fixed table.",
};

export interface Program {
  readonly name: string;
  readonly export: string;
}

/** Refuses what is not allowed; returns the programs that the module exports. */
export function checkUserRules(unit: Unit): Program[] {
  checkImports(unit);
  const start = unit.m.getStart();
  if (start) {
    throw forbidden(
      `a start function, ${unit.b.getFunctionInfo(start).name}`,
      "Export a program `(i32)->i32` and call the code from there.",
    );
  }
  for (const fn of unit.functions()) {
    if (RESERVED.test(fn.name))
      throw forbidden(`a function named ${fn.name}`, "Rename it: the toolchain adds one of that name.");
    walk(unit.b, fn.body, (expression, kind) => {
      const wide = unit.b.getExpressionType(expression) === unit.b.v128;
      const remedy = wide ? "Use values of 64 bits at most: a wider access could leave the window." : FORBIDDEN[kind];
      if (remedy !== undefined) throw forbidden(`${kind} in ${fn.name}`, remedy);
    });
  }
  return keepPrograms(unit);
}

function checkImports(unit: Unit): void {
  const { b, m } = unit;
  for (const fn of unit.imports()) {
    if (fn.module === "env" && fn.base === "syscall" && unit.signature(fn) === SYSCALL) continue;
    throw foreign(`${fn.module}.${fn.base}${unit.signature(fn)}`);
  }
  for (let i = 0; i < m.getNumGlobals(); i++) {
    const global = b.getGlobalInfo(m.getGlobalByIndex(i));
    if (global.module !== "") throw foreign(`global ${global.module}.${global.base}`);
    if (RESERVED.test(global.name))
      throw forbidden(`a global named ${global.name}`, "Rename it: the toolchain adds one of that name.");
  }
  for (let i = 0; i < m.getNumTables(); i++) {
    const table = b.getTableInfo(m.getTableByIndex(i));
    if (table.module !== "") throw foreign(`table ${table.module}.${table.base}`);
  }
  if (!m.hasMemory()) return;
  const { module, base } = m.getMemoryInfo();
  if (module !== "" && (module !== "env" || base !== "memory")) throw foreign(`memory ${module}.${base}`);
}

/** Removes exports that nobody outside needs; refuses the table's. */
function keepPrograms(unit: Unit): Program[] {
  const { b, m } = unit;
  const signatures = new Map(unit.functions().map((fn) => [fn.name, unit.signature(fn)]));
  const programs: Program[] = [];
  for (let i = m.getNumExports() - 1; i >= 0; i--) {
    const { kind, name, value } = b.getExportInfo(m.getExportByIndex(i));
    if (kind === b.ExternalTable)
      throw forbidden(`the exported table ${name}`, "Keep the table private to the module.");
    if (kind === b.ExternalFunction && signatures.get(value) === PROGRAM) programs.unshift({ name, export: name });
    else m.removeExport(name);
  }
  if (programs.length > 0) return programs;
  throw forbidden("no program", `Export at least one function ${PROGRAM}: argument to exit status.`);
}

function foreign(what: string): MachineError {
  return new MachineError(
    "FOREIGN_IMPORT",
    `the user program imports ${what}`,
    `A user program may import env.syscall${SYSCALL} and env.memory; reach everything else by system calls.`,
  );
}

function forbidden(what: string, remedy: string): MachineError {
  return new MachineError("FORBIDDEN_IN_USER_PROGRAM", `the user program has ${what}`, remedy);
}
