/**
 * Pass `data-segments`: static data leaves the module.
 *
 * Problem   a module writes its active data at each instantiation, so a CPU that comes online would reset the strings
 *           and tables of all others, in the middle of their work.
 * Example   `(data (i32.const 602112) "...")`
 * Emitted   no data; the blocks go into the custom section `wlp.data`, which the host writes once at boot. The memory
 *           is the machine's from here on, of any size.
 * Invariant instantiating the module writes nothing.
 */
import type { DataBlock } from "../sections.ts";
import type { Unit } from "../unit.ts";

const SMALLEST_MEMORY = 1; // pages; an import with a wider range takes any memory inside it
const LARGEST_MEMORY = 65536;

/** AssemblyScript's memory has no name: in its text it is called this, and that by Binaryen when it reads bytes. */
export const MEMORY_OF_TEXT = "0";
export const MEMORY_OF_BYTES = "mimport$0";

/** `memory` is the module's own name for it. */
export function takeDataSegments(unit: Unit, memory: string): DataBlock[] {
  const { m } = unit;
  const blocks = unit.data();
  m.setMemory(SMALLEST_MEMORY, LARGEST_MEMORY, null, [], true, false, memory);
  m.addMemoryImport(memory, "env", "memory", true);
  return blocks;
}

/** The name that anybody's module has for its memory, which is only to be seen in its text. */
export function memoryName(unit: Unit): string {
  return /\(memory \$(\S+) /.exec(unit.m.emitText())?.[1] ?? MEMORY_OF_BYTES;
}
