/**
 * Where the slots of every CPU lead, in words.
 *
 * Idea: tables belong to their CPUs, so each is asked, and functions are compared within it. Contract: by CPU, by slot:
 * `original`, `stub`, `trace`, a patch's name, or `?` for what nobody put there. Invariant: while no transition runs,
 * all CPUs answer the same.
 */
import type { Platform } from "../platform/platform.ts";
import { ORIGINAL } from "./oracle.ts";

export async function slotEntries(
  platform: Platform,
  stride: number,
  slots: readonly number[],
  ofPatches: (slot: number) => ReadonlyMap<number, string>,
): Promise<string[][]> {
  const places = slots.map(
    (slot) =>
      new Map([
        [stride + slot, ORIGINAL],
        [2 * stride + slot, "stub"],
        [3 * stride + slot, "trace"],
        ...ofPatches(slot),
      ]),
  );
  const questions = slots.map((slot, i) => ({ slot, candidates: [...(places[i]?.keys() ?? [])] }));
  const answers = await platform.entries(questions);
  return answers.map((cpu) => cpu.map((index, i) => places[i]?.get(index) ?? "?"));
}
