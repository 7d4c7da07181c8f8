/* The model of a disk with a volatile cache: what would be left of the folder ACRE_SHIM_ROOT after a power cut.
 *
 * A *node* is a file or a folder. Of a file the model knows the ranges that were written and not yet synced, and keeps
 * what was synced in <shadow>/o/<id>. Of a folder it knows, for each name, the node that it has now (live) and the node
 * that it had when the folder was last synced (durable). All of it is guarded by one lock; every function but disk_on,
 * disk_lock and node_may_be wants it held. */
#ifndef ACRE_DISK_H
#define ACRE_DISK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct node node;

/* The system call itself: past every hook. */
long raw(long number, ...);
/* Ends the process with a text: what the model cannot follow must not pass unseen. */
_Noreturn void disk_refuse(const char *what);

bool disk_on(void);
void disk_lock(void);
void disk_unlock(void);

/* Counts one call that changes the disk; at the chosen one the power goes and the process with it. */
void disk_count(const char *call);

/* Whether this can be a file or folder of ours at all: cheap, without the lock. */
bool node_may_be(int fd, struct stat *status);
node *node_of(const struct stat *status);
/* The folder that holds the last component of the path, and that component; NULL when it is not ours. */
node *node_parent(int at, const char *path, char leaf[NAME_MAX + 1]);
/* A node that has just come into being, without a name yet. */
node *node_new(const struct stat *status);

/* Bytes from `from` up to `to` differ now from what was synced. */
void node_dirty(node *file, off_t from, off_t to);
/* A name made, moved or removed: volatile until the folder is synced. */
void name_set(node *folder, const char *leaf, node *target);
void name_drop(node *folder, const char *leaf);
node *name_find(node *folder, const char *leaf);

/* fsync of a file or folder. Gives the lock away while the disk is busy: what is written meanwhile is not in it. */
void node_sync(node *target, int fd);
/* One that failed: what it should have written is marked clean, whether it reached the disk or not. */
void node_sync_failed(node *target, int fd);

#endif
