/** A stand-in for the kernel around a user image: windows, system calls, and Asyncify's two globals. */
import type { UserImage } from "../../host/toolchain/user.ts";

const PAIR = 65536 - 64; // Asyncify's pair, outside all windows
const STACK = 61440;

export interface UserRun {
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly log: string[];
  readonly state: WebAssembly.Global;
  /** The answer to system call number `nr`; `"sleep"` unwinds, and rewinds in the next resume(). */
  answer: (nr: number, a: number) => number | "sleep";
  start(program: string, argument: number, stackBytes?: number): number;
  /** Goes on with a program that sleeps; its system call returns `result`. */
  resume(program: string, result: number): number;
}

/** One process, whose window starts at `base`. */
export function load(image: UserImage, base = 8192, pages = 2): UserRun {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  for (const block of image.data) bytes.set(block.bytes, base + block.address);
  const global = (value = 0) => new WebAssembly.Global({ value: "i32", mutable: true }, value);
  const state = global();
  const data = global();
  const log: string[] = [];
  let resumed: number | undefined;
  const run: UserRun = {
    bytes,
    base,
    log,
    state,
    answer: () => 0,
    start(program, argument, stackBytes = 2048) {
      words[PAIR / 4] = STACK;
      words[PAIR / 4 + 1] = STACK + stackBytes;
      return call(program, argument);
    },
    resume(program, result) {
      resumed = result;
      state.value = 2;
      data.value = PAIR;
      return call(program, 0);
    },
  };
  const syscall = (nr: number, a: number): number => {
    if (resumed !== undefined) {
      const result = resumed;
      resumed = undefined;
      state.value = 0;
      return result;
    }
    const result = run.answer(nr, a);
    if (result !== "sleep") return result;
    state.value = 1;
    data.value = PAIR;
    return 0;
  };
  const env = {
    memory,
    window_base: global(base),
    __asyncify_state: state,
    __asyncify_data: data,
    syscall,
    user_safepoint: () => log.push("safepoint"),
    stack_end_hit: () => {
      log.push("stack end");
      words[PAIR / 4] = STACK - 4096;
      words[PAIR / 4 + 1] = STACK;
    },
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(image.wasm), { env });
  function call(program: string, argument: number): number {
    const result = (exports[program] as (argument: number) => number)(argument);
    if (state.value === 1) state.value = 0;
    return result;
  }
  return run;
}

/** The saved stack's position. */
export const stackPosition = (run: UserRun): number => new Int32Array(run.bytes.buffer)[PAIR / 4]! - STACK;
/** The version id on top of the saved stack. */
export const topFrame = (run: UserRun): number =>
  new Int32Array(run.bytes.buffer)[(STACK + stackPosition(run)) / 4 - 1]!;
