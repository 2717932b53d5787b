/** Pipes deliver every byte once, in order, and tell both sides when the other is gone. */
import { EPIPE, O_RDONLY, O_WRONLY } from "../../kernel/abi";
import { alloc_file, put_file, vfs_read, vfs_write } from "../../kernel/fs/file";
import { FILE_PIPE, File } from "../../kernel/fs/handle";
import { alloc_pipe } from "../../kernel/fs/pipe";
import { alloc_pages, free_pages } from "../../kernel/mm/page";
import { join_threads, run_threads, start_threads, word } from "./harness";

const TOTAL = 70000; // more than a full ring

function reader_end(): File {
  return changetype<File>(<usize>load<u32>(word(0)));
}
function writer_end(): File {
  return changetype<File>(<usize>load<u32>(word(1)));
}

function make_pipe(): void {
  const pipe = changetype<usize>(alloc_pipe());
  store<u32>(word(0), <u32>changetype<usize>(alloc_file(FILE_PIPE, O_RDONLY, pipe)));
  store<u32>(word(1), <u32>changetype<usize>(alloc_file(FILE_PIPE, O_WRONLY, pipe)));
}

function produce(): i32 {
  const page = alloc_pages(1);
  let sent = 0;
  for (let size = 1500; sent < TOTAL; size = (size * 7 + 11) & 8191) {
    const part = min(size, TOTAL - sent);
    for (let i = 0; i < part; i++) store<u8>(page + i, <u8>(sent + i));
    if (vfs_write(writer_end(), page, part) != part) return 1;
    sent += part;
  }
  free_pages(page, 1);
  put_file(writer_end());
  return 0;
}

function consume(): i32 {
  const page = alloc_pages(0);
  let got = 0;
  while (true) {
    const part = vfs_read(reader_end(), page, 4096);
    if (part <= 0) break;
    for (let i = 0; i < part; i++) if (load<u8>(page + i) != <u8>(got + i)) return 2;
    got += part;
  }
  free_pages(page, 0);
  put_file(reader_end());
  return got == TOTAL ? 0 : 3;
}

function end_of_pipe(argument: i32): i32 {
  return argument ? consume() : produce();
}

export function test_pipe_transfer(): i32 {
  make_pipe();
  return run_threads(2, end_of_pipe);
}

function abandoned_writer(argument: i32): i32 {
  const page = alloc_pages(4);
  let result = 0;
  for (let i = 0; i < 4 && result >= 0; i++) result = vfs_write(writer_end(), page, 65536);
  free_pages(page, 4);
  put_file(writer_end());
  return result == -EPIPE ? 0 : 4;
}

/** A writer that sleeps on a full pipe wakes when the reader goes. */
export function test_pipe_without_reader(): i32 {
  make_pipe();
  start_threads(1, abandoned_writer);
  put_file(reader_end());
  return join_threads(1);
}

function server(argument: i32): i32 {
  if (argument < 4) return taker_at(argument);
  const page = alloc_pages(0);
  store<u32>(page, 0x04030201);
  const wrote = vfs_write(writer_end(), page, 4);
  free_pages(page, 0);
  return wrote == 4 ? 0 : 6;
}

function taker_at(argument: i32): i32 {
  return vfs_read(reader_end(), word(64) + <usize>argument, 1) == 1 ? 0 : 5;
}

/** One write wakes as many readers as it has bytes for. */
export function test_pipe_many_readers(): i32 {
  make_pipe();
  const result = run_threads(5, server);
  put_file(writer_end());
  put_file(reader_end());
  if (result) return result;
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += load<u8>(word(64) + <usize>i);
  return sum == 10 ? 0 : 7;
}
