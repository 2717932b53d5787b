/**
 * User programs that try what a process is promised: each gives 0, or a number that says where it was disappointed.
 *
 * The table that gives each its sentence is test/processes/trials.ts.
 */
export { leaf } from "../../../kernel/user/processes";
export { sleeper, spinner } from "../../../kernel/user/time";
export { statuses, zombie_waits, no_children, orphan, orphan_child, ignored_children } from "./families";
export { kill_sleeper, stop_and_go, stop_reader, kill_stopped, ignore_signals, broken_pipe, broken_pipe_writer, groups, bad_signals } from "./signals";
export { stubborn, quiet_reader } from "./signals";
export { arguments_arrive, arguments_are_checked, show_arguments, descriptors } from "./arguments";
export { futex_excludes, futex_thread, futex_refuses } from "./futexes";
export { share_window, adder, exit_ends_threads, kill_ends_threads, leader_first, last_thread, fault_ends_threads, faulty, thread_sleeper } from "./threads";
