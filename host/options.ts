/**
 * What a machine is asked to be, checked before anything starts.
 *
 * Idea: every option has a row that says what it may be; the row refuses, naming option, value and range.
 * Contract: `checkOptions` gives complete settings or throws BAD_OPTION. Invariant: nothing behind this door checks
 * an option again; what depends on the image (is the memory large enough?) is boot/placement.ts's.
 */
import { MAX_CPUS } from "../kernel/layout.ts";
import { MachineError } from "./errors.ts";
import { PLATFORMS } from "./platform/platforms.ts";
import type { PlatformName } from "./platform/platforms.ts";

/** A kernel image in the caller's hands. */
export interface ImageSource {
  readonly kernel: Uint8Array;
  /** Text of its source map; without one, backtraces name functions only. */
  readonly sourceMap?: string;
}

export interface MachineOptions {
  /** 1 to 64. */
  readonly cpus?: number | undefined;
  readonly memoryMiB?: number | undefined;
  /** `threads`: one worker per CPU. `stepped`: one thread, virtual time, order chosen by `seed`. */
  readonly platform?: PlatformName | undefined;
  /** A 32-bit unsigned integer. */
  readonly seed?: number | undefined;
  /** Runs the image with the kernel's own assertions. The stepped image always has them. */
  readonly debug?: boolean | undefined;
  /** A user module as compiled; the machine confines it. The mixed workload's programs without. */
  readonly userImage?: Uint8Array | undefined;
  /** A folder of this computer that the machine sees as /host, to be read only. */
  readonly share?: string | undefined;
  /** Microseconds between two ticks of the clock. */
  readonly tickUs?: number | undefined;
  readonly image?: ImageSource | undefined;
  /** The image carries in-kernel self-tests, for `machine.selftest()`. */
  readonly selftests?: boolean | undefined;
  /** How long a CPU may take to answer before it counts as dead. */
  readonly callTimeoutMs?: number | undefined;
  /** How long the kernel may take to answer a request; threads only, for virtual time needs no limit. */
  readonly requestTimeoutMs?: number | undefined;
  /** Stepped platform: steps that the machine may take in its life. */
  readonly stepBudget?: number | undefined;
}

type Optional = "userImage" | "image" | "share";
export type Settings = {
  readonly [Name in Exclude<keyof MachineOptions, Optional>]: NonNullable<MachineOptions[Name]>;
} & Pick<MachineOptions, Optional>;

const MAX_MEMORY_MIB = 2048;
const MAX_SEED = 0xffff_ffff;

const DEFAULTS = {
  cpus: 4,
  memoryMiB: 64,
  platform: "threads",
  seed: 1,
  debug: false,
  tickUs: 1000,
  selftests: false,
  callTimeoutMs: 5000,
  requestTimeoutMs: 30_000,
  stepBudget: Number.MAX_SAFE_INTEGER,
} as const satisfies MachineOptions;

interface Rule {
  readonly allows: (value: unknown) => boolean;
  readonly range: string;
}

const integer = (from: number, to: number): Rule => ({
  allows: (value) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to,
  range: `an integer from ${from} to ${to}`,
});
const bytes: Rule = { allows: (value) => value instanceof Uint8Array, range: "a Uint8Array" };
const flag: Rule = { allows: (value) => typeof value === "boolean", range: "true or false" };

const RULES: Readonly<Record<keyof MachineOptions, Rule>> = {
  cpus: integer(1, MAX_CPUS),
  memoryMiB: integer(1, MAX_MEMORY_MIB),
  platform: { allows: (value) => Object.hasOwn(PLATFORMS, String(value)), range: Object.keys(PLATFORMS).join(" or ") },
  seed: integer(0, MAX_SEED),
  debug: flag,
  userImage: bytes,
  tickUs: integer(50, 1_000_000),
  image: {
    allows: (value) => typeof value === "object" && value !== null && "kernel" in value && bytes.allows(value.kernel),
    range: "{ kernel: Uint8Array, sourceMap?: string }",
  },
  share: { allows: (value) => typeof value === "string" && value !== "", range: "the path of a folder" },
  selftests: flag,
  callTimeoutMs: integer(1, 600_000),
  requestTimeoutMs: integer(1, 600_000),
  stepBudget: integer(1, Number.MAX_SAFE_INTEGER),
};

export function checkOptions(options: MachineOptions): Settings {
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name as keyof MachineOptions] : undefined;
    if (!rule) {
      throw new MachineError(
        "BAD_OPTION",
        `there is no option ${name}`,
        `The options are ${Object.keys(RULES).join(", ")}.`,
      );
    }
    if (value !== undefined && !rule.allows(value)) {
      throw new MachineError("BAD_OPTION", `${name} is ${show(value)}`, `Give ${name} as ${rule.range}.`);
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...DEFAULTS, ...given };
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : typeof value === "object" ? "an object" : String(value);
}
