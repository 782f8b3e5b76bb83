/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Folders for sockets, logs and notes in $TMPDIR. A signal that ends the program
 * takes them along; after an error they stay, as their logs say more.
 */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#define BENCH_FOLDER_BYTES 64u
#define BENCH_FOLDERS_MAX  32u

/* Makes $TMPDIR/NAME.XXXXXX and writes its path. Ends the program when it cannot. */
void bench_folder_make(char path[BENCH_FOLDER_BYTES], const char *name);

/* Removes it with all files in it; there are no folders in it. */
void bench_folder_remove(const char *path);

#endif /* BENCH_FOLDER_H */
