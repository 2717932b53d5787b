import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { duration, painter, si, table } from "../../host/cli/format.ts";
import type { Report } from "../../host/experiment.ts";
import { FOREIGN } from "../user-module.ts";

const WLP = fileURLToPath(new URL("../../dist/host/cli/main.js", import.meta.url));
const SHORT = ["--platform", "stepped", "--cpus", "2", "--tasks", "5", "--seconds", "0.002"];

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `wlp`; `watch` sees standard output as it grows, and may send a signal. */
function wlp(
  args: readonly string[],
  watch: (out: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [WLP, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
    watch(out, (signal) => child.killed || child.kill(signal)); // a second SIGINT would end it at once
  });
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, out, err })));
}

describe("wlp", () => {
  it("explains itself, in 80 columns", async () => {
    for (const args of [["--help"], ["run", "--help"]]) {
      const { status, out, err } = await wlp(args);
      expect({ status, err }).toEqual({ status: 0, err: "" });
      expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
    expect((await wlp(["run", "--help"])).out).toMatch(/--platform[\s\S]*Workloads:\n {2}mixed[\s\S]*Exit status:/);
    expect((await wlp(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  const WRONG: readonly [args: string, code: string, says: RegExp][] = [
    ["", "BAD_USAGE", /no command was given\n {2}See wlp --help/],
    ["walk", "BAD_USAGE", /unknown command 'walk'\n {2}See wlp --help\./],
    ["run --turbo", "BAD_USAGE", /unknown option '--turbo'\n {2}See wlp run --help\./],
    ["run now", "BAD_USAGE", /too many arguments/],
    ["run --cpus many", "BAD_OPTION", /--cpus is "many"\n {2}Give --cpus a number\./],
    ["run --cpus 65", "BAD_OPTION", /cpus is 65\n {2}Give cpus as an integer from 1 to 64\./],
    ["run --seed 1.5", "BAD_OPTION", /seed is 1\.5/],
    ["run --seconds 0", "BAD_OPTION", /seconds is 0/],
    ["run --tasks 0", "BAD_OPTION", /tasks is 0/],
    ["run --platform vax", "BAD_USAGE", /'vax' is invalid. Allowed choices are threads, stepped\./],
    ["run --memory 1", "MEMORY_TOO_SMALL", /needs \d+ MiB\n {2}Give memoryMiB \(--memory\) as \d+ or more\./],
    ["run --workload rest", "UNKNOWN_WORKLOAD", /there is no workload rest\n {2}Take one of mixed, pipes/],
    ["run --patch nothing", "UNKNOWN_PATCH", /there is no patch nothing\n {2}Give a folder's name under patches\//],
    ["run --model both", "BAD_OPTION", /--model is "both"\n {2}Take kpatch or kgraft/],
    ["run --workload none.wasm", "UNKNOWN_WORKLOAD", /cannot read none\.wasm/],
  ];
  for (const [args, code, says] of WRONG) {
    it(`refuses "${args}" with ${code}, a remedy and status 2`, async () => {
      const { status, err } = await wlp(args.split(" ").filter((arg) => arg !== ""));
      expect(status).toBe(2);
      expect(err).toMatch(says);
      expect(err.startsWith(`wlp: ${code}: `)).toBe(true);
    });
  }

  it("refuses in JSON too when it was asked for JSON", async () => {
    const { status, out } = await wlp(["run", "--cpus", "0", "--json"]);
    expect(status).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: { code: "BAD_OPTION", what: "cpus is 0", remedy: "Give cpus as an integer from 1 to 64." },
    });
  });
});

describe("wlp run", () => {
  it("runs the mixed workload on threads, loses nothing, and says so", async () => {
    const { status, out, err } = await wlp(["run", "--seconds", "0.5"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(
      /^4 CPUs \(threads\), 64 MiB, workload mixed, 0\.5 s\nthen dirty-pipe in and out again, under kpatch, then kgraft, about 3 s each\n/,
    );
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toContain("\u001b");
    for (const rule of ["no lost wake-up", "no lock held", "no memory leaked", "all tasks reaped"])
      expect(out).toContain(`ok     ${rule}\n`);
  });

  it("gives one JSON document", async () => {
    const { status, out, err } = await wlp([
      "run",
      "--seconds",
      "0.2",
      "--cpus",
      "2",
      "--tasks",
      "5",
      "--patch",
      "none",
      "--json",
    ]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const report = JSON.parse(out) as Report;
    expect(report).toMatchObject({
      machine: { platform: "threads", cpus: 2, memoryMiB: 64, seed: 1 },
      workload: "mixed",
      tasks: 5,
    });
    expect(report.cpus.map(({ cpu }) => cpu)).toEqual([0, 1]);
    expect(report.rates.syscalls).toBeGreaterThan(0);
    expect(report.verdicts.every(({ ok }) => ok)).toBe(true);
  });

  it("prints on the stepped platform what options and seed decide, byte for byte", async () => {
    const [first, again, other] = [
      await wlp(["run", ...SHORT, "--model", "kgraft", "--seed", "5"]),
      await wlp(["run", ...SHORT, "--model", "kgraft", "--seed", "5"]),
      await wlp(["run", ...SHORT, "--model", "kgraft", "--seed", "6"]),
    ];
    expect(first.status).toBe(0);
    expect(again.out).toBe(first.out);
    expect(other.out).not.toBe(first.out);
    expect(first.out).toMatch(/0\.002 s of virtual time, seed 5\n/);
  });

  it("takes a user module for a workload, and fails when a program does", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wlp-"));
    try {
      const path = join(folder, "foreign.wasm");
      await writeFile(path, FOREIGN);
      const { status, out } = await wlp(["run", "--workload", path, ...SHORT]);
      expect(out).toMatch(/FAILED every program saw what it should\n +answer\[\d+\] exited with 1\n/);
      expect(status).toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  for (const platform of ["threads", "stepped"]) {
    it(`ends at SIGINT with status 130, and leaves nothing running (${platform})`, async () => {
      const args = ["run", "--cpus", "2", "--seconds", "3600", "--platform", platform];
      // Its end is the proof: a process lives as long as a thread of its own does.
      const { status, err } = await wlp(args, (_, kill) => kill("SIGINT"));
      expect({ status, err }).toEqual({ status: 130, err: "" });
    });
  }

  it("ends when nobody reads its output any more, as with `| head`, with status 141 and no word", async () => {
    const child = spawn(process.execPath, [WLP, "run", "--seconds", "3600"], { stdio: ["ignore", "pipe", "pipe"] });
    let err = "";
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    child.stdout.destroy();
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect({ status, err }).toEqual({ status: 141, err: "" });
  });
});

describe("figures for a terminal", () => {
  it("have three digits and a prefix", () => {
    expect([0, 5.3, 57.7, 999, 1000, 12_345, 2_170_000_000].map(si)).toEqual([
      "0.00",
      "5.30",
      "57.7",
      "999",
      "1.00 k",
      "12.3 k",
      "2.17 G",
    ]);
  });

  it("say times in the unit that suits them", () => {
    expect([0, 640, 1234, 45_600, 6_935_194, 2.04e9].map(duration)).toEqual([
      "0 ns",
      "640 ns",
      "1.23 µs",
      "45.6 µs",
      "6.94 ms",
      "2.04 s",
    ]);
  });

  it("stand in columns", () => {
    expect(
      table([
        ["CPU", "idle"],
        ["0", "12 %"],
        ["10", "3 %"],
      ]),
    ).toEqual(["CPU   idle", "0     12 %", "10     3 %"]);
  });

  it("have colour on a terminal only, and not when NO_COLOR is set", () => {
    expect(painter(true, {})("red", "x")).toBe("\u001b[31mx\u001b[39m");
    expect(painter(true, { NO_COLOR: "" })("red", "x")).toBe("\u001b[31mx\u001b[39m");
    expect(painter(true, { NO_COLOR: "1" })("red", "x")).toBe("x");
    expect(painter(false, {})("red", "x")).toBe("x");
  });
});
