/**
 * Files: written, read back, compared, truncated and unlinked, each process under a name of its own.
 */
import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC } from "../abi";
import { ascii, close, decimal, getpid, open, random, read, unlink, write } from "./lib";
import { answered, takes_number } from "./options";

const PATH: usize = memory.data(32);
const SEED: usize = memory.data(4);
const OUT: usize = memory.data(1024);
const IN: usize = memory.data(1024);

/** For ever; `argument` seeds the contents. */
export function files(argument: i32): i32 {
  if (!takes_number("files [SEED]")) return answered;
  let length = ascii("/tmp/file", PATH);
  length += decimal(getpid(), PATH + length);
  store<u32>(SEED, argument * 2654435761 + 1);
  while (true) {
    const chunks = 1 + random(SEED, 8);
    const mark = <u8>random(SEED, 256);
    if (!put(length, chunks, mark) || !check(length, chunks, mark)) return 1;
    if (random(SEED, 4) == 0 && unlink(PATH, length) != 0) return 1;
  }
}

function put(length: i32, chunks: i32, mark: u8): bool {
  const fd = open(PATH, length, O_RDWR | O_CREAT | O_TRUNC);
  if (fd < 0) return false;
  let good = true;
  for (let chunk = 0; chunk < chunks; chunk++) {
    memory.fill(OUT, mark + <u8>chunk, 1000);
    good = write(fd, OUT, 1000) == 1000 && good;
  }
  close(fd);
  return good;
}

function check(length: i32, chunks: i32, mark: u8): bool {
  const fd = open(PATH, length, O_RDONLY);
  if (fd < 0) return false;
  let good = true;
  for (let chunk = 0; chunk < chunks; chunk++) {
    memory.fill(OUT, mark + <u8>chunk, 1000);
    good = read(fd, IN, 1000) == 1000 && memory.compare(IN, OUT, 1000) == 0 && good;
  }
  good = read(fd, IN, 1000) == 0 && good;
  close(fd);
  return good;
}
