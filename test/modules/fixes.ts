/** What patches of the modules change: texts, and what stands in their place. */
type Texts = readonly (readonly [from: string, to: string])[];

export const HELLO = "modules/hello/hello.ts";
export const PROBE = "test/modules/sources/probe.ts";
/** The hook refuses while kernel.panic_on_oops is 1: a switch that a test can throw. */
export const FIX: Texts = [
  ["hello: number ", "hello: mended "],
  [
    "function say",
    `import { ENODEV } from "../../kernel/abi";
import { SYSCTLS, SYSCTL_PANIC_ON_OOPS } from "../../kernel/layout";
export function klp_pre_patch(): i32 {
  return load<i32>(SYSCTLS, SYSCTL_PANIC_ON_OOPS) ? -ENODEV : 0;
}
function say`,
  ],
];
export const NEWER: Texts = [["hello: number ", "hello: newer "]];
export const LATE: Texts = [["  ticks++;", "  ticks += 2;"]];
