/**
 * The live patcher's log lines: `kpatch: what 'name'`, `kgr: what 'name'`, without a model `no model: …`.
 */
import { KLP_DESC_NAME_SIZE, KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH } from "../abi";
import { log_begin, log_end, log_str, log_zero_ended } from "../lib/printk";
import { Patch } from "./patch";

@notrace export function klp_log(patch: Patch, what: string): void {
  log_begin();
  log_str(patch.model == KLP_MODEL_KPATCH ? "kpatch: " : patch.model == KLP_MODEL_KGRAFT ? "kgr: " : "no model: ");
  log_str(what);
  log_str(" '");
  log_zero_ended(changetype<usize>(patch) + offsetof<Patch>("name_0"), KLP_DESC_NAME_SIZE);
  log_str("'");
  log_end();
}
