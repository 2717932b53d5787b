/** A folder of the host's as /host: each row is a line, its status and what it writes. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";

const LARGE = "0123456789abcdef".repeat(1000);
/** More names than `ls` keeps at a time. */
const MANY = Array.from({ length: 200 }, (_, n) => `a-file-with-a-rather-long-name-${(n * 73) % 200}`);
let outside: string;
let folder: string;
beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), "wlp-share-"));
  folder = join(outside, "shared");
  await mkdir(join(folder, "deep/er"), { recursive: true });
  await mkdir(join(folder, "deep/many"));
  for (const name of MANY) await writeFile(join(folder, "deep/many", name), "");
  await writeFile(join(outside, "secret"), "secret\n");
  await writeFile(join(folder, "text"), "words\n");
  await writeFile(join(folder, "deep/er/large"), LARGE);
  await chmod(join(folder, "text"), 0o640);
  await symlink("text", join(folder, "within"));
  await symlink("../secret", join(folder, "out"));
  await symlink("/etc/passwd", join(folder, "absolute"));
  await symlink("..", join(folder, "deep/up"));
  await symlink("../..", join(folder, "deep/over"));
  await symlink("nothing", join(folder, "dangling"));
});
afterAll(() => rm(outside, { recursive: true }));

const LINES: readonly (readonly [sentence: string, line: string, status: number, output: string | RegExp])[] = [
  ["shows what lies in it", "ls /host", 0, "deep\ntext\nwithin\n"],
  ["shows all of many, in order", "ls /host/deep/many", 0, `${MANY.toSorted().join("\n")}\n`],
  ["shows sizes and modes, without writing", "ls -l /host/text", 0, /^-r--r----- .* 6 +\d+ \/host\/text\n$/],
  ["is read", "cat /host/text /host/within", 0, "words\nwords\n"],
  ["is read whole", "cat /host/deep/er/large | wc", 0, "      0       1   16000\n"],
  ["is walked through", "cd /host/deep/er; pwd; cat ../../text", 0, "/host/deep/er\nwords\n"],
  ["follows links that stay inside", "cat /host/deep/up/text", 0, "words\n"],
  ["ends where it begins", "ls /host/..", 0, /^bin\n(.*\n)*host\n/],
  ["follows no link out of it", "cat /host/out", 1, "cat: /host/out: Permission denied\n"],
  ["follows no link to an absolute path", "cat /host/absolute", 1, "cat: /host/absolute: Permission denied\n"],
  ["follows no folder's link out of it", "cat /host/deep/over/secret", 1, /Permission denied/],
  ["says what is not there", "cat /host/none /host/dangling", 1, /^(cat: .*: No such file or directory\n){2}$/],
  ["is not written", "echo x > /host/text || echo x > /host/new", 1, /^(sh: .*: Read-only file system\n){2}$/],
  ["gets no names", "mkdir /host/d; rm /host/text; mv /host/text /host/t", 1, /^(.*: Read-only file system\n){3}$/],
  ["is mounted to be read", "mount | grep host", 0, "hostfs on /host type hostfs (ro,relatime)\n"],
];

describe.each(["threads", "stepped"] as const)("a shared folder (%s)", (platform) => {
  it("does what its lines say, and never leads out", async () => {
    const machine = await Machine.boot({ cpus: 2, platform, share: folder, debug: platform === "threads" });
    const found: string[] = [];
    for (const [sentence, line, status, output] of LINES) {
      const result = await machine.exec(line);
      const right = typeof output === "string" ? result.stdout === output : output.test(result.stdout);
      if (result.status !== status || !right)
        found.push(`a shared folder ${sentence}: ${line}: ${JSON.stringify(result)}`);
    }
    expect(found).toEqual([]);
    expect(await machine.read("/host/deep/er/large")).toBe(LARGE);
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });
});

describe("without a folder", () => {
  it("there is no /host", async () => {
    const machine = await Machine.boot({ cpus: 1 });
    expect(await machine.exec("ls /host")).toMatchObject({ status: 1 });
    await machine.shutdown();
  });

  it("a machine that should share one does not boot", async () => {
    await expect(Machine.boot({ share: join(outside, "secret") })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
});
