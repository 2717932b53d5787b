/**
 * Programs that do what no program should: any system call with any arguments, any text into any file.
 *
 * What they do follows from the seed that they are given.
 */
export { leaf } from "../../../kernel/user/processes";
export { sleeper } from "../../../kernel/user/time";
export { calls, sweep } from "./calls";
export { writes } from "./writes";
