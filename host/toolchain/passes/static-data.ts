/**
 * Pass `static-data`: the kernel's static data is never written.
 *
 * Problem   a patch is built by comparing static data by content, which only works when nobody writes to it.
 * Example   `const names: StaticArray<i32> = [1, 2]; names[0] = 3;`
 * Emitted   nothing; a store whose address starts from an address in static data is refused.
 * Invariant static data at run time is what the image holds, on every CPU, at any time.
 */
import { MachineError } from "../../errors.ts";
import { children, kindOf, view, walk } from "../expressions.ts";
import type { Unit } from "../unit.ts";

/** Kinds that write memory, with the property that holds the address. */
const WRITES: Readonly<Record<string, string>> = {
  Store: "ptr",
  AtomicRMW: "ptr",
  AtomicCmpxchg: "ptr",
  MemoryCopy: "dest",
  MemoryFill: "dest",
};

export function checkStaticData(unit: Unit): void {
  const { b } = unit;
  const segments = unit.data();
  const first = segments[0];
  const last = segments.at(-1);
  if (!first || !last) return;
  const inStaticData = (address: number | undefined): boolean =>
    address !== undefined && address >= first.address && address < last.address + last.bytes.length;

  for (const fn of unit.functions()) {
    walk(b, fn.body, (expression, kind) => {
      const address = WRITES[kind];
      const target = address ? (view(b, expression)[address] as number) : setterTarget(unit, expression);
      if (target === undefined || !inStaticData(unit.constantBase(target))) return;
      throw new MachineError(
        "STATIC_DATA_WRITTEN",
        `${unit.described(fn.name)} writes to static data at ${unit.constantBase(target)}`,
        "Static data is read-only by rule: keep what changes in memory of its own (kernel/layout.ts or the allocator).",
      );
    });
  }
}

/** The array that a call of the library's element setter writes to. */
function setterTarget(unit: Unit, expression: number): number | undefined {
  if (kindOf(unit.b, expression) !== "Call") return undefined;
  const target = view(unit.b, expression)["target"] as string;
  return /^~lib\/.*#__(unchecked_)?set$/.test(target) ? children(unit.b, expression)[0]?.value : undefined;
}
