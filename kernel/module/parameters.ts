/**
 * A module's parameters: `name=value` words when it is loaded.
 *
 * A name that it does not have is a line in the log, as on Linux; a value that is none of the parameter's type is -EINVAL.
 */
import { EINVAL, PARAM_BOOL, PARAM_I32 } from "../abi";
import {
  MODULE_HEAD_PARAMETERS, MODULE_HEAD_PARAMETER_COUNT, MODULE_PARAM_ADDRESS, MODULE_PARAM_NAME, MODULE_PARAM_NAME_LENGTH, MODULE_PARAM_SIZE, MODULE_PARAM_TYPE,
} from "../layout";
import { log_begin, log_bytes, log_end, log_str } from "../lib/printk";
import { parse_number } from "../lib/text";
import { Module } from "./module";

const SPACE = 32;
const EQUALS = 61;
const MINUS = 45;

/** Sets what the words at `at` say; 0, or -EINVAL at the first that makes no sense. */
export function set_parameters(module: Module, at: usize, length: i32): i32 {
  const end = at + length;
  while (at < end) {
    let word = at;
    while (word < end && load<u8>(word) != SPACE) word++;
    const result = word > at ? set_parameter(module, at, <i32>(word - at)) : 0;
    if (result) return result;
    at = word + 1;
  }
  return 0;
}

function set_parameter(module: Module, word: usize, length: i32): i32 {
  let name = 0;
  while (name < length && load<u8>(word + name) != EQUALS) name++;
  const row = parameter_named(module, word, name);
  if (!row) {
    log_parameter(module, "unknown parameter ignored: ", word, name);
    return 0;
  }
  const result = parse_parameter(row, word + name + 1, length - name - 1);
  if (result) log_parameter(module, "invalid value for parameter ", word, name);
  return result;
}

@notrace function parameter_named(module: Module, name: usize, length: i32): usize {
  let row = <usize>load<u32>(module.block, MODULE_HEAD_PARAMETERS);
  for (let i = 0; i < load<i32>(module.block, MODULE_HEAD_PARAMETER_COUNT); i++) {
    const known = <usize>load<u32>(row, MODULE_PARAM_NAME);
    if (load<i32>(row, MODULE_PARAM_NAME_LENGTH) == length && !memory.compare(known, name, length)) return row;
    row += MODULE_PARAM_SIZE;
  }
  return 0;
}

/** A bool is y, Y, 1, n, N or 0, and without `=` it is set. */
@notrace export function parse_parameter(row: usize, text: usize, length: i32): i32 {
  const type = load<i32>(row, MODULE_PARAM_TYPE);
  const address = <usize>load<u32>(row, MODULE_PARAM_ADDRESS);
  if (type == PARAM_BOOL) {
    const first = length > 0 ? load<u8>(text) : 49;
    const yes = first == 49 || first == 89 || first == 121; // 1 Y y
    const no = first == 48 || first == 78 || first == 110; // 0 N n
    if (length > 1 || (!yes && !no)) return -EINVAL;
    store<i32>(address, yes ? 1 : 0);
    return 0;
  }
  const negative = type == PARAM_I32 && length > 1 && load<u8>(text) == MINUS;
  const value = negative ? parse_number(text + 1, length - 1) : parse_number(text, length);
  if (value < 0) return -EINVAL;
  store<i32>(address, negative ? -value : value);
  return 0;
}

function log_parameter(module: Module, what: string, name: usize, length: i32): void {
  log_begin();
  log_bytes(module.name, module.name_length);
  log_str(": ");
  log_str(what);
  log_bytes(name, length);
  log_end();
}
