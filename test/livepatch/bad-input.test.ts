/** Patches that must not go in: each is refused by name, before anything changes, and the load does not notice. */

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Machine, MachineErrorCode } from "../../host/index.ts";
import { KLP_PATCHES, KLP_SLOT_SIZE, KLP_SLOTS, MAX_SLOTS } from "../../kernel/layout.ts";
import { features, loadBinaryen } from "../../host/toolchain/binaryen.ts";
import type { Binaryen } from "../../host/toolchain/binaryen.ts";
import { PATCH_SECTION } from "../../host/toolchain/patch-format.ts";
import type { PatchInfo, ReplacedFunction } from "../../host/toolchain/patch-format.ts";
import { DATA_SECTION, appendSection } from "../../host/toolchain/sections.ts";
import { kernelImage, patchImage } from "../patch-image.ts";
import type { Kernel } from "../patch-image.ts";
import { PAIR, SAME_NAP } from "./patches.ts";
import { expectSlots, PIPES, underLoad } from "./rig.ts";

const KLP_SLOTS_END = KLP_SLOTS + KLP_SLOT_SIZE * MAX_SLOTS;

let binaryen: Binaryen;
let kernel: Kernel;
let good: Uint8Array;
let foreign: Uint8Array;
beforeAll(async () => {
  binaryen = await loadBinaryen();
  kernel = await kernelImage("kernel-stepped");
  good = await patchImage("pair", PAIR);
  foreign = await patchImage("pair", PAIR, "kernel-debug");
});

type Mutable<T> = { -readonly [Key in keyof T]: Mutable<T[Key]> };

function recordOf(bytes: Uint8Array): Mutable<PatchInfo> {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(new Uint8Array(bytes)), PATCH_SECTION);
  return JSON.parse(new TextDecoder().decode(section)) as Mutable<PatchInfo>;
}

/** The good patch with another record, with more data, or with other code. */
function forged(change: (info: Mutable<PatchInfo>) => void, data?: Uint8Array, code: Uint8Array = good): Uint8Array {
  const info = recordOf(good);
  change(info);
  const [own = new ArrayBuffer()] = WebAssembly.Module.customSections(
    new WebAssembly.Module(new Uint8Array(good)),
    DATA_SECTION,
  );
  return withRecord(withoutCustom(code), info, data ?? new Uint8Array(own));
}

/** The good patch without the stub that came with its first function. */
function stubless(): Uint8Array {
  const module = binaryen.readBinary(good, features(binaryen));
  module.removeExport(`slow:${first(recordOf(good)).path}`);
  return forged(() => undefined, undefined, module.emitBinary());
}

/** A module without its custom sections. */
function withoutCustom(wasm: Uint8Array): Uint8Array {
  const kept = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length;) {
    let length = 0;
    let body = at + 1;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = wasm[body++] ?? 0;
      length |= (byte & 127) << shift;
      more = byte > 127;
    }
    if (wasm[at] !== 0) kept.push(wasm.subarray(at, body + length));
    at = body + length;
  }
  return new Uint8Array(kept.flatMap((part) => [...part]));
}

/** Some Wasm with a patch's record; `module` need not be a patch. */
const withRecord = (module: Uint8Array, info: Mutable<PatchInfo>, data: Uint8Array = new Uint8Array()): Uint8Array =>
  appendSection(
    appendSection(module, DATA_SECTION, data),
    PATCH_SECTION,
    new TextEncoder().encode(JSON.stringify(info)),
  );

/** A module that says it replaces klp_target(), by which stubs decide. */
function hookless(): Uint8Array {
  const row = kernel.map.functions.find(({ name }) => name === "klp_target");
  if (!row) throw new Error("the kernel has no klp_target");
  const text = `(module (func (export "${row.path}") (param i32) (result i32) (i32.const 0)))`;
  const { path, name, sympos, signature, slot, bodyHash } = row;
  const fn = { path, name, sympos, signature, slot, bodyHash, class: row.class, file: "", line: 1, k: 0 };
  const options = { force: false, stub: false };
  return withRecord(binaryen.parseText(text, features(binaryen)).emitBinary(), {
    ...recordOf(good),
    functions: [{ ...fn, ...options }],
    added: [],
    rows: [{ k: 0, path, name, signature, frameSize: 0, slot: 0 }],
    calls: [],
    data: { bytes: 0, relocations: [] },
  });
}

const first = (info: Mutable<PatchInfo>): Mutable<ReplacedFunction> => {
  const [fn] = info.functions;
  if (!fn) throw new Error("the patch replaces nothing");
  return fn;
};

const REFUSED: readonly { what: string; bytes: () => Uint8Array; code: MachineErrorCode; says: RegExp }[] = [
  {
    what: "no Wasm",
    bytes: () => new TextEncoder().encode("a poem"),
    code: "NOT_A_PATCH",
    says: /no WebAssembly module/,
  },
  {
    what: "cut off in the middle",
    bytes: () => good.subarray(0, good.length >> 1),
    code: "NOT_A_PATCH",
    says: /no WebAssembly module/,
  },
  {
    what: "cut off before its record",
    bytes: () => withoutCustom(good),
    code: "NOT_A_PATCH",
    says: /no readable section wlp\.patch/,
  },
  {
    what: "with a record that lacks its lists",
    bytes: () => forged((info) => Object.assign(info, { functions: null })),
    code: "NOT_A_PATCH",
    says: /no readable section/,
  },
  {
    what: "for another kernel",
    bytes: () => foreign,
    code: "WRONG_KERNEL",
    says: /patch pair is for kernel \w{12}, this machine runs \w{12}/,
  },
  {
    what: "of a function that the kernel lacks",
    bytes: () => forged((info) => void (first(info).name = "get_fish")),
    code: "UNKNOWN_FUNCTION",
    says: /no get_fish,1/,
  },
  {
    what: "of a function without a slot",
    bytes: hookless,
    code: "UNHOOKABLE",
    says: /klp_target \(kernel\/livepatch\/stub\/klp_target\) is notrace/,
  },
  {
    what: "with another signature",
    bytes: () => forged((info) => void (first(info).signature = "(f64)")),
    code: "SIGNATURE_CHANGED",
    says: /\(f64\)/,
  },
  {
    what: "made against another body",
    bytes: () => forged((info) => void (first(info).bodyHash = "0")),
    code: "BODY_MISMATCH",
    says: /is not the function/,
  },
  {
    what: "with an import that nobody gives",
    bytes: () => forged((info) => void (info.calls = [])),
    code: "MISSING_IMPORT",
    says: /imports slot:/,
  },
  {
    what: "that does not link",
    bytes: () => forged((info) => void info.calls.push({ ...info.calls[0]!, import: "__asyncify_state" })),
    code: "MISSING_IMPORT",
    says: /does not fit what the kernel exports/,
  },
  {
    what: "that sleeps where it could not",
    bytes: () => forged((info) => void (first(info).class = "sleepable")),
    code: "NEWLY_SLEEPING",
    says: /could not sleep/,
  },
  {
    what: "with a stub that it does not bring",
    bytes: stubless,
    code: "NOT_A_PATCH",
    says: /does not fit its module, at slow:kernel\/fs\/\w+\/\w+/,
  },
  {
    what: "that lists a stub as a function of its own",
    bytes: () =>
      forged((info) => {
        const { name, signature, file, line, path } = first(info);
        info.added.push({ path: `slow:${path}`, name, signature, file, line, class: "atomic", k: 0 });
      }),
    code: "NOT_A_PATCH",
    says: /does not fit its module, at slow:/,
  },
  {
    what: "that replaces nothing",
    bytes: () => forged((info) => void (info.functions = [])),
    code: "PATCH_ROOM",
    says: /replaces 0 functions/,
  },
  {
    what: "whose data reaches outside",
    bytes: () => forged((info) => void info.data.relocations.push({ offset: 1 << 20, kind: "data", addend: 0 })),
    code: "NOT_A_PATCH",
    says: /does not fit its module, at data/,
  },
  {
    what: "that lists a function twice",
    bytes: () => forged((info) => void info.functions.push({ ...first(info) })),
    code: "NOT_A_PATCH",
    says: /does not fit its module/,
  },
  {
    what: "that needs more memory than there is",
    bytes: () => forged((info) => void (info.data.bytes = 2 << 20), new Uint8Array(2 << 20)),
    code: "REQUEST_FAILED",
    says: /memory for patch pair: ENOMEM/,
  },
];

/** Memories of the machines that were booted, newest last. */
const memories: WebAssembly.Memory[] = [];
const { Memory } = WebAssembly;
beforeAll(() => {
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
});
afterAll(() => {
  WebAssembly.Memory = Memory;
});

/** Everything that a patch changes in the machine: the kernel's words on patches and slots, tables, log. */
async function state(machine: Machine): Promise<unknown> {
  const slots = kernel.map.functions.flatMap(({ slot }) => (slot > 0 ? [slot] : []));
  const buffer = memories.at(-1)?.buffer ?? new ArrayBuffer();
  const words = createHash("sha256").update(new Uint8Array(buffer).slice(KLP_PATCHES, KLP_SLOTS_END)).digest("hex");
  return { words, entries: await machine.slotEntries(slots), patches: machine.patches(), log: machine.log() };
}

describe("a patch is refused", () => {
  it.each(REFUSED)("$what: $code", async ({ bytes, code, says }) => {
    await underLoad({ cpus: 2, seed: 4, memoryMiB: 4 }, PIPES, async (machine) => {
      const before = await state(machine);
      const refusal = machine.load(bytes(), { model: "kpatch" });
      await expect(refusal).rejects.toMatchObject({ name: "MachineError", code, message: expect.stringMatching(says) });
      await expect(refusal).rejects.toMatchObject({ remedy: expect.stringMatching(/\w/) });
      expect(await state(machine)).toEqual(before);
      const { syscalls } = machine.counters().total;
      await machine.run(0.001);
      expect(machine.counters().total.syscalls).toBeGreaterThan(syscalls);
    });
  });

  it("while another one is under way", async () => {
    const sleepy = await patchImage("same-nap", SAME_NAP);
    await underLoad({ cpus: 2, seed: 4 }, [["sleeper", 5000]], async (machine) => {
      await machine.run(0.001);
      const patch = await machine.load(sleepy, { model: "kgraft", noWait: true });
      const refusal = machine.load(good, { model: "kgraft" });
      await expect(refusal).rejects.toMatchObject({
        code: "PATCH_BUSY",
        remedy: expect.stringMatching(/Wait for the transition/),
      });
      await expect(machine.disable(patch)).rejects.toMatchObject({ code: "PATCH_BUSY" });
      expect(machine.patches()).toEqual([patch]);
      expect(await machine.patchSettled(patch)).toBe(0);
      await expectSlots(machine, patch, "same-nap");
    });
  });

  it("of a name that an enabled one has", async () => {
    await underLoad({ cpus: 1, seed: 4 }, [], async (machine) => {
      const patch = await machine.load(good, { model: "kpatch" });
      await expect(machine.load(good, { model: "kgraft" })).rejects.toMatchObject({ code: "PATCH_STATE" });
      expect(machine.patches()).toEqual([patch]);
    });
  });

  it("when all numbers are taken, and the others stay", async () => {
    await underLoad({ cpus: 1, seed: 4 }, [], async (machine) => {
      for (let i = 0; i < 64; i++) await machine.disable(await machine.load(good, { model: "kpatch" }));
      await expect(machine.load(good, { model: "kpatch" })).rejects.toMatchObject({
        code: "PATCH_ROOM",
        what: "64 patches are loaded",
      });
      expect(machine.patches()).toHaveLength(64);
    });
  });
});

describe("a request is refused", () => {
  it("for a patch that is not loaded, or not in the state for it", async () => {
    await underLoad({ cpus: 2, seed: 4 }, PIPES, async (machine) => {
      const patch = await machine.load(good, { model: "kpatch", attempts: 50 });
      await expect(machine.unload(patch)).rejects.toMatchObject({ code: "PATCH_STATE" });
      await expect(machine.enable(patch)).rejects.toMatchObject({ code: "PATCH_STATE" });
      await machine.disable(patch, { attempts: 50 });
      await expect(machine.disable(patch)).rejects.toMatchObject({ code: "PATCH_STATE" });
      await machine.unload(patch);
      for (const ask of [machine.unload(patch), machine.enable(patch), machine.disable(patch)]) {
        await expect(ask).rejects.toMatchObject({ code: "NOT_LOADED", what: "patch pair is not loaded" });
      }
    });
  });

  it("for a trace of an image that keeps none", async () => {
    await underLoad({ platform: "threads", cpus: 1 }, [], async (machine) => {
      await expect(machine.watch([1])).rejects.toMatchObject({
        code: "BAD_OPTION",
        remedy: expect.stringMatching(/debug: true/),
      });
    });
  });
});
