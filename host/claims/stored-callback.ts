/**
 * A pointer that was stored before the patch leads to the new code: it is the function's slot that changes.
 */
import type { Claim } from "./claim.ts";
import type { Lab } from "./lab.ts";
import type { Rig } from "./rig.ts";

const PATCH = "claim-callback";
const CALLBACK = "serve_device";
const CALLS = 5;

export const storedCallback: Claim = {
  name: "stored-callback",
  sentence: "A function pointer stored before the patch reaches the new code.",
  source: "SUSE, kGraft announcement, in the comments (2014)",
  async run(lab) {
    for (const model of ["kpatch", "kgraft"] as const) await lab.machine((rig) => patchUnder(model, lab, rig));
  },
};

async function patchUnder(model: "kpatch" | "kgraft", lab: Lab, rig: Rig): Promise<void> {
  await rig.watch(CALLBACK);
  rig.machine.setDeviceHz(rig.pace.deviceHz);
  const versions = async (): Promise<string[]> => {
    const seen: string[] = [];
    await rig.until(() => seen.push(...rig.calls().map(({ version }) => version)) >= CALLS);
    return seen;
  };
  const before = await versions();
  const done = model === "kpatch" ? (await rig.kpatch(PATCH)).patch : await rig.completes(await rig.kgraft(PATCH));
  rig.calls();
  const after = await versions();
  const fresh = after.filter((version) => version === PATCH).length;
  lab.observe(
    `${model}: ${CALLBACK}() is patched, whose pointer a work item has held since boot`,
    `before: ${before.length} calls, all old; after: ${fresh} of ${after.length} new`,
    Boolean(done) && before.every((version) => version === "original") && fresh === after.length && fresh >= CALLS,
  );
}
