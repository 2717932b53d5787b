/** The patches of these tests: each changes a few functions in a way that shows, or in a way that does not matter. */
import type { Edits } from "../patch-image.ts";

/** Two functions that one read() calls in turn; neither sleeps. They do what they did. */
export const PAIR: Edits = {
  "fs/file.ts": [
    [
      "export function get_file(file: File): void {",
      "export function get_file(file: File): void {\n  if (!file.references) return;",
    ],
  ],
  "fs/pipe.ts": [
    [
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {",
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {\n  if (length < 0) return -EFAULT;",
    ],
  ],
};

/** A function that tasks sleep in, and another that it calls before and after. They do what they did. */
export const SLEEPY: Edits = {
  "fs/pipe.ts": [
    [
      "  if (length == 0) return 0;\n  if (!user_range(to, length)) return -EFAULT;",
      "  if (length <= 0) return 0;\n  if (!user_range(to, length)) return -EFAULT;",
    ],
    [
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {",
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {\n  if (length < 0) return -EFAULT;",
    ],
  ],
};
