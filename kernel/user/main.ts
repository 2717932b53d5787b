/**
 * The user image: each exported function is a program. It gets one number and gives its exit code; 1 says that it saw
 * something that must not happen.
 */
export { files } from "./files";
export { pipes, pipe_reader } from "./pipes";
export { sleeper, spinner } from "./time";
export { leaf, spawner } from "./processes";
export { bounce, bouncer } from "./bounce";
export { crash, deep, escape } from "./faults";
export { dirty_pipe, late_reader, splice_sleeper, vault, waker } from "./exploit";
export { burier, caller, crowd, looper, mixer, pinger, ponger, throng, timer, waiter, yielder } from "./bench";
export { probe } from "./probes";
export { sh } from "./shell/sh";
export { cat, grep, head, wc } from "./tools/files";
export { kill, ps } from "./tools/processes";
export { ls } from "./tools/list";
export { ln, mkdir, mv, pwd, rm, rmdir } from "./tools/names";
export { dmesg, mount, sysctl } from "./tools/system";
export { insmod, lsmod, modprobe, rmmod } from "./tools/modules";
export { call_hammer, churn, contend, lock_contender, stress } from "./tools/stress";
export { echo, sleep, succeed as true, fail as false } from "./tools/simple";
