/**
 * What a CPU's instance of the kernel offers its host.
 *
 * Contract: the functions and globals below; constants are boot/handshake.ts's. Invariant: `__asyncify_*` and
 * `window_base` are this CPU's own, shared with every other module instance on it.
 */
export interface KernelExports extends WebAssembly.Exports {
  readonly cpu_init: (cpu: number) => void;
  readonly boot: () => void;
  readonly cpu_run: () => number;
  /** TRAP_* bits, and where the engine's message lies; gives what the trap was. */
  readonly cpu_trap: (about: number, address: number, length: number) => number;
  /** Behind TRAP_OOPS, when its trace is in the log: 1 when the machine is lost. */
  readonly trap_end: (trap: number) => number;
  /** Stepped platform, after EXIT_STOP: 1 when this CPU was the last and has done the work, 0 when it must wait. */
  readonly stop_enter: () => number;
  /** Stepped platform, when the stop has been decided. */
  readonly stop_leave: () => void;
  readonly log_text: (address: number, length: number) => void;
  readonly syscall: (nr: number, a: number, b: number, c: number) => number;
  readonly user_safepoint: () => void;
  readonly stack_end_hit: () => void;
  readonly table: WebAssembly.Table;
  readonly window_base: WebAssembly.Global;
  readonly __asyncify_state: WebAssembly.Global;
  readonly __asyncify_data: WebAssembly.Global;
}

/** What a kernel instance is given. */
export interface KernelImports extends WebAssembly.ModuleImports {
  readonly memory: WebAssembly.Memory;
  readonly clock_ns: () => number;
  readonly step: (kind: number) => number;
  readonly trace_caller: () => number;
  /** Writes this CPU's backtrace into memory, lines of at most `room` bytes together; gives their length. */
  readonly backtrace: (address: number, room: number) => number;
}

/** Only in images that carry in-kernel self-tests. */
export interface SelftestExports {
  readonly selftests_register?: () => void;
}
