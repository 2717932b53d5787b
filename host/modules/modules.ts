/**
 * Kernel modules of a machine, from outside: load from bytes, unload by name, list.
 *
 * Contract: a refusal has the code of what is wrong with the file, or MODULE_REFUSED with the kernel's error number; the
 * machine is then as it was. Invariant: the kernel does the loading; this only brings it the file.
 */
import { EAGAIN, EBUSY, EEXIST, ENOENT, EPERM, MAIL_OP_MODULE_LOAD, MAIL_OP_MODULE_REMOVE } from "../../kernel/abi.ts";
import { WORD } from "../../kernel/layout.ts";
import { abortable } from "../abort.ts";
import type { CallOptions } from "../abort.ts";
import { allocate, release } from "../block.ts";
import { errorName } from "../errno.ts";
import { MachineError } from "../errors.ts";
import type { Mailbox } from "../mailbox.ts";
import type { SharedMemory } from "../memory.ts";
import type { ModuleLoader } from "./loader.ts";

const LOAD_REMEDY: Readonly<Record<number, string>> = {
  [EEXIST]: "It is loaded already: rmmod it first.",
  [EPERM]: "kernel.modules_disabled is 1, for good: boot another machine.",
};
const REMOVE_REMEDY: Readonly<Record<number, string>> = {
  [ENOENT]: "/proc/modules lists those that are loaded.",
  [EAGAIN]: "It is in use: wait until its users have let go of it.",
  [EBUSY]: "It has no cleanup_module(), or is just being loaded or unloaded.",
};

export class Modules {
  readonly #memory: SharedMemory;
  readonly #mailbox: Mailbox;
  readonly #loader: ModuleLoader;

  constructor(memory: SharedMemory, mailbox: Mailbox, loader: ModuleLoader) {
    this.#memory = memory;
    this.#mailbox = mailbox;
    this.#loader = loader;
  }

  /** `parameters` as on insmod's command line: `size=4 verbose=1`. */
  async load(bytes: Uint8Array, parameters: string, options: CallOptions): Promise<void> {
    const size = WORD + bytes.length;
    const block = await allocate(this.#mailbox, size, "memory for a module's file", options);
    this.#memory.store(block, bytes.length);
    this.#memory.bytes.set(bytes, block + WORD);
    // The kernel reads the block until it has answered, whoever still waits for that.
    const loading = this.#mailbox
      .request(MAIL_OP_MODULE_LOAD, parameters, block, {})
      .finally(() => release(this.#mailbox, block, "memory of a module's file"));
    const { status } = await abortable(loading, options.signal);
    if (status >= 0) return;
    throw this.#loader.takeRefusal() ?? refused("load the module", status, LOAD_REMEDY);
  }

  async remove(name: string, options: CallOptions): Promise<void> {
    const { status } = await this.#mailbox.request(MAIL_OP_MODULE_REMOVE, name, 0, options);
    if (status < 0) throw refused(`unload module ${name}`, status, REMOVE_REMEDY);
  }
}

function refused(doing: string, status: number, remedies: Readonly<Record<number, string>>): MachineError {
  const remedy = remedies[-status] ?? "Look at the log, which says more.";
  return new MachineError("MODULE_REFUSED", `the kernel does not ${doing}: ${errorName(status)}`, remedy);
}
