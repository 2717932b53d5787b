/**
 * Pass `headroom`: the kernel can ask whether the engine's stack has room for what it is about to do.
 *
 * Problem   a program may recurse until the engine's stack is full, and make a system call just before. The kernel would
 *           trap wherever it then is, perhaps with a lock held, and that costs the machine.
 * Example   `headroom()`, an import, at the beginning of `syscall()` while only user code lies below.
 * Emitted   a function of that name with a frame of VALUES * 8 bytes: an engine compares a large frame with the end of the
 *           stack before it runs the function, and traps. The branch that needs the frame is never taken: it loads all
 *           values, calls, and stores them, so all are in the frame at once.
 * Invariant the function changes nothing.
 */
import type { Expression } from "../binaryen.ts";
import type { Unit } from "../unit.ts";

/** A read or write on a pipe fits in 512 of these, in the stepped image too; interrupts come on top. */
const VALUES = 2048;
/** Binaryen's stack takes the children of one block at a time. */
const BLOCK = 128;
const NULL_PAGE = 0;

export function addHeadroom(unit: Unit, count: number = VALUES): void {
  const { b, m } = unit;
  const asked = unit.imports().find(({ base }) => base === "headroom");
  if (!asked) return;
  m.removeFunction(asked.name);
  const values = Array.from({ length: count }, (_, number) => number);
  const at = (number: number): [offset: number, align: number, address: Expression] => [number * 8, 8, m.i32.const(0)];
  const body = m.if(
    m.i32.load(0, 4, m.i32.const(NULL_PAGE)), // nothing lives there: 0, which no compiler knows
    m.block(null, [
      ...blocks(
        unit,
        values.map((number) => m.local.set(number, m.i64.load(...at(number)))),
      ),
      m.call(asked.name, [], b.none),
      ...blocks(
        unit,
        values.map((number) => m.i64.store(...at(number), m.local.get(number, b.i64))),
      ),
    ]),
  );
  const fn = m.addFunction(asked.name, b.none, b.none, [], m.nop());
  for (let number = 0; number < count; number++) b._BinaryenFunctionAddVar(fn, b.i64);
  b.Function.setBody(fn, body);
}

function blocks({ m }: Unit, children: readonly Expression[]): Expression[] {
  const parts: Expression[] = [];
  for (let from = 0; from < children.length; from += BLOCK)
    parts.push(m.block(null, children.slice(from, from + BLOCK)));
  return parts;
}
