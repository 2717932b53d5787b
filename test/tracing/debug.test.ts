/** Dynamic debug: lines of pr_debug() that are off until a query turns them on. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { PAIR } from "../livepatch/patches.ts";
import { underLoad } from "../livepatch/rig.ts";
import { moduleImage } from "../module-image.ts";
import { patchImage } from "../patch-image.ts";
import type { Edits } from "../patch-image.ts";

const CONTROL = "/sys/kernel/debug/dynamic_debug/control";
const LINE = /^(kernel\/\S+\.ts|modules\/\S+\.ts):(\d+) \[(\w+)\](\w+) =(_|[pmflt]+) "(.*)"$/;

interface Shown {
  readonly file: string;
  readonly line: number;
  readonly module: string;
  readonly fn: string;
  readonly flags: string;
  readonly format: string;
}

async function lines(machine: Machine): Promise<Shown[]> {
  const [header, ...rest] = (await machine.read(CONTROL)).trimEnd().split("\n");
  expect(header).toBe("# filename:lineno [module]function flags format");
  return rest.map((text) => {
    const [, file = "", line = "", module = "", fn = "", flags = "", format = ""] = LINE.exec(text) ?? [];
    expect(text).toMatch(LINE);
    return { file, line: Number(line), module, fn, flags, format };
  });
}

const on = async (machine: Machine): Promise<string[]> =>
  (await lines(machine)).filter(({ flags }) => flags !== "_").map(({ fn, flags }) => `${fn} ${flags}`);
const logged = (machine: Machine): string[] => machine.log().map((line) => line.replace(/^\[ *\d+\.\d+\] /, ""));

const COMING: Edits = {
  "module/load.ts": [['  pr_debug("%s: coming', '  pr_debug("now %d", 0, number);\n  pr_debug("%s: coming']],
};

const PLATFORMS: readonly MachineOptions[] = [
  { platform: "stepped", cpus: 2, seed: 3 },
  { platform: "threads", debug: true, cpus: 2 },
];

describe.each(PLATFORMS)("on $platform, dynamic debug", (options) => {
  it("tells of transitions when it is asked to, and says nothing before and after", async () => {
    const bytes = await patchImage("pair", PAIR, options.platform === "threads" ? "kernel-debug" : "kernel-stepped");
    await underLoad({ memoryMiB: 32, ...options }, [["pipes", 1]], async (machine) => {
      const cycle = async (): Promise<string[]> => {
        const before = machine.log().length;
        await machine.disable(await machine.load(bytes, { model: "kgraft", attempts: 1000 }));
        await machine.unload(machine.patches()[0] as never);
        return logged(machine).slice(before);
      };
      const own = (line: string): boolean => /to move$|has moved$|moves$/.test(line);
      expect((await cycle()).filter(own)).toEqual([]);
      expect(await machine.exec(`echo 'module livepatch func move_everybody +pfl' > ${CONTROL}`)).toMatchObject({
        status: 0,
      });
      expect(await on(machine)).toEqual(["move_everybody pfl", "move_everybody pfl"]);
      const told = (await cycle()).filter(own);
      expect(told).toHaveLength(4);
      const numbers = (await lines(machine)).filter(({ fn }) => fn === "move_everybody").map(({ line }) => line);
      expect(told[0]).toMatch(new RegExp(`^move_everybody:${numbers[0]}: 'pair': every task is marked, \\d+ to move$`));
      expect(told[1]).toBe(`move_everybody:${numbers[1]}: 'pair': every task has moved`);
      // Each task by its name, with the one that says so.
      await machine.write(CONTROL, 'format "moves" =pt; func move_everybody -flp\n');
      expect(await on(machine)).toEqual(["flip pt"]);
      expect((await cycle()).filter(own)).toContainEqual(expect.stringMatching(/^\[(\d+)\] pipes\[\1\] moves$/));
      await machine.write(CONTROL, "file * =_");
      expect(await on(machine)).toEqual([]);
      expect((await cycle()).filter(own)).toEqual([]);
    });
  });
});

describe("its control file", () => {
  const machine: MachineOptions = { platform: "threads", debug: true, cpus: 1, memoryMiB: 32 };

  it("lists each line with its place in the source", () =>
    underLoad(machine, [], async (running) => {
      const all = await lines(running);
      expect(all.length).toBeGreaterThan(3);
      for (const { file, line, module, format } of all) {
        const source = (await readFile(join(PACKAGE_ROOT, file), "utf8")).split("\n")[line - 1];
        expect(source).toContain(`pr_debug("${format}"`);
        expect(file.startsWith(`kernel/${module}/`)).toBe(true);
      }
    }));

  it("takes Linux's queries, carries all of several out, and refuses what makes no sense", () =>
    underLoad(machine, [], async (running) => {
      const write = (text: string): Promise<void> => running.write(CONTROL, text);
      const all = await lines(running);
      const { line = 0 } = all.find(({ fn }) => fn === "move_everybody") ?? {};
      await write(`file transition.ts line ${line} +p\nfile kernel/livepatch/universe.ts +pm`);
      expect(await on(running)).toEqual(["move_everybody p", "flip pm"]);
      await write("func move* -p ; module livepatch +t");
      expect(await on(running)).toEqual(["move_everybody t", "move_everybody t", "flip pmt"]);
      await write(`file transition.ts line ${line + 1}- =l; file transition.ts line -${line} =f`);
      expect(await on(running)).toEqual(["move_everybody f", "move_everybody l", "flip pmt"]);
      await write(`line ${line}-${line} file *transition* =_\n# a comment\n\nfunc nobody +p`);
      await write("=_");
      expect(await on(running)).toEqual([]);
      for (const text of [
        "func",
        "func flip",
        "func flip +",
        "func flip +x",
        "func flip p",
        "where flip +p",
        "func a func b +p",
        "line x +p",
        "line 9-3 +p",
        'format "open +p',
        "+p -p",
      ]) {
        await expect(write(text), text).rejects.toMatchObject({ message: expect.stringMatching(/EINVAL/) });
        expect(await on(running), text).toEqual([]);
      }
      // One that is wrong does not keep the others from being carried out.
      await expect(write("nonsense; func flip +p")).rejects.toMatchObject({ message: expect.stringMatching(/EINVAL/) });
      expect(await on(running)).toEqual(["flip p"]);
    }));

  it("has a module's lines while it is loaded, off at first", async () => {
    const watcher = await moduleImage("test/modules/sources/watcher.ts", "kernel-debug");
    await underLoad(machine, [], async (running) => {
      await running.write(CONTROL, "module module +p; module watcher +p");
      for (let round = 0; round < 2; round++) {
        await running.insmod(watcher, "mode=0");
        const own = (await lines(running)).filter(({ module }) => module === "watcher");
        expect(own.map(({ fn, flags, format }) => `${fn} ${flags} ${format}`)).toEqual([
          "init_module _ begins in mode %d",
          "cleanup_module _ had seen %d",
        ]);
        await running.write(CONTROL, "module watcher func cleanup_module =pm");
        await running.rmmod("watcher");
        expect((await lines(running)).filter(({ module }) => module === "watcher")).toEqual([]);
      }
      // A patch of the function keeps its line, with its number; one that the patch adds is silent.
      const before = running.log().length;
      const patch = await running.load(await patchImage("coming", COMING, "kernel-debug"), { model: "kpatch" });
      await running.insmod(watcher, "mode=0");
      const patched = logged(running).slice(before);
      expect(patched.filter((line) => /number 0$|^now/.test(line))).toEqual(["watcher: coming as number 0"]);
      await running.rmmod("watcher");
      await running.disable(patch);
      const said = logged(running)
        .filter((line) => line.startsWith("watcher:"))
        .slice(0, 6);
      const once = ["watcher: coming as number 0", "watcher: going, number 0", "watcher: had seen 0"];
      expect(said).toEqual([...once, ...once]);
    });
  }, 60_000);
});
