/* Faults on demand: while the process runs, a test says in the file ACRE_SHIM_FAULTS (8 slots, shared memory) which calls on
 * which paths fail, are short or are slow. Independent of the model of disk.h, and usable beside it. */
#ifndef ACRE_FAULTS_H
#define ACRE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FAULT_OPEN = 1, FAULT_READ = 2, FAULT_WRITE = 4, FAULT_SYNC_FILE = 8, FAULT_SYNC_FOLDER = 16, FAULT_RENAME = 32,
    FAULT_REMOVE = 64, FAULT_SPACE = 128,
};

/* Whether the call is to fail: then errno is set. Sleeps first when it is to be slow. */
bool fault_fd(unsigned call, int fd);
bool fault_path(unsigned call, const char *path);
/* The same for writing: a short write has its count halved and goes on. */
bool fault_write(int fd, size_t *count);

#endif
