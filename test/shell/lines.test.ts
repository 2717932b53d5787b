/** What the shell does with a line: each row is a line, its status and what it writes. */
import { describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";

const LINES: readonly (readonly [sentence: string, line: string, status: number, output: string | RegExp])[] = [
  ["runs a program with its words", "echo hello   world", 0, "hello world\n"],
  ["runs nothing of an empty line", "   # a comment", 0, ""],
  ["gives the last program's status", "false; true; exit 7", 7, ""],
  ["knows the last status", "false; echo $? $?; echo $?", 0, "1 1\n0\n"],
  ["says 127 for what is not there", "nothing", 127, "sh: nothing: not found\n"],
  ["says 128 and the signal for what was killed", "sh -c 'kill -9 $$'; echo $?", 0, "137\n"],
  ["goes on behind && and || as it should", "false && echo a || echo b && echo c", 0, "b\nc\n"],
  ["ties programs together", "echo a b c | cat | wc", 0, "      1       3       6\n"],
  ["gives a pipeline's status", "true | false", 1, ""],
  ["writes, appends and reads files", "echo x > /tmp/f; echo y >> /tmp/f; cat < /tmp/f | grep -c ''", 0, "2\n"],
  ["redirects errors", "cat /none 2> /tmp/e; cat /tmp/e", 0, "cat: /none: No such file or directory\n"],
  ["sends errors where output goes", "cat /none 2>&1 | wc -l", 0, "1\n"],
  ["refuses a file that is not there", "cat < /none || echo no", 0, "sh: /none: No such file or directory\nno\n"],
  ["takes quotes away", `X=5; echo "$X 'a'" '$X "b"' \\$X`, 0, `5 'a' $X "b" $X\n`],
  ["waits for background jobs when told", "sleep 0.01 & echo first; wait; echo last", 0, "first\nlast\n"],
  ["ends a writer whose reader has gone", "cat /proc/meminfo | true; echo over", 0, "over\n"],
  [
    "stops, continues and ends processes",
    "sleep 9 & kill -STOP $!; kill -CONT $!; kill $!; wait $!; echo $?",
    0,
    "143\n",
  ],
  ["runs nothing of a line that is wrong", "echo no; echo |", 2, "sh: syntax error\n"],
  ["refuses open quotes", 'echo "no', 2, "sh: syntax error\n"],
  ["prints a tool's usage when asked", "cat --help; grep", 2, /^usage: cat \[FILE\.\.\.\]\nusage: grep .*\n$/],
  ["finds and counts lines", "ps | grep -v PID | grep -q hostd && ps | head -n 1", 0, "  PID S NAME\n"],
  ["refuses a process that is not there", "kill -STOP 9999", 1, "kill: 9999: No such process\n"],
  [
    "changes its directory for those that follow",
    "cd /tmp; pwd; cd ..; pwd; cd /none",
    1,
    "/tmp\n/\nsh: cd: /none: No such file or directory\n",
  ],
  [
    "lists names in order",
    "mkdir -p /tmp/x/b/c /tmp/x/a; cd /tmp/x; ls; ls -a b; rm -r a b; ls",
    0,
    "a\nb\n.\n..\nc\n",
  ],
  ["lists what a name is", "ls -l /dev/null; ls -ld /tmp", 0, /^crw-rw-rw- .* \/dev\/null\ndrwxrwxrwt .* \/tmp\n$/],
  [
    "removes no directory unasked",
    "mkdir /tmp/d; rm /tmp/d; rmdir /tmp/d; rm -f /tmp/d",
    0,
    "rm: /tmp/d: Is a directory\n",
  ],
  [
    "renames and links",
    "cd /tmp; echo x > f; mv f g; ln -s g h; cat h; ls -l h; rm g h",
    0,
    /^x\nlrwxrwxrwx .* h -> g\n$/,
  ],
  ["makes no names where the kernel does", "mkdir /proc/x", 1, "mkdir: /proc/x: No such file or directory\n"],
  ["says what is mounted", "mount | grep proc", 0, "proc on /proc type proc (rw,relatime)\n"],
  ["reads and writes the kernel's log", "echo a word > /dev/kmsg; dmesg | grep -c 'a word'", 0, "1\n"],
  [
    "shows and sets system controls",
    "sysctl kernel.panic_on_oops=1; sysctl -n kernel.panic_on_oops; sysctl -w kernel.panic_on_oops=0; sysctl -a | grep oops",
    0,
    "kernel.panic_on_oops = 1\n1\nkernel.panic_on_oops = 0\nkernel.panic_on_oops = 0\n",
  ],
  [
    "refuses values out of bounds",
    "sysctl kernel.panic_on_oops=7",
    1,
    "sysctl: /proc/sys/kernel/panic_on_oops: Invalid argument\n",
  ],
];

async function disappointments(options: MachineOptions): Promise<string[]> {
  const machine = await Machine.boot(options);
  const found: string[] = [];
  for (const [sentence, line, status, output] of LINES) {
    const result = await machine.exec(line);
    const right = typeof output === "string" ? result.stdout === output : output.test(result.stdout);
    if (result.status !== status || !right) found.push(`${sentence}: ${line}: ${JSON.stringify(result)}`);
    await machine.exec("wait");
  }
  await machine.exec("sleep 0.01");
  found.push(...(await machine.audit()));
  await machine.shutdown();
  return found;
}

describe("the shell", () => {
  for (const cpus of process.env["WLP_FULL"] ? [1, 2, 4, 16] : [1, 2, 4]) {
    for (const platform of ["threads", "stepped"] as const)
      it(`does what its lines say on ${cpus} CPUs (${platform})`, async () => {
        expect(await disappointments({ cpus, platform, debug: platform === "threads" })).toEqual([]);
      });
  }
});

describe("machine.exec()", () => {
  it("returns while background jobs go on, whose output is lost", async () => {
    const machine = await Machine.boot({ cpus: 2 });
    expect(await machine.exec("sh -c 'sleep 0.05; ps; echo late > /tmp/late' &")).toEqual({ status: 0, stdout: "" });
    while ((await machine.exec("cat /tmp/late")).status !== 0) await machine.run(0.01);
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });

  it("runs lines side by side", async () => {
    const machine = await Machine.boot({ cpus: 2 });
    const results = await Promise.all([1, 2, 3].map((n) => machine.exec(`sleep 0.0${n}; echo ${n}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    await machine.shutdown();
  });

  it("gives long output whole, in pieces as it comes", async () => {
    const machine = await Machine.boot({ cpus: 2 });
    let pieces = 0;
    const line =
      "echo 0123456789abcdef > /tmp/a; cat /tmp/a /tmp/a /tmp/a /tmp/a > /tmp/b; cat /tmp/b /tmp/b /tmp/b /tmp/b > /tmp/c; ";
    const { stdout } = await machine.exec(
      `${line}cat /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c /tmp/c`,
      {
        onOutput: () => pieces++,
      },
    );
    expect(stdout).toBe("0123456789abcdef\n".repeat(320));
    expect(pieces).toBeGreaterThan(0);
    await machine.shutdown();
  });

  it("kills the line when the caller gives up", async () => {
    const machine = await Machine.boot({ cpus: 2 });
    const gone = new AbortController();
    const line = machine.exec("sleep 1000 | cat", { signal: gone.signal });
    while (!(await machine.exec("ps")).stdout.includes("sleep")) await machine.run(0.005);
    gone.abort();
    await expect(line).rejects.toMatchObject({ code: "ABORTED" });
    expect((await machine.exec("ps")).stdout).not.toContain("sleep");
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });

  it("refuses a line that is too long, and one that is two", async () => {
    const machine = await Machine.boot({ cpus: 1 });
    await expect(machine.exec("x".repeat(1001))).rejects.toMatchObject({ code: "LINE_TOO_LONG" });
    await expect(machine.exec("true\ntrue")).rejects.toMatchObject({ code: "BAD_OPTION" });
    await machine.shutdown();
  });
});
