/**
 * /sys/module/NAME: what a module is, and its parameters, which can be set while it runs.
 *
 * The subject of a file is its module's number, and of a parameter its place too. Whoever reads or writes one may find
 * the module gone meanwhile: -ENODEV.
 */
import { ENODEV, PARAM_BOOL, PARAM_I32, S_IFDIR } from "../abi";
import { add_directory, add_named, add_text } from "../fs/attributes";
import { FILE_DIRECTORY } from "../fs/handle";
import { Inode, failed } from "../fs/inode";
import { make_named, put_inode, remove_tree } from "../fs/lifetime";
import { directory_at } from "../fs/sysfs";
import {
  MODULE_HEAD_PARAMETERS, MODULE_HEAD_PARAMETER_COUNT, MODULE_HEAD_TAINT, MODULE_HEAD_VERSION, MODULE_HEAD_VERSION_LENGTH, MODULE_PARAM_ADDRESS, MODULE_PARAM_NAME,
  MODULE_PARAM_NAME_LENGTH, MODULE_PARAM_SIZE, MODULE_PARAM_TYPE,
} from "../layout";
import { put_bytes, put_number, put_text, trimmed } from "../lib/text";
import { MODULE_NONE, MODULE_STATE_COMING, MODULE_STATE_LIVE, Module, lock_modules, module_at, module_number, module_state, unlock_modules } from "./module";
import { parse_parameter } from "./parameters";
import { put_taint } from "./report";

/** A module's number in a subject; its parameter's place is above. */
const NUMBER = 255;
const PLACE_SHIFT = 8;

/** Makes the files of a module that is COMING: 0 or -errno. */
@sleeps export function add_module_files(module: Module): i32 {
  const all = directory_at("/sys/module");
  if (failed(all)) return errno_of(all);
  const directory = make_named(all, module.name, module.name_length, all.fs, FILE_DIRECTORY, S_IFDIR | 0o755);
  put_inode(all);
  if (failed(directory)) return errno_of(directory);
  module.files = changetype<usize>(directory);
  const number = module_number(module);
  let result = errno_of(add_text(directory, "initstate", 0o444, show_state, number));
  if (!result) result = errno_of(add_text(directory, "refcnt", 0o444, show_references, number));
  if (!result) result = errno_of(add_text(directory, "taint", 0o444, show_taint, number));
  if (!result) result = errno_of(add_text(directory, "version", 0o444, show_version, number));
  return result ? result : add_parameters(module, directory);
}

/** 0 for an inode that is one. */
@notrace function errno_of(inode: Inode): i32 {
  return failed(inode) ? <i32>changetype<usize>(inode) : 0;
}

@sleeps function add_parameters(module: Module, directory: Inode): i32 {
  const count = load<i32>(module.block, MODULE_HEAD_PARAMETER_COUNT);
  if (!count) return 0;
  const parameters = add_directory(directory, "parameters");
  let result = errno_of(parameters);
  for (let place = 0; place < count && !result; place++) {
    const row = parameter_at(module, place);
    const name = <usize>load<u32>(row, MODULE_PARAM_NAME);
    const subject = module_number(module) | (place << PLACE_SHIFT);
    result = errno_of(add_named(parameters, name, load<i32>(row, MODULE_PARAM_NAME_LENGTH), 0o644, show_parameter, store_parameter, subject));
  }
  return result;
}

/** Takes them away; who has one open finds it removed. */
export function remove_module_files(module: Module): void {
  if (module.files) remove_tree(changetype<Inode>(module.files));
  module.files = 0;
}

@notrace function parameter_at(module: Module, place: i32): usize {
  return <usize>load<u32>(module.block, MODULE_HEAD_PARAMETERS) + <usize>(place * MODULE_PARAM_SIZE);
}

/** The module of a subject, whose record then stands still until unlock_modules(); null, with nothing held, when it has gone. */
function hold_module(subject: i32): Module {
  lock_modules();
  const module = module_at(subject & NUMBER);
  if (module_state(module) != MODULE_NONE && module.block) return module;
  unlock_modules();
  return changetype<Module>(0);
}

function show_state(at: usize, limit: usize, number: i32): usize {
  const state = module_state(module_at(number));
  return put_text(at, state == MODULE_STATE_LIVE ? "live\n" : state == MODULE_STATE_COMING ? "coming\n" : "going\n");
}

function show_references(at: usize, limit: usize, number: i32): usize {
  return put_text(put_number(at, atomic.load<i32>(changetype<usize>(module_at(number)), offsetof<Module>("references"))), "\n");
}

function show_taint(at: usize, limit: usize, number: i32): usize {
  const module = hold_module(number);
  if (!changetype<usize>(module)) return <usize>-ENODEV;
  at = put_text(put_taint(at, load<i32>(module.block, MODULE_HEAD_TAINT)), "\n");
  unlock_modules();
  return at;
}

function show_version(at: usize, limit: usize, number: i32): usize {
  const module = hold_module(number);
  if (!changetype<usize>(module)) return <usize>-ENODEV;
  at = put_bytes(at, <usize>load<u32>(module.block, MODULE_HEAD_VERSION), load<i32>(module.block, MODULE_HEAD_VERSION_LENGTH));
  unlock_modules();
  return put_text(at, "\n");
}

function show_parameter(at: usize, limit: usize, subject: i32): usize {
  const module = hold_module(subject);
  if (!changetype<usize>(module)) return <usize>-ENODEV;
  const row = parameter_at(module, subject >> PLACE_SHIFT);
  const value = load<i32>(<usize>load<u32>(row, MODULE_PARAM_ADDRESS));
  const type = load<i32>(row, MODULE_PARAM_TYPE);
  unlock_modules();
  if (type == PARAM_BOOL) return put_text(at, value ? "Y\n" : "N\n");
  return put_text(put_number(at, type == PARAM_I32 ? <i64>value : <i64>(<u32>value)), "\n");
}

function store_parameter(subject: i32, text: usize, length: i32): i32 {
  const module = hold_module(subject);
  if (!changetype<usize>(module)) return -ENODEV;
  const error = parse_parameter(parameter_at(module, subject >> PLACE_SHIFT), text, trimmed(text, length));
  unlock_modules();
  return error ? error : length;
}
