/**
 * `cd`: the directory that relative paths begin in.
 */
import { SYS_CHDIR } from "../../abi";
import { raw } from "../lib";
import { complain, length_of, literal } from "../text";

const HOME: usize = memory.data(2);

/** Without a path back to `/`; gives a status. */
export function change_directory(path: usize): i32 {
  if (!path) {
    literal("/", HOME);
    path = HOME;
  }
  const error = raw(SYS_CHDIR, <i32>path, length_of(path), 0);
  return error < 0 ? complain("sh: cd", path, error) : 0;
}
