/**
 * The boot handshake: image and host agree on every number, or there is no boot.
 *
 * Idea: the image exports each constant of layout.ts, abi.ts and records.ts as an immutable global of that name; the host was
 * compiled with the same files. Contract: LAYOUT_DRIFT names the constants that differ, with both values, and
 * those that only one side has. Invariant: looked at on a throw-away instance, before the machine's memory exists.
 */
import * as abi from "../../kernel/abi.ts";
import * as layout from "../../kernel/layout.ts";
import * as records from "../../kernel/records.ts";
import { MachineError } from "../errors.ts";

const CONSTANTS: Readonly<Record<string, number>> = { ...layout, ...abi, ...records };
const CONSTANT_NAME = /^[A-Z][A-Z0-9_]*$/;
/** Differences that a message lists. */
const LISTED = 8;

/** Compares a kernel module with the numbers of this host. */
export function handshake(module: WebAssembly.Module): void {
  assertSameConstants(probe(module));
}

export function assertSameConstants(exports: WebAssembly.Exports): void {
  const differences = [
    ...Object.entries(CONSTANTS).flatMap(([name, here]) => {
      const there = valueOf(exports[name]);
      if (there === undefined) return [`${name} is ${here} here and missing in the image`];
      return there === here ? [] : [`${name} is ${here} here and ${there} in the image`];
    }),
    ...Object.keys(exports)
      .filter((name) => CONSTANT_NAME.test(name) && !Object.hasOwn(CONSTANTS, name))
      .map((name) => `${name} is ${valueOf(exports[name])} in the image and missing here`),
  ];
  if (differences.length === 0) return;
  const more = differences.length > LISTED ? `; and ${differences.length - LISTED} more` : "";
  throw new MachineError(
    "LAYOUT_DRIFT",
    differences.slice(0, LISTED).join("; ") + more,
    "Image and host come from different sources: build both again with `npm run build`.",
  );
}

function valueOf(exported: WebAssembly.ExportValue | undefined): number | undefined {
  return exported instanceof WebAssembly.Global ? Number(exported.value) : undefined;
}

/** An instance over an empty memory. An image has neither start function nor data segments, so nothing happens in it. */
function probe(module: WebAssembly.Module): WebAssembly.Exports {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const env: Record<string, WebAssembly.ImportValue> = { memory };
  for (const { name, kind } of WebAssembly.Module.imports(module)) if (kind === "function") env[name] = () => 0;
  return new WebAssembly.Instance(module, { env }).exports;
}
