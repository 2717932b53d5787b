/**
 * The host's requests about kernel modules, as rows of hostd's table.
 */
import { EINVAL } from "../abi";
import { MAILBOX, WORD } from "../layout";
import { load_module } from "./load";
import { delete_module } from "./unload";

/** A length and so many bytes at `address`, parameters in the mailbox → the module's number. */
export function host_module_load(address: i32, length: i32): i32 {
  return address ? load_module(<usize>address + WORD, load<i32>(<usize>address), MAILBOX, length) : -EINVAL;
}

/** A name in the mailbox. */
export function host_module_remove(argument: i32, length: i32): i32 {
  return delete_module(MAILBOX, length);
}
