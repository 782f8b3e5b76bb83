/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sviod's run directory: where its sockets live. One sviod has it at a time.
 */
#ifndef SVIO_RUN_DIR_H
#define SVIO_RUN_DIR_H

#define SVIO_RUN_DIR_DEFAULT "/run/svio"
#define SVIO_CONTROL_SOCKET  "control.sock"

/*
 * Make path (mode 0700) or check it (a directory of ours that no one else may
 * write), take its lock, remove sockets that a dead sviod has left.
 * The lock's descriptor (close it to give the directory up; the lock file stays);
 * -errno with a message logged: -EBUSY: another sviod has it; -ENAMETOOLONG: no
 * room for the names of sockets; -EPERM; -ENOTDIR; ...
 */
int svio_run_dir_open(const char *path);

#endif /* SVIO_RUN_DIR_H */
