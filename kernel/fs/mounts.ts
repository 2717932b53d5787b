/**
 * /proc/mounts and /proc/filesystems.
 */
import { MAX_MOUNTS } from "../layout";
import { put_text } from "../lib/text";
import { mount_at } from "./mount";
import { put_path } from "./path";

/** As Linux names them; rows are FS_*. */
const NAMES: StaticArray<string> = ["ramfs", "devtmpfs", "proc", "sysfs", "tracefs", "hostfs"];

export function put_mounts(at: usize, limit: usize, subject: i32): usize {
  for (let row = 0; row < MAX_MOUNTS && at + 128 < limit; row++) {
    const mount = mount_at(row);
    if (!changetype<usize>(mount.root)) continue;
    const name = unchecked(NAMES[mount.fs]);
    at = put_text(put_text(at, name), " ");
    at = put_path(at, 64, mount.root);
    at = put_text(put_text(put_text(at, " "), name), mount.read_only ? " ro,relatime 0 0\n" : " rw,relatime 0 0\n");
  }
  return at;
}

export function put_filesystems(at: usize, limit: usize, subject: i32): usize {
  for (let fs = 0; fs < NAMES.length; fs++) at = put_text(put_text(put_text(at, "nodev\t"), unchecked(NAMES[fs])), "\n");
  return at;
}
