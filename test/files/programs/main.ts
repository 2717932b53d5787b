/**
 * User programs that try what is promised of files: each gives 0, or a number that says where it was disappointed.
 *
 * The table that gives each its sentence is test/files/trials.ts.
 */
export { leaf } from "../../../kernel/user/processes";
export { sleeper } from "../../../kernel/user/time";
export { relative_paths, inherited_directory, removed_directory, wrong_paths, long_paths, links } from "./paths";
export { directories, creation, renames, listings, kernel_names } from "./names";
export { modes, sticky, owners, programs_by_path } from "./rights";
export { positions, truncation, descriptors, devices, full_memory } from "./contents";
export { own_files, file_of_the_dead, one_moment, system_controls, devices_tree } from "./kernel_files";
