/**
 * Pass `module-state`: a kernel module's variables live in its block of memory, one for all CPUs.
 *
 * Problem   a Wasm global is one per instance: per CPU.
 * Example   `let calls: i32 = 0;` in a module counts what all CPUs do.
 * Emitted   `i32.load (global.get $state_base) + offset`; the loader says where the block is and fills it.
 * Invariant parameters are such variables, marked `@param`, of a type that can be written as text. Variables that say
 *           `@percpu` are refused: an instance that CPUs do not keep has no place for them.
 */
import { MachineError } from "../../errors.ts";
import { STATE_BASE } from "../module-format.ts";
import type { ModuleParameter, ParameterType } from "../module-format.ts";
import type { Unit } from "../unit.ts";
import { globalsToMemory, mutableGlobals } from "./user-globals.ts";

const TYPES: readonly string[] = ["bool", "i32", "u32"] satisfies ParameterType[];
const SLOT = 8;

export interface ModuleState {
  /** Each variable with its type, in the order of their places. */
  readonly variables: string[];
  readonly words: number[];
  readonly parameters: ModuleParameter[];
}

/** Moves the variables of the files below `folder`; gives what they start with, and which are parameters. */
export function moveModuleState(unit: Unit, folder: string): ModuleState {
  const { b, m } = unit;
  const names = mutableGlobals(unit).filter((name) => name.startsWith(folder));
  const parameters: ModuleParameter[] = [];
  names.forEach((name, index) => {
    const decorators = unit.declarations.globals.get(name) ?? [];
    const type = unit.declarations.types.get(name) ?? "?";
    if (decorators.includes("percpu")) throw refused(unit, name, "is @percpu, which a module's variable cannot be");
    if (!decorators.includes("param")) return;
    if (!TYPES.includes(type)) throw refused(unit, name, `is a parameter of type ${type}`);
    parameters.push({ name: unit.shortName(name), type: type as ParameterType, offset: index * SLOT });
  });
  m.addGlobalImport(STATE_BASE, "env", STATE_BASE, b.i32, false);
  const bytes = globalsToMemory(unit, names, "BAD_MODULE", (offset) =>
    m.i32.add(m.global.get(STATE_BASE, b.i32), m.i32.const(offset)),
  );
  const words = new DataView(bytes.buffer);
  const variables = names.map((name) => `${name}: ${unit.declarations.types.get(name) ?? "?"}`);
  return {
    variables,
    words: Array.from({ length: bytes.length / 4 }, (_, i) => words.getInt32(i * 4, true)),
    parameters,
  };
}

function refused(unit: Unit, name: string, why: string): MachineError {
  return new MachineError(
    "BAD_MODULE",
    `${unit.described(name)} ${why}`,
    "Variables are shared by all CPUs; parameters are bool, i32 or u32.",
  );
}
