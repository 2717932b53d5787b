/**
 * A task that sleeps in the kernel never passes its border. A signal ends its sleep, and the call is made again.
 */
import type { Claim } from "./claim.ts";
import { ASLEEP_IN, culprit } from "./rig.ts";

export const neverLeaves: Claim = {
  name: "never-leaves",
  sentence: "kGraft stalls on a user task that never leaves the kernel; a signal helps it over.",
  source: "LWN 597407 and the initial kGraft submission (2014)",
  async run(lab) {
    await lab.machine(async (rig) => {
      const { machine, options } = rig;
      const pid = await rig.sleep();
      const patch = await rig.kgraft("claim-callback");
      const blocker = await rig.lastBlocker(patch);
      const stalls = await rig.stalls(patch);
      lab.observe(
        `kGraft patch of another function, while task ${pid} sleeps in ${ASLEEP_IN}()`,
        `${stalls ? "stalls" : "does not stall"}; who has not moved: ${culprit(blocker)}`,
        stalls && blocker.startsWith(`PID: ${pid} `),
      );
      const poked = await machine.signalBlockers(options);
      const done = await rig.completes(patch);
      const again = await rig.until(() => rig.isAsleep(pid));
      lab.observe(
        "the tasks in the way get a signal that they do not see",
        `${poked} poked; the transition ${done ? "ends" : "does not end"}; the task ${again ? "sleeps in its call again" : "is gone"}`,
        poked === 1 && done && again,
      );
      await rig.wake();
      const code = await rig.exitCode(pid);
      lab.observe("what the task waits for comes", `its call succeeds: exit code ${code}`, code === 0);
    });
  },
};
