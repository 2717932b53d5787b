/**
 * The live patcher's log lines: `kpatch: what 'name'`, `kgr: what 'name'`, without a model `no model: …`.
 */
import { KLP_DESC_NAME_SIZE, KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH } from "../abi";
import { log_begin, log_bytes, log_end, log_str, log_zero_ended } from "../lib/printk";
import { Patch, object_length, object_name } from "./patch";

@notrace export function klp_log(patch: Patch, what: string): void {
  begin(patch);
  log_patch(patch, what);
  log_end();
}

/** `kpatch: what 'module'`. */
@notrace export function klp_log_object(patch: Patch, what: string): void {
  begin(patch);
  log_object(patch, what);
  log_end();
}

/** `kpatch: what 'name' where 'module'`, and perhaps `, so 'module'` behind it. */
@notrace export function klp_log_both(patch: Patch, what: string, where: string, so: string = ""): void {
  begin(patch);
  log_patch(patch, what);
  log_object(patch, where);
  if (so.length) log_object(patch, so);
  log_end();
}

@notrace function begin(patch: Patch): void {
  log_begin();
  log_str(patch.model == KLP_MODEL_KPATCH ? "kpatch: " : patch.model == KLP_MODEL_KGRAFT ? "kgr: " : "no model: ");
}

@notrace function log_patch(patch: Patch, what: string): void {
  log_str(what);
  log_str(" '");
  log_zero_ended(changetype<usize>(patch) + offsetof<Patch>("name_0"), KLP_DESC_NAME_SIZE);
  log_str("'");
}

@notrace function log_object(patch: Patch, what: string): void {
  log_str(what);
  log_str(" '");
  log_bytes(object_name(patch), object_length(patch));
  log_str("'");
}
