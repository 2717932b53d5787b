/**
 * The record of an open file, shared by all who hold it: kinds and the table that serves them are in file.ts.
 */

/** Rows of the tables in file.ts. */
export const FILE_RAM = 0;
export const FILE_PIPE = 1;
export const FILE_PROC = 2;
export const FILE_TTY = 3;

@unmanaged
export class File {
  /** Descriptors and calls under way that use it; atomic. */
  references: i32;
  kind: i32;
  /** O_* that it was opened with. */
  flags: i32;
  /** Read or write position. Tasks that share a file race for it as on Unix. */
  position: i32;
  /** Inode, pipe, or page of text. */
  object: usize;
  /** Bytes in a page of text. */
  size: i32;
}
export const FILE_SIZE = <i32>offsetof<File>();
