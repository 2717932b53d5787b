/**
 * The floor: what bare threads and atomics of this computer take, by the C program of test/bench/floor.
 *
 * Contract: built with the system's `cc` into a temporary folder, once per process; where source or compiler are
 * missing, `Floor.open` gives the reason and every figure that needs it is absent. Invariant: times are the program's
 * own stamps, in ns.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../platform/node/files.ts";

const SOURCE = join(PACKAGE_ROOT, "test/bench/floor/floor.c");
const FLAGS = ["-std=c11", "-O2", "-pthread"];
const INTERVAL_US = 2000;
const run = promisify(execFile);

export interface StopFloor {
  readonly commit: readonly number[];
  readonly stopped: readonly number[];
  readonly standstill: readonly number[];
  readonly blackout: readonly number[];
}

export interface StoreFloor {
  readonly commit: readonly number[];
  readonly seen: readonly number[];
}

export class Floor {
  readonly #program: string;
  readonly #folder: string;

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  /** The program, or why there is none. */
  static async open(): Promise<Floor | string> {
    if (!(await stat(SOURCE).catch(() => undefined))) return "absent: its source, test/bench/floor/floor.c, is missing";
    const folder = await mkdtemp(join(tmpdir(), "wlp-floor-"));
    const program = join(folder, "floor");
    try {
      await run("cc", [...FLAGS, "-o", program, SOURCE]);
      return new Floor(folder, program);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      return missing ? "absent: no C compiler" : `absent: the C compiler refused it: ${String(error)}`;
    }
  }

  async stop(threads: number, events: number, signal: AbortSignal): Promise<StopFloor> {
    return (await this.#run("stop", threads, events, signal)) as StopFloor;
  }

  async store(threads: number, events: number, signal: AbortSignal): Promise<StoreFloor> {
    return (await this.#run("store", threads, events, signal)) as StoreFloor;
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(mode: string, threads: number, events: number, signal: AbortSignal): Promise<unknown> {
    const args = [mode, `${threads}`, `${events}`, `${INTERVAL_US}`];
    const { stdout } = await run(this.#program, args, { signal, maxBuffer: 1 << 26 });
    return JSON.parse(stdout);
  }
}
