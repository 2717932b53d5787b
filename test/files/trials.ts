/**
 * What is promised of files, as sentences; each is a user program of test/files/programs that gives 0.
 *
 * A new promise is a row, a program, and its export in programs/main.ts.
 */
export interface Trial {
  readonly program: string;
  readonly sentence: string;
}

export const TRIALS: readonly Trial[] = [
  { program: "relative_paths", sentence: "a path without a slash in front begins at the process's directory" },
  { program: "inherited_directory", sentence: "a child begins in its parent's directory" },
  { program: "removed_directory", sentence: "a directory that was removed can be left, and nothing can be made in it" },
  { program: "wrong_paths", sentence: "paths through files, to nothing, or of the wrong kind are refused as on Linux" },
  { program: "long_paths", sentence: "a name of 255 bytes and a path of 4095 are the longest" },
  { program: "links", sentence: "symbolic links lead on, in circles to ELOOP" },
  { program: "directories", sentence: "directories are made and removed, full ones and roots are not" },
  {
    program: "creation",
    sentence: "a file is made with the umask, exclusively when asked, and lives until it is closed",
  },
  {
    program: "renames",
    sentence: "rename() takes the place of what was there, and never moves a directory into itself",
  },
  { program: "listings", sentence: "a listing names each entry once, also while they are removed" },
  { program: "kernel_names", sentence: "nobody makes names where the kernel does" },
  { program: "modes", sentence: "others get what the mode gives them" },
  { program: "sticky", sentence: "in /tmp each removes only what is his" },
  { program: "owners", sentence: "root gives files away; an owner is bound by his own mode" },
  { program: "programs_by_path", sentence: "programs are files that may be run" },
  { program: "positions", sentence: "reading and writing go on at the position; holes read as zeros" },
  { program: "truncation", sentence: "what was cut off reads as zeros when the file grows again" },
  { program: "descriptors", sentence: "descriptors of one file share its position; there are sixteen" },
  { program: "devices", sentence: "devices give nothing, zeros and random bytes" },
  { program: "full_memory", sentence: "files have half of memory, then ENOSPC" },
  { program: "own_files", sentence: "a process finds itself in /proc" },
  { program: "file_of_the_dead", sentence: "/proc lists a process as long as there is one" },
  { program: "one_moment", sentence: "a file of the kernel's is of one moment, and made anew from its beginning" },
  { program: "system_controls", sentence: "a system control takes what is within its bounds, from root" },
  { program: "devices_tree", sentence: "/sys says which CPUs there are" },
];
