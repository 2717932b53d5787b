/**
 * A trap's backtrace, from the engine's text to lines in terms of the source.
 *
 *   at kernel/user/faults/divide (wasm://wasm/8f3c2a1e:wasm-function[12]:0x3a4)   →   divide (kernel/user/faults.ts:13:12)
 *
 * Contract: `parseStack` reads what V8 prints; frames of other languages are left out. Whoever starts a CPU gives it
 * a `Locate` for the offsets, or none, and then lines only name functions. Invariant: the kernel's module is the one
 * that cpu_run lies in, because below every task's stack there is cpu_run; modules that are neither that nor the user's
 * are patches, for which there are names, not places.
 */

export interface WasmFrame {
  readonly name: string;
  /** The engine's name for the module: a hash of its bytes. */
  readonly module: string;
  /** Offset in the module's bytes. */
  readonly offset: number;
}

/** `file:line:column` of an offset in an image, or undefined when its source map has none. */
export type Locate = (image: "kernel" | "user", offset: number) => string | undefined;

const FRAME = /^\s*at (?:(.*) \()?wasm:\/\/wasm\/(\S+?):wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
const BOTTOM = "cpu_run";
/** The kernel function that user code runs on top of: what it calls lies in the user's module. */
const USER_BOTTOM = "user_main";
/** Lines of a backtrace. */
const LONGEST = 32;
/** Code of the toolchain's, not of the source's: it would only repeat its neighbour. */
const GENERATED = /^(slow|trace)_stub|^stub|^asyncify_/;

export function parseStack(stack: string): WasmFrame[] {
  return stack.split("\n").flatMap((line) => parseFrame(line) ?? []);
}

/** One line of a stack, with the function's whole path; undefined when it is of another language. */
export function parseFrame(line: string): (WasmFrame & { readonly path: string }) | undefined {
  const match = FRAME.exec(line);
  if (!match) return undefined;
  const [, path = "", module = "", index = "", offset = ""] = match;
  const name = path === "" ? `function ${index}` : lastPart(path);
  return { path, name, module, offset: Number.parseInt(offset, 16) };
}

/**
 * Lines for the log, innermost first, without the machinery below a task. A recursion is told once: how deep it got
 * depends on the engine, and a stepped machine's log must not.
 */
export function describeStack(stack: string, locate: Locate): string[] {
  const frames = parseStack(stack);
  const images = new Map([
    [userModule(frames), "user"],
    [frames.findLast(({ name }) => name === BOTTOM)?.module, "kernel"],
  ] as const);
  const lines: string[] = [];
  for (const [index, { name, module, offset }] of frames.entries()) {
    const above = frames[index - 1];
    if (name === BOTTOM || GENERATED.test(name) || (above?.offset === offset && above.module === module)) continue;
    const image = images.get(module);
    const place = image && locate(image, offset);
    const line = place === undefined ? `  ${name}` : `  ${name} (${place})`;
    if (line !== lines.at(-1)) lines.push(line);
    if (lines.length === LONGEST) return [...lines, "  ..."];
  }
  return lines;
}

/** Whether the innermost frame is a user program's. */
export function isInUserCode(stack: string): boolean {
  const frames = parseStack(stack);
  return frames[0] !== undefined && frames[0].module === userModule(frames);
}

function userModule(frames: readonly WasmFrame[]): string | undefined {
  return frames[frames.findLastIndex(({ name }) => name === USER_BOTTOM) - 1]?.module;
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
