/**
 * Programs as files: /bin has an executable file for each row of the program table.
 */
import { EACCES, ENOENT, ENOEXEC, S_IFREG, X_OK } from "../abi";
import { MACHINE, MACHINE_PROGRAMS, MACHINE_PROGRAM_COUNT, PROGRAM_NAME, PROGRAM_NAME_LENGTH, PROGRAM_SIZE } from "../layout";
import { put_bytes, put_text } from "../lib/text";
import { FILE_TEXT } from "./handle";
import { FS_RAM, Inode, failed, is_regular } from "./inode";
import { make_named, put_inode } from "./lifetime";
import { permission } from "./permission";
import { resolve } from "./walk";

const SLASH: u8 = 47;

@inline function row_at(index: i32): usize {
  return <usize>load<u32>(MACHINE, MACHINE_PROGRAMS) + <usize>(index * PROGRAM_SIZE);
}

/** Fills /bin. */
@sleeps export function programs_init(bin: Inode): void {
  for (let index = 0; index < load<i32>(MACHINE, MACHINE_PROGRAM_COUNT); index++) {
    const row = row_at(index);
    const inode = make_named(bin, row + PROGRAM_NAME, load<i32>(row, PROGRAM_NAME_LENGTH), FS_RAM, FILE_TEXT, S_IFREG | 0o755);
    if (failed(inode)) continue;
    inode.subject = index;
    inode.show = show_program_of(put_program);
  }
}

@sleeps function show_program_of(show: (at: usize, limit: usize, subject: i32) => usize): i32 {
  return show.index;
}

/** What reading a program gives: there are no bytes of it here. */
function put_program(at: usize, limit: usize, index: i32): usize {
  const row = row_at(index);
  return put_text(put_bytes(put_text(at, "program "), row + PROGRAM_NAME, load<i32>(row, PROGRAM_NAME_LENGTH)), "\n");
}

/** Row of the program that a path, or a bare name in /bin, stands for; or -errno. */
export function resolve_program(path: usize, length: i32): usize {
  for (let i = 0; i < length; i++) if (load<u8>(path + i) == SLASH) return program_file(path, length);
  for (let index = 0; index < load<i32>(MACHINE, MACHINE_PROGRAM_COUNT); index++) {
    const row = row_at(index);
    if (load<i32>(row, PROGRAM_NAME_LENGTH) == length && memory.compare(row + PROGRAM_NAME, path, length) == 0) return row;
  }
  return <usize>-ENOENT;
}

@notrace function program_file(path: usize, length: i32): usize {
  const inode = resolve(path, length, true);
  if (failed(inode)) return changetype<usize>(inode);
  let error = is_regular(inode) ? permission(inode, X_OK) : -EACCES;
  if (!error && !(inode.fs == FS_RAM && inode.kind == FILE_TEXT)) error = -ENOEXEC;
  const row = error ? <usize>error : row_at(inode.subject);
  put_inode(inode);
  return row;
}
