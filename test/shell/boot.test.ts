/** wlp boot, exec and shutdown, as processes that find each other by name; and a console with somebody at it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";

const WLP = join(PACKAGE_ROOT, "dist/host/cli/main.js");
let runtime: string;
beforeAll(async () => {
  runtime = await mkdtemp(join(tmpdir(), "wlp-run-"));
});
afterAll(() => rm(runtime, { recursive: true }));

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

interface Running {
  readonly child: ChildProcess;
  readonly text: { out: string; err: string };
  readonly ended: Promise<number | null>;
  /** Waits until what was written holds `words` so many times. */
  readonly says: (words: string, times?: number) => Promise<void>;
}

function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, args, { env: { ...process.env, XDG_RUNTIME_DIR: runtime, ...environment } });
  started.push(child);
  const text = { out: "", err: "" };
  child.stdout.on("data", (piece: Buffer) => (text.out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (text.err += piece.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const says = async (words: string, times = 1): Promise<void> => {
    for (let over: unknown; `${text.out}${text.err}`.split(words).length <= times;) {
      if (over !== undefined) throw new Error(`ended before it said ${words}: ${text.out}${text.err}`);
      over = await Promise.race([ended, new Promise<void>((resolve) => setTimeout(resolve, 20))]);
    }
  };
  return { child, text, ended, says };
}

const wlp = (...args: readonly string[]): Running => run(process.execPath, [WLP, ...args]);

async function result(running: Running): Promise<{ status: number | null; out: string; err: string }> {
  return { status: await running.ended, ...running.text };
}

describe("wlp boot", () => {
  it("feeds its input to the shell, runs on, takes lines from outside, and ends when told", async () => {
    const machine = wlp("boot", "--name", "fed", "--cpus", "2");
    machine.child.stdin?.end("echo from standard input\nfalse\necho $?");
    await machine.says("from standard input\n1\n");
    expect((await stat(join(runtime, "wlp/fed.sock"))).mode & 0o777).toBe(0o600);
    const line = await result(wlp("exec", "--name", "fed", "--", "echo out; echo err >&2; exit 5"));
    expect(line).toEqual({ status: 5, out: "out\nerr\n", err: "" });
    const json = await result(wlp("exec", "--name", "fed", "--json", "--", "cat", "/none"));
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toEqual({ status: 1, stdout: "cat: /none: No such file or directory\n" });
    const twin = await result(wlp("boot", "--name", "fed"));
    expect(twin.status).toBe(1);
    expect(twin.err).toMatch(/^wlp: MACHINE_EXISTS: a machine named fed runs already\n/);
    expect(await result(wlp("shutdown", "--name", "fed"))).toEqual({ status: 0, out: "", err: "" });
    expect(await machine.ended).toBe(0);
    expect((await result(wlp("exec", "--name", "fed", "--", "true"))).err).toMatch(/^wlp: NO_SUCH_MACHINE: /);
  });

  it("takes the place of a machine that died, and ends at SIGTERM", async () => {
    const path = join(runtime, "wlp/stale.sock");
    await mkdir(join(runtime, "wlp"), { recursive: true, mode: 0o700 });
    await writeFile(path, ""); // a socket file that nobody listens on refuses connections just like this one
    const machine = wlp("boot", "--name", "stale", "--json", "--cpus", "1");
    await machine.says('"cpus": 1');
    machine.child.kill("SIGTERM");
    expect(await machine.ended).toBe(0);
    await expect(stat(path)).rejects.toThrow();
  });

  it("keeps its name, whoever asks for it before it is there", async () => {
    const path = join(runtime, "wlp/early.sock");
    await mkdir(join(runtime, "wlp"), { recursive: true, mode: 0o700 });
    await writeFile(path, ""); // as it is to a client that comes just before somebody listens
    expect((await result(wlp("exec", "--name", "early", "--", "true"))).err).toMatch(/^wlp: NO_SUCH_MACHINE: /);
    await stat(path);
  });

  it("of several that begin at the same time has the name once", async () => {
    const twins = Array.from({ length: 3 }, () => wlp("boot", "--name", "twin", "--cpus", "1"));
    const all = twins.map(async ({ ended, text }) => ({ status: await ended, err: text.err }));
    const isUp = async (): Promise<boolean> => (await result(wlp("exec", "--name", "twin", "--", "true"))).status === 0;
    while (!(await isUp()));
    const running = (): Running[] => twins.filter(({ child }) => child.exitCode === null);
    while (running().length > 1) await Promise.race(running().map(({ ended }) => ended));
    expect((await result(wlp("shutdown", "--name", "twin"))).status).toBe(0);
    const refused = (await Promise.all(all)).filter(({ status }) => status !== 0);
    expect(refused).toEqual(
      Array.from({ length: 2 }, () => ({
        status: 1,
        err: expect.stringMatching(/^wlp: MACHINE_EXISTS: a machine named twin runs already\n/),
      })),
    );
  });

  it("refuses names and lines that cannot be", async () => {
    const name = await result(wlp("boot", "--name", "../x"));
    expect(name.status).toBe(2);
    expect(name.err).toMatch(/^wlp: BAD_OPTION: --name is "\.\.\/x"\n/);
    expect((await result(wlp("exec", "--name", "none", "--", "true"))).status).toBe(1);
    for (const folder of [WLP, "/proc/none"]) {
      const refused = await result(run(process.execPath, [WLP, "list"], { XDG_RUNTIME_DIR: folder }));
      expect(refused).toMatchObject({
        status: 1,
        err: expect.stringMatching(/^wlp: BAD_SOCKET: cannot make the folder /),
      });
    }
    for (const command of ["boot", "exec", "shutdown"]) {
      const help = await result(wlp(command, "--help"));
      expect(help.status).toBe(0);
      expect(help.out).toContain("Exit status: ");
    }
  });
});

describe("a console with somebody at it", () => {
  it("edits lines, remembers them, passes ^C to what runs, and ends with the shell", async () => {
    const command = `"${process.execPath}" "${WLP}" boot --name seen --cpus 2`;
    const { child, says, ended } = run("script", ["-qec", command, "/dev/null"]); // util-linux; its absence fails this test
    const type = (keys: string): boolean | undefined => child.stdin?.write(keys);
    await says("# ");
    type("echo heXy\u001b[D\u007fll\u0005 $(\u007f\u007fyou\r");
    await says("\nhelly you\r\n");
    type("sleep 1000\r");
    while (!(await result(wlp("exec", "--name", "seen", "--", "ps"))).out.includes("sleep"));
    type("\u0003");
    await says("^C\r\n");
    type("echo status $?\r");
    await says("\nstatus 130\r\n");
    type("\u001b[A\u001b[A\u001b[A\r");
    await says("\nhelly you\r\n", 2);
    type("cat\r");
    await says("# cat");
    while (!(await result(wlp("exec", "--name", "seen", "--", "ps"))).out.includes(" cat"));
    type("abc\u007fd\r\u0004");
    await says("\nabd\r\n");
    type("echo one two three\u0017\u0017three\u0001\u001b[3~e\r"); // ^W twice, Delete at the start
    await says("\none three\r\n");
    type("crash\r");
    await says("\nSegmentation fault\r\n");
    type("exit\r");
    expect(await ended).toBe(0);
    expect((await result(wlp("exec", "--name", "seen", "--", "true"))).status).toBe(1);
  });
});
