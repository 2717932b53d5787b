/** The files of the kernel's that users count on: path, mode and format are Linux's; each row is one, with what `cat` shows. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { moduleImage } from "../module-image.ts";

const PATCH = "/sys/kernel/livepatch/dirty-pipe";
const FLAG = /^[01]\n$/;
const EMPTY = /^$/;

const FILES: readonly (readonly [path: string, mode: string, text: RegExp])[] = [
  ["/proc/1/stat", "-r--r--r--", /^1 \(init\) S 0( -?\d+){48}\n$/],
  ["/proc/1/status", "-r--r--r--", /^Name:\tinit\n[^]*State:\tS \(sleeping\)\n[^]*\nPid:\t1\nPPid:\t0\n/],
  ["/proc/1/stack", "-r--------", /^(\[<0>\] \w+\+\d+\n)+$/],
  ["/proc/1/patch_state", "-r--------", /^-1\n$/],
  ["/proc/1/kgr_in_progress", "-r--------", FLAG],
  ["/proc/1/comm", "-r--r--r--", /^init\n$/],
  ["/proc/cmdline", "-r--r--r--", /^\S.*\n$/],
  ["/proc/meminfo", "-r--r--r--", /^MemTotal: +\d+ kB\nMemFree: +\d+ kB\nMemAvailable: +\d+ kB\n/],
  ["/proc/uptime", "-r--r--r--", /^\d+\.\d\d \d+\.\d\d\n$/],
  ["/proc/version", "-r--r--r--", /^\S+ version \S+ .*\n$/],
  ["/proc/kallsyms", "-r--r--r--", /^([0-9a-f]+ [a-zA-Z] \S+(\t\[\S+\])?\n)+$/],
  [
    "/proc/modules",
    "-r--r--r--",
    /^hello \d+ 0 - Live 0x[0-9a-f]+ \(\w*O\w*\)\ndirty-pipe \d+ 1 - Live 0x\S+ \(.*\)\n$/,
  ],
  ["/proc/interrupts", "-r--r--r--", /^ +CPU0 +CPU1 *\n( *\w+:( +\d+)+.*\n)+$/],
  [
    "/proc/stat",
    "-r--r--r--",
    /^cpu {2}\d+( \d+){9}\n(cpu\d+( \d+){10}\n){2}intr \d+.*\nctxt \d+\nbtime \d+\nprocesses \d+\n/,
  ],
  ["/proc/cpuinfo", "-r--r--r--", /^(processor\t: \d+\n[^]*?\n\n)+$/],
  ["/proc/loadavg", "-r--r--r--", /^(\d+\.\d\d ){3}\d+\/\d+ \d+\n$/],
  ["/proc/mounts", "-r--r--r--", /^(\S+ \/\S* \S+ r[ow]\S* 0 0\n)+$/],
  ["/proc/sys/kernel/tainted", "-rw-r--r--", /^\d+\n$/],
  ["/proc/sys/kernel/ftrace_enabled", "-rw-r--r--", FLAG],
  ["/proc/sys/kernel/panic_on_oops", "-rw-r--r--", FLAG],
  ["/proc/sys/kernel/modules_disabled", "-rw-r--r--", FLAG],
  [`${PATCH}/enabled`, "-rw-r--r--", /^1\n$/],
  [`${PATCH}/transition`, "-r--r--r--", /^0\n$/],
  [`${PATCH}/vmlinux/patched`, "-r--r--r--", /^1\n$/],
  ["/sys/kernel/kgraft/in_progress", "-rw-r--r--", /^0\n$/],
  ["/sys/module/hello/parameters/times", "-rw-r--r--", /^1\n$/],
  ["/sys/module/hello/refcnt", "-r--r--r--", /^0\n$/],
  ["/sys/module/hello/initstate", "-r--r--r--", /^live\n$/],
  ["/sys/devices/system/cpu/online", "-r--r--r--", /^0-1\n$/],
  ["/sys/devices/system/cpu/possible", "-r--r--r--", /^0-1\n$/],
  ["/sys/devices/system/cpu/cpu1/online", "-rw-r--r--", /^1\n$/],
  ["/sys/kernel/tracing/current_tracer", "-rw-r-----", /^nop\n$/],
  ["/sys/kernel/tracing/available_tracers", "-r--r-----", /^function_graph function nop\n$/],
  ["/sys/kernel/tracing/tracing_on", "-rw-r-----", FLAG],
  ["/sys/kernel/tracing/trace", "-rw-r-----", /^# tracer: nop\n/],
  ["/dev/null", "crw-rw-rw-", EMPTY],
  ["/dev/kmsg", "crw-r--r--", /^\d,\d+,\d+,-;.*\n/],
];

/** What is there, of what kind, and not looked into. */
const OTHERS: readonly (readonly [path: string, mode: string])[] = [
  ["/proc/self", "lrwxrwxrwx"],
  ["/proc/1", "dr-xr-xr-x"],
  ["/sys/kernel/livepatch", "drwxr-xr-x"],
  [PATCH, "drwxr-xr-x"],
  ["/sys/module/hello", "drwxr-xr-x"],
  ["/sys/kernel/tracing", "drwx------"],
  ["/dev/zero", "crw-rw-rw-"],
  ["/dev/random", "crw-rw-rw-"],
  ["/dev/console", "crw-------"],
  ["/tmp", "drwxrwxrwt"],
];

/** Linux's answers to root, who may do more than others, but not this. */
const REFUSALS: readonly (readonly [line: string, output: string])[] = [
  [`echo 1 > ${PATCH}/transition`, `sh: ${PATCH}/transition: Permission denied\n`],
  ["echo 1 > /proc/version", "echo: write error: Input/output error\n"],
  ["echo 2 > /proc/sys/kernel/panic_on_oops", "echo: write error: Invalid argument\n"],
  ["cat /proc", "cat: /proc: Is a directory\n"],
];

it("the kernel's files have Linux's paths, modes, formats and refusals", async () => {
  const machine = await Machine.boot({ cpus: 2, debug: true });
  await machine.load(await readFile(join(PACKAGE_ROOT, "dist/patches/dirty-pipe.kernel-debug.wasm")), {
    model: "kpatch",
  });
  await machine.insmod(await moduleImage("modules/hello/hello.ts", "kernel-debug"));
  const found: string[] = [];
  for (const [path, mode] of [...FILES, ...OTHERS]) {
    const { stdout } = await machine.exec(`ls -ld ${path}`);
    if (!stdout.startsWith(`${mode} `)) found.push(`${path}: ${stdout}, not ${mode}`);
  }
  for (const [path, , text] of FILES) {
    const shown = await machine.read(path);
    if (!text.test(shown)) found.push(`${path}: ${shown.slice(0, 300)}, not ${String(text)}`);
  }
  for (const [line, output] of REFUSALS) {
    const { status, stdout } = await machine.exec(line);
    if (status !== 1 || stdout !== output) found.push(`${line}: ${status}, ${stdout}`);
  }
  expect(found).toEqual([]);
  await machine.shutdown();
});
