/** What each program of the machine says to --help and to an option that there is not. */
import { expect, it } from "vitest";
import { Machine } from "../../host/index.ts";

/** Statuses for an unknown option that are not 2; those of the programs that these are like. */
const ONE = "cat dmesg head insmod kill ln lsmod mkdir modprobe mount mv ps pwd rm rmdir rmmod sleep sysctl wc";
/** To these it is nothing special. */
const TEXT: Readonly<Record<string, { status: number; stdout: string }>> = {
  echo: { status: 0, stdout: "--nonsense\n" },
  true: { status: 0, stdout: "" },
  false: { status: 1, stdout: "" },
};
/** What interfaces.md names. */
const TOOLS =
  "cat echo grep ls ps kill sleep dmesg sysctl insmod rmmod modprobe lsmod mount true false sh stress dirty_pipe";

it("every program answers --help, and names an option that it does not know", async () => {
  const machine = await Machine.boot({ cpus: 2 });
  const found: string[] = [];
  for (const program of machine.programs) {
    const help = await machine.exec(`${program} --help`);
    if (help.status !== 0 || !new RegExp(`^usage: ${program}( .*)?\n$`).test(help.stdout))
      found.push(`${program} --help: ${JSON.stringify(help)}`);
    const wrong = await machine.exec(`${program} --nonsense`);
    const text = TEXT[program];
    if (text ? wrong.stdout === text.stdout && wrong.status === text.status : isRefusal(program, wrong)) continue;
    found.push(`${program} --nonsense: ${JSON.stringify(wrong)}`);
  }
  expect(found).toEqual([]);
  expect(TOOLS.split(" ").filter((tool) => !machine.programs.includes(tool))).toEqual([]);
  expect((await machine.exec("ls /bin")).stdout.trim().split("\n")).toEqual(machine.programs.toSorted());
  expect((await machine.exec("ls /tmp")).stdout).toBe("");
  await machine.shutdown();
});

function isRefusal(program: string, { status, stdout }: { status: number; stdout: string }): boolean {
  const named =
    program === "kill" ? /^kill: -nonsense: invalid/ : /^(\S+): unrecognized option '--nonsense'\nusage: \1/;
  return status === (ONE.split(" ").includes(program) ? 1 : 2) && named.test(stdout) && stdout.startsWith(program);
}
