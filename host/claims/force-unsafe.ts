/**
 * Force skips the stack check of a function: its author vouches that old and new frames may live side by side.
 */
import type { Claim } from "./claim.ts";
import { ASLEEP_IN, CONTENTS, FILE } from "./rig.ts";

const PATCH = "dirty-pipe";

export const forceUnsafe: Claim = {
  name: "force-unsafe",
  sentence: "A forced function goes in under kpatch although it is in use: old frames end old, new calls are new.",
  source: "kpatch core module v2, KPATCH_FORCE_UNSAFE (2014)",
  async run(lab) {
    await lab.machine(async (rig) => {
      await rig.watch(ASLEEP_IN);
      const pid = await rig.sleep();
      const { refusals } = await rig.kpatch(PATCH, { attempts: 1 });
      const { patch } = await rig.kpatch(PATCH, { attempts: 1, force: [ASLEEP_IN] });
      lab.observe(
        `kpatch of ${ASLEEP_IN}() while task ${pid} sleeps in it, then the same forced`,
        `refusals: ${refusals.length}; forced: ${patch ? "in at once" : "refused"}`,
        refusals.length === 1 && patch !== undefined,
      );
      const slept = rig.calls().filter(({ task }) => task === pid);
      const exploited = await rig.run("dirty_pipe");
      const file = await rig.machine.read(FILE, rig.options);
      const fresh = rig.calls();
      lab.observe(
        "a new task calls it: the exploit that the patch closes",
        `${fresh.length} call, ${fresh.map(({ version }) => version).join()}; the file stays ${file}`,
        exploited === 0 && file === CONTENTS && fresh.length > 0 && fresh.every(({ version }) => version === PATCH),
      );
      const inside = await rig.isAsleep(pid);
      await rig.wake();
      const code = await rig.exitCode(pid);
      lab.observe(
        "the sleeper wakes",
        `its ${slept.length} call, ${slept.map(({ version }) => version).join()}, ends: exit code ${code}`,
        inside && slept.length === 1 && slept[0]?.version === "original" && code === 0,
      );
    });
  },
};
