/**
 * This CPU's table: where calls of patchable functions go. Nobody else can change it.
 *
 * What is to change is a list in memory, the same for all CPUs (livepatch/poke.ts); each carries it out at a safepoint
 * or an exit, between two calls of the task that it runs.
 */
import { POKES, POKE_BYTES, POKE_COUNT, POKE_FIRST, WORD } from "../layout";

/** What index `from` holds goes to index `to` too. The source language has no word for it: passes/table-entries.ts. */
@external("env", "copy_entry") declare function copy_entry(to: i32, from: i32): void;

@bare export function carry_out_pokes(): void {
  const count = load<i32>(POKES, POKE_COUNT);
  for (let i = 0; i < count; i++) {
    const pair = <usize>(POKES + POKE_FIRST + i * POKE_BYTES);
    copy_entry(load<i32>(pair), load<i32>(pair, WORD));
  }
}
