/**
 * The kernel's error numbers, by name.
 *
 * Contract: names are abi.ts's own, so there is no second list. Invariant: an unknown number stays readable.
 */
import * as abi from "../kernel/abi.ts";
import { MachineError } from "./errors.ts";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(abi)
    .filter(([name]) => /^E[A-Z]+$/.test(name))
    .map(([name, value]) => [value, name]),
);

/** `ENOENT` for -2. */
export function errorName(status: number): string {
  return NAMES.get(-status) ?? `errno ${-status}`;
}

/** `status` as it is, or a refusal that names the error number. */
export function succeeded(status: number, doing: string): number {
  if (status >= 0) return status;
  throw new MachineError(
    "REQUEST_FAILED",
    `${doing}: ${errorName(status)}`,
    "The error numbers are Linux's; kernel/abi.ts lists them.",
  );
}
