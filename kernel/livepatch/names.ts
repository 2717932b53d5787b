/**
 * Names of replaced functions as /sys has them: `name,sympos`.
 */
import { MACHINE, MACHINE_SYMBOLS, MACHINE_SYMBOL_COUNT, SYMBOL_INDEX, SYMBOL_NAME, SYMBOL_NAME_LENGTH, SYMBOL_SIZE, SYMBOL_SLOT } from "../layout";
import { put_bytes, put_number, put_text } from "../lib/text";
import { Func } from "./func_stack";
import { Patch, object_length } from "./patch";

@inline function row_at(index: i32): usize {
  return <usize>(load<u32>(MACHINE, MACHINE_SYMBOLS) + index * SYMBOL_SIZE);
}

/** Row of the function that owns `slot`; every slot has an owner in the kernel. */
@notrace function row_of(slot: i32): i32 {
  let row = load<i32>(MACHINE, MACHINE_SYMBOL_COUNT) - 1;
  while (row > 0 && load<i32>(row_at(row), SYMBOL_SLOT) != slot) row--;
  return row;
}

/** Row that a patch brings for its version of the function, which has the function's name; 0 without. */
@notrace function version_row(patch: Patch, func: Func): usize {
  let row = patch.rows;
  for (let i = 0; i < patch.row_count; i++, row += SYMBOL_SIZE) if (load<i32>(row, SYMBOL_SLOT) == func.slot || load<i32>(row, SYMBOL_INDEX) == func.index) return row;
  return 0;
}

@notrace export function put_function_name(at: usize, patch: Patch, func: Func): usize {
  const row = version_row(patch, func);
  return row ? put_bytes(at, <usize>load<u32>(row, SYMBOL_NAME), load<i32>(row, SYMBOL_NAME_LENGTH)) : put_number(put_text(at, "slot"), func.slot);
}

/** The how-manieth function of its name it is in the kernel, 1 if it is the only one, or a module's. */
@notrace export function sympos_of(patch: Patch, func: Func): i32 {
  if (object_length(patch)) return 1;
  const own = row_of(func.slot);
  const name = <usize>load<u32>(row_at(own), SYMBOL_NAME);
  const length = load<i32>(row_at(own), SYMBOL_NAME_LENGTH);
  let position = 1;
  for (let row = 1; row < own; row++) {
    if (load<i32>(row_at(row), SYMBOL_NAME_LENGTH) == length && memory.compare(<usize>load<u32>(row_at(row), SYMBOL_NAME), name, length) == 0) position++;
  }
  return position;
}

@notrace export function put_function(at: usize, patch: Patch, func: Func): usize {
  return put_number(put_text(put_function_name(at, patch, func), ","), sympos_of(patch, func));
}
