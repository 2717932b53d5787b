/** Who may do what. */
import {
  EACCES, EINVAL, ENOENT, ENOEXEC, ENOTDIR, EPERM, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, R_OK, STAT_GID, STAT_MODE, STAT_UID, S_IFREG, SYS_GETUID, SYS_SETUID, W_OK, X_OK,
} from "../../../kernel/abi";
import { close, raw, spawn, wait } from "../../../kernel/user/lib";
import { access, become, chdir, chmod, chown, holds, mkdir, mkdir_as, open, put, rename, rmdir, stat, stat_of, umask, unlink } from "./calls";

const STATUS: usize = memory.data(4);
const USER = 1000;

/** Runs this program once more, with the rights of somebody else. */
function as_user(program: string): bool {
  return wait(spawn(program, USER), STATUS) > 0 && load<i32>(STATUS) == 0;
}

export function modes(uid: i32): i32 {
  if (uid) return modes_of_others();
  if (put("/tmp/mine", "secret") || chmod("/tmp/mine", 0o600) || put("/tmp/open", "text") || chmod("/tmp/open", 0o604)) return 1;
  if (mkdir_as("/tmp/closed", 0o700) || put("/tmp/closed/in", "x") || !as_user("modes")) return 2;
  if (access("/tmp/mine", R_OK | W_OK) || access("/tmp/mine", X_OK) != -EACCES || !holds("/tmp/mine", "secret")) return 3;
  return unlink("/tmp/closed/in") || rmdir("/tmp/closed") || unlink("/tmp/mine") || unlink("/tmp/open") ? 4 : 0;
}

function modes_of_others(): i32 {
  if (become(USER) || raw(SYS_GETUID, 0, 0, 0) != USER) return 1;
  if (open("/tmp/mine", O_RDONLY) != -EACCES || open("/tmp/open", O_RDWR) != -EACCES || open("/tmp/open", O_RDONLY | O_TRUNC) != -EACCES) return 2;
  if (!holds("/tmp/open", "text") || access("/tmp/open", R_OK) || access("/tmp/open", W_OK) != -EACCES) return 3;
  if (open("/tmp/closed/in", O_RDONLY) != -EACCES || chdir("/tmp/closed") != -EACCES || stat("/tmp/closed/in") != -EACCES) return 4;
  if (chmod("/tmp/mine", 0o666) != -EPERM || chown("/tmp/open", USER, USER) != -EPERM || raw(SYS_SETUID, 0, 0, 0) != -EPERM) return 5;
  return open("/etc/passwd", O_WRONLY) == -EACCES && put("/etc/new", "") == -EACCES && mkdir("/new") == -EACCES && unlink("/etc/passwd") == -EACCES ? 0 : 6;
}

export function sticky(uid: i32): i32 {
  if (uid) {
    if (become(USER) || unlink("/tmp/roots") != -EPERM || rename("/tmp/roots", "/tmp/mine") != -EPERM) return 1;
    if (put("/tmp/users", "x") || stat("/tmp/users") || stat_of(STAT_UID) != USER || stat_of(STAT_GID) != USER) return 2;
    return rename("/tmp/users", "/tmp/roots") == -EPERM && unlink("/tmp/users") == 0 ? 0 : 3;
  }
  return put("/tmp/roots", "x") || !as_user("sticky") || unlink("/tmp/roots") ? 4 : 0;
}

export function owners(argument: i32): i32 {
  if (put("/tmp/given", "x") || chown("/tmp/given", 7, 8) || chmod("/tmp/given", 0o070) || stat("/tmp/given")) return 1;
  if (stat_of(STAT_UID) != 7 || stat_of(STAT_GID) != 8 || stat_of(STAT_MODE) != (S_IFREG | 0o070)) return 2;
  if (raw(SYS_SETUID, -1, 0, 0) != -EINVAL || umask(0o777) != 0o022 || umask(0o022) != 0o777) return 3;
  if (unlink("/tmp/given") || become(8)) return 4;
  const fd = open("/tmp/readonly", O_RDWR | O_CREAT | O_EXCL); // who makes a file may write to it, whatever its mode
  if (fd < 0 || close(fd) || chmod("/tmp/readonly", 0o400) || open("/tmp/readonly", O_RDWR) != -EACCES) return 5;
  return unlink("/tmp/readonly") ? 6 : 0;
}

export function programs_by_path(argument: i32): i32 {
  if (wait(spawn("/bin/leaf", 9), STATUS) < 0 || load<i32>(STATUS) != 9 << 8) return 1;
  if (spawn("/bin/none", 0) != -ENOENT || spawn("/bin", 0) != -EACCES || spawn("/etc/passwd", 0) != -EACCES || spawn("/bin/leaf/x", 0) != -ENOTDIR) return 2;
  if (put("/tmp/script", "x") || chmod("/tmp/script", 0o755) || spawn("/tmp/script", 0) != -ENOEXEC) return 3;
  if (unlink("/tmp/script") || chmod("/bin/leaf", 0o644) || spawn("/bin/leaf", 0) != -EACCES || chmod("/bin/leaf", 0o755)) return 4;
  return chdir("/bin") || wait(spawn("./leaf", 3), STATUS) < 0 || load<i32>(STATUS) != 3 << 8 ? 5 : 0;
}
