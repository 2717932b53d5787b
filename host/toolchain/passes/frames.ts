/**
 * Pass `frames`: every saved frame says whose it is, and none is written past the end of its stack.
 *
 * Problem   Asyncify's frames are bare values: nobody can tell which function made one; and it looks at the end of the
 *           stack only after it has written beyond it.
 * Example   a stack check needs the functions of a sleeping task; a deep recursion overwrites the next task's record.
 * Emitted   frame = [call index][locals][id], the id last, so the top frame's id lies below the stack position.
 *           At entry, while rewinding, the id is popped. On the unwinding path, before the first write,
 *           `if (position + size > end) stack_end_hit();` which points the rest of this unwind elsewhere.
 * Invariant size and id of each frame are in the image's map; a walk from the position down meets ids only.
 */
import { MachineError } from "../../errors.ts";
import { children, kindOf, view, walk } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { DATA_GLOBAL, isDataPointer, REWINDING, STATE_GLOBAL, UNWIND_BLOCK, unwinds } from "./asyncify.ts";

const WORD = 4;
/** Where the end of the stack is, in the pair that the data pointer points to. */
const END = 4;

/**
 * Adds ids and checks to all functions that unwind; returns the size of each one's frame.
 * With `base`, an immutable global, ids are relative to it: who loads the module decides where they begin.
 */
export function numberFrames(
  unit: Unit,
  ids: ReadonlyMap<string, number>,
  stackEndHit: string,
  base?: string,
): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const fn of unit.functions()) {
    const id = ids.get(fn.name);
    if (id !== undefined && unwinds(unit, fn.body))
      sizes.set(fn.name, numberFrame(unit, fn, frameId(unit, id, base), stackEndHit));
  }
  return sizes;
}

function frameId({ b, m }: Unit, id: number, base: string | undefined): Expression {
  return base === undefined ? m.i32.const(id) : m.i32.add(m.global.get(base, b.i32), m.i32.const(id));
}

function numberFrame(unit: Unit, fn: DefinedFunction, id: Expression, stackEndHit: string): number {
  const { b, m } = unit;
  const parts = children(b, fn.body).map((child) => child.value);
  const unwind = parts.findIndex((part) => unwinds(unit, part));
  const pushed = moved(unit, parts.slice(unwind + 1));
  const popped = -moved(unit, parts.slice(0, unwind + 1));
  if (kindOf(b, fn.body) !== "Block" || unwind < 0 || pushed !== popped || pushed < WORD) {
    throw new MachineError(
      "FRAME_LAYOUT",
      `${fn.name} pushes ${pushed} bytes when it unwinds and pops ${popped} when it rewinds`,
      `This is a fault of the toolchain: Asyncify's code around ${UNWIND_BLOCK} is not as passes/frames.ts expects.`,
    );
  }
  const size = pushed + WORD;
  const pair = (): Expression => m.global.get(DATA_GLOBAL, b.i32);
  const position = (): Expression => m.i32.load(0, WORD, pair());
  const move = (bytes: number): Expression => m.i32.store(0, WORD, pair(), m.i32.add(position(), m.i32.const(bytes)));

  const rewinding = m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(REWINDING));
  const full = m.i32.gt_u(m.i32.add(position(), m.i32.const(size)), m.i32.load(END, WORD, pair()));
  const body = view(b, fn.body);
  // From the back, so that earlier positions hold. A function with a result ends in the value that unwinding returns.
  const last = b.getExpressionType(parts.at(-1) ?? 0) === b.none ? parts.length : parts.length - 1;
  body.insertChildAt(last, move(WORD));
  body.insertChildAt(last, m.i32.store(0, WORD, position(), id));
  body.insertChildAt(unwind + 1, m.if(full, m.call(stackEndHit, [], b.none)));
  body.insertChildAt(0, m.if(rewinding, move(-WORD)));
  body.finalize();
  return size;
}

/** Bytes by which these expressions move the stack position, up or down. */
function moved(unit: Unit, expressions: readonly Expression[]): number {
  const { b } = unit;
  let sum = 0;
  for (const part of expressions) {
    walk(b, part, (expression, kind) => {
      if (kind !== "Store") return;
      const [address, value] = children(b, expression).map((child) => child.value);
      if (!address || !value || !isDataPointer(unit, address) || kindOf(b, value) !== "Binary") return;
      const bytes = unit.constant(children(b, value)[1]?.value ?? 0) ?? 0;
      // The optimiser writes a subtraction where Asyncify adds a negative number.
      sum += view(b, value)["op"] === b["SubInt32"] ? -bytes : bytes;
    });
  }
  return sum;
}
