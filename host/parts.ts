/**
 * The parts of a machine that talk to its kernel, put together.
 *
 * Contract: they work on `memory` by way of `platform`; nothing is asked before the platform has started. Invariant: up-calls
 * are answered from the first instruction on.
 */
import { firstProgram } from "./boot/placement.ts";
import type { Image } from "./boot/images.ts";
import { ORIGINAL } from "./check/oracle.ts";
import { VersionTrace } from "./check/version-trace.ts";
import { Mailbox } from "./mailbox.ts";
import type { SharedMemory } from "./memory.ts";
import { ModuleLoader } from "./modules/loader.ts";
import { Modules } from "./modules/modules.ts";
import type { Settings } from "./options.ts";
import { ObjectPatches } from "./patch/objects.ts";
import { Patcher } from "./patch/patcher.ts";
import { shareFolder } from "./platform/node/share.ts";
import type { Platform } from "./platform/platform.ts";
import type { KernelMap } from "./toolchain/image.ts";
import type { UserMap } from "./toolchain/user.ts";
import { Upcalls } from "./upcalls.ts";

export interface Parts {
  readonly mailbox: Mailbox;
  readonly patcher: Patcher;
  readonly modules: Modules;
  readonly trace: VersionTrace;
  /** The function that a frame id stands for: of the kernel, a patch or a kernel module. */
  readonly functionOf: (id: number) => { readonly name: string; readonly version: string };
}

export function assemble(
  memory: SharedMemory,
  platform: Platform,
  settings: Settings,
  kernel: Image<KernelMap>,
  user: Image<UserMap>,
): Parts {
  const mailbox = new Mailbox(memory, platform, settings.requestTimeoutMs);
  const firstFree = firstProgram(kernel.map) + user.map.programs.length;
  const upcalls = new Upcalls(memory, platform, settings.requestTimeoutMs);
  const loader = new ModuleLoader(platform, kernel, upcalls);
  const objects = new ObjectPatches(platform, upcalls, {
    spareSlots: kernel.map.spareSlots,
    module: (number) => loader.placed(number),
  });
  const patcher = new Patcher({ memory, platform, mailbox, target: kernel, firstFree, objects });
  const names = new Map(kernel.map.functions.map(({ id, name }) => [id, { name, version: ORIGINAL }]));
  const functionOf: Parts["functionOf"] = (id) =>
    names.get(id) ?? patcher.functionOf(id) ?? loader.functionOf(id) ?? { name: `frame id ${id}`, version: "?" };
  const trace = new VersionTrace(memory, mailbox, functionOf);
  if (settings.share !== undefined) shareFolder(upcalls, settings.share);
  upcalls.start();
  return { mailbox, patcher, modules: new Modules(memory, mailbox, loader), trace, functionOf };
}
