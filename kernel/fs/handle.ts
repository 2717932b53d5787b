/**
 * The record of an open file, shared by all who hold it: kinds and the tables that serve them are in file.ts.
 */
import { Inode } from "./inode";

/** What opening an inode gives: rows of the tables in file.ts. */
export const FILE_RAM = 0;
export const FILE_PIPE = 1;
export const FILE_TEXT = 2;
export const FILE_TTY = 3;
export const FILE_DIRECTORY = 4;
export const FILE_NULL = 5;
export const FILE_FULL = 6;
export const FILE_ZERO = 7;
export const FILE_RANDOM = 8;
export const FILE_KMSG = 9;
export const FILE_HOST = 10;
export const FILE_LINK = 11;
export const FILE_CONSOLE = 12; // becomes a terminal when it is opened
export const FILE_TRACE = 13;

@unmanaged
export class File {
  /** Descriptors and calls under way that use it; atomic. */
  references: i32;
  kind: i32;
  /** O_* that it was opened with. */
  flags: i32;
  /** Read or write position. Tasks that share a file race for it as on Unix. */
  position: i32;
  /** What it was opened from, or null for pipes. */
  inode: Inode;
  /** Inode of a ram file, pipe, block of text, terminal. */
  object: usize;
  /** Bytes in a block of text. */
  size: i32;
}
export const FILE_SIZE = <i32>offsetof<File>();
