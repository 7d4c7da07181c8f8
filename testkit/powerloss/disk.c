#define _GNU_SOURCE
#include "disk.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Ranges of one epoch were written between the same two syncs; only those may be merged. */
typedef struct { off_t from, to; unsigned epoch; } range;
typedef struct { char *name; node *live, *durable; } entry;

struct node {
    unsigned id;
    ino_t inode;
    bool folder;
    mode_t mode;             /* as it was when made or last synced */
    unsigned live, durable;  /* names of each kind that lead here */
    unsigned epoch, synced;  /* the running epoch; the newest one that is on the disk */
    off_t size;              /* durable length of a file */
    range *ranges;
    size_t range_count, range_room;
    entry *entries;
    size_t entry_count, entry_room;
    node *next;              /* in its bucket */
};

enum { BUCKETS = 1 << 14, PAGE = 4096, BLOCK = 1 << 18, COALESCE_AT = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool on;
static dev_t device;
static node *root, *buckets[BUCKETS], **all;
static size_t all_count, all_room;
static int shadow = -1, objects = -1;
static char root_path[PATH_MAX];
static uint64_t *calls;      /* shared with whoever reads <shadow>/calls */
static uint64_t cut_at, random_state;
static long delay_us;
static bool tear;
static char block[BLOCK];

/* ---- starting ---------------------------------------------------------------------------------------------- */

static void scan(node *folder, int fd, int durable);

static uint64_t number_from(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void start(void) {
    const char *shadow_path = getenv("ACRE_SHIM_SHADOW"), *root_given = getenv("ACRE_SHIM_ROOT");
    if (!root_given || !shadow_path) return;
    snprintf(root_path, sizeof root_path, "%s", root_given);
    cut_at = number_from("ACRE_SHIM_CUT_AT", 0);
    random_state = number_from("ACRE_SHIM_SEED", 1);
    tear = number_from("ACRE_SHIM_TEAR", 0) != 0;
    delay_us = (long)number_from("ACRE_SHIM_DELAY_US", 300);

    int root_fd = (int)raw(SYS_openat, AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    shadow = (int)raw(SYS_openat, AT_FDCWD, shadow_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (root_fd < 0 || shadow < 0) disk_refuse("ACRE_SHIM_ROOT and ACRE_SHIM_SHADOW must be folders");
    if (raw(SYS_mkdirat, shadow, "o", 0700) != 0) disk_refuse("ACRE_SHIM_SHADOW must be empty");
    objects = (int)raw(SYS_openat, shadow, "o", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int counter = (int)raw(SYS_openat, shadow, "calls", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (objects < 0 || counter < 0 || raw(SYS_ftruncate, counter, sizeof *calls) != 0) disk_refuse("no shadow");
    calls = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, counter, 0);
    if (calls == MAP_FAILED) disk_refuse("no counter");
    raw(SYS_close, counter);

    struct stat status;
    if (fstat(root_fd, &status) != 0) disk_refuse("no root");
    device = status.st_dev;
    root = node_new(&status);
    root->durable = root->live = 1;
    const char *durable_path = getenv("ACRE_SHIM_DURABLE");
    int durable = durable_path ? (int)raw(SYS_openat, AT_FDCWD, durable_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
                               : dup(root_fd);
    if (durable < 0) disk_refuse("ACRE_SHIM_DURABLE must be a folder");
    scan(root, root_fd, durable);
    on = true;
    /* Neither a child nor the program's own reading of its environment should meet these. */
    const char *ours[] = { "LD_PRELOAD", "ACRE_SHIM_ROOT", "ACRE_SHIM_SHADOW", "ACRE_SHIM_CUT_AT", "ACRE_SHIM_TEAR",
                           "ACRE_SHIM_SEED", "ACRE_SHIM_DELAY_US", "ACRE_SHIM_DURABLE" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) unsetenv(ours[i]);
}

static node *copy_in(const struct stat *status, int durable, const char *name);

/* What is there already counts as durable as far as the folder `durable` (none: -1), which may be the same, has it. */
static void scan(node *folder, int fd, int durable) {
    DIR *list = fdopendir(fd);
    if (!list) disk_refuse("a folder cannot be listed");
    for (struct dirent *item; (item = readdir(list));) {
        struct stat status, same;
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, "..")) continue;
        if (fstatat(fd, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) disk_refuse("a file cannot be read");
        bool kept = durable >= 0 && fstatat(durable, item->d_name, &same, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISDIR(same.st_mode) == S_ISDIR(status.st_mode);
        node *found = node_of(&status);
        if (!found && S_ISDIR(status.st_mode)) {
            int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
            found = node_new(&status);
            scan(found, (int)raw(SYS_openat, fd, item->d_name, flags, 0),
                 kept ? (int)raw(SYS_openat, durable, item->d_name, flags, 0) : -1);
        } else if (!found) {
            found = copy_in(&status, kept ? durable : -1, item->d_name);
        }
        name_set(folder, item->d_name, found);
        if (!kept) continue;
        found->durable++;
        folder->entries[folder->entry_count - 1].durable = found; /* the name just set */
    }
    closedir(list);
    if (durable >= 0) raw(SYS_close, durable);
}

static void copy_range(int from, int to, off_t start, off_t end);
static int object_open(const node *file);

static node *copy_in(const struct stat *status, int durable, const char *name) {
    if (!S_ISREG(status->st_mode)) disk_refuse("only files and folders can be followed");
    node *file = node_new(status);
    struct stat kept;
    int from = durable < 0 ? -1 : (int)raw(SYS_openat, durable, name, O_RDONLY | O_CLOEXEC, 0), to = object_open(file);
    if (durable >= 0 && (from < 0 || fstat(from, &kept) != 0)) disk_refuse("a file cannot be read");
    if (durable >= 0) {
        copy_range(from, to, 0, kept.st_size);
        file->size = kept.st_size;
        raw(SYS_close, from);
    }
    raw(SYS_close, to);
    return file;
}

long raw(long number, ...) {
    static long (*real)(long, ...);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long),
         e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    return real(number, a, b, c, d, e, f);
}

void disk_refuse(const char *what) {
    char line[256];
    int length = snprintf(line, sizeof line, "acre power-loss shim: %s (errno %d)\n", what, errno);
    raw(SYS_write, 2, line, (long)length);
    abort();
}

bool disk_on(void) { return on; }
void disk_lock(void) { pthread_mutex_lock(&lock); }
void disk_unlock(void) { pthread_mutex_unlock(&lock); }

/* ---- nodes ------------------------------------------------------------------------------------------------- */

static void *grown(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room) return items;
    *room = *room ? *room * 2 : 8;
    items = realloc(items, *room * size);
    if (!items) disk_refuse("out of memory");
    return items;
}

bool node_may_be(int fd, struct stat *status) {
    return on && fstat(fd, status) == 0 && status->st_dev == device
        && (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode));
}

node *node_of(const struct stat *status) {
    if (status->st_dev != device) return NULL;
    node *found = buckets[status->st_ino % BUCKETS];
    while (found && found->inode != status->st_ino) found = found->next;
    return found;
}

node *node_parent(int at, const char *path, char leaf[NAME_MAX + 1]) {
    char parent[PATH_MAX];
    struct stat status;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    if (end == start || end - start > NAME_MAX || start + 2 > sizeof parent) return NULL;
    memcpy(leaf, path + start, end - start);
    leaf[end - start] = 0;
    memcpy(parent, path, start);
    if (start == 0) parent[start++] = '.';
    parent[start] = 0;
    if (!strcmp(leaf, ".") || !strcmp(leaf, "..") || fstatat(at, parent, &status, 0) != 0) return NULL;
    node *folder = node_of(&status);
    return folder && folder->folder ? folder : NULL;
}

node *node_new(const struct stat *status) {
    node *made = calloc(1, sizeof *made);
    if (!made) disk_refuse("out of memory");
    made->id = (unsigned)all_count;
    made->inode = status->st_ino;
    made->folder = S_ISDIR(status->st_mode);
    made->mode = status->st_mode & 07777;
    made->epoch = 1;
    made->next = buckets[made->inode % BUCKETS];
    buckets[made->inode % BUCKETS] = made;
    all = grown(all, all_count, &all_room, sizeof *all);
    all[all_count++] = made;
    return made;
}

/* The last name is gone: the file system may give the inode's number to another file from now on. */
static void forget(node *gone) {
    node **link = &buckets[gone->inode % BUCKETS];
    while (*link && *link != gone) link = &(*link)->next;
    if (*link) *link = gone->next;
    gone->range_count = 0;
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static entry *entry_of(node *folder, const char *leaf) {
    for (size_t i = 0; i < folder->entry_count; i++)
        if (!strcmp(folder->entries[i].name, leaf)) return &folder->entries[i];
    return NULL;
}

node *name_find(node *folder, const char *leaf) {
    entry *found = entry_of(folder, leaf);
    return found ? found->live : NULL;
}

static void point(entry *name, node *target) {
    node *before = name->live;
    name->live = target;
    if (target) target->live++;
    if (before && --before->live == 0) forget(before);
}

void name_set(node *folder, const char *leaf, node *target) {
    entry *found = entry_of(folder, leaf);
    if (!found) {
        folder->entries = grown(folder->entries, folder->entry_count, &folder->entry_room, sizeof(entry));
        found = &folder->entries[folder->entry_count++];
        *found = (entry){ .name = strdup(leaf) };
        if (!found->name) disk_refuse("out of memory");
    }
    point(found, target);
}

static void sweep(node *folder) {
    size_t kept = 0;
    for (size_t i = 0; i < folder->entry_count; i++) {
        if (folder->entries[i].live || folder->entries[i].durable) folder->entries[kept++] = folder->entries[i];
        else free(folder->entries[i].name);
    }
    folder->entry_count = kept;
}

void name_drop(node *folder, const char *leaf) {
    entry *found = entry_of(folder, leaf);
    if (!found) return;
    point(found, NULL);
    sweep(folder);
}

static void keep_name(entry *name, node *target) {
    node *before = name->durable;
    name->durable = target;
    if (target) target->durable++;
    if (!before || --before->durable > 0 || before->live > 0 || before->folder) return;
    char object[16];
    snprintf(object, sizeof object, "%u", before->id);
    raw(SYS_unlinkat, objects, object, 0);
}

/* ---- contents ---------------------------------------------------------------------------------------------- */

static int by_epoch_and_place(const void *left, const void *right) {
    const range *a = left, *b = right;
    if (a->epoch != b->epoch) return a->epoch < b->epoch ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

static void coalesce(node *file) {
    qsort(file->ranges, file->range_count, sizeof(range), by_epoch_and_place);
    size_t kept = 0;
    for (size_t i = 1; i < file->range_count; i++) {
        range *last = &file->ranges[kept], next = file->ranges[i];
        if (next.epoch == last->epoch && next.from <= last->to) last->to = next.to > last->to ? next.to : last->to;
        else file->ranges[++kept] = next;
    }
    file->range_count = kept + 1;
}

void node_dirty(node *file, off_t from, off_t to) {
    if (from >= to) return;
    range *last = file->range_count ? &file->ranges[file->range_count - 1] : NULL;
    if (last && last->epoch == file->epoch && from <= last->to && last->from <= to) {
        last->from = from < last->from ? from : last->from;
        last->to = to > last->to ? to : last->to;
        return;
    }
    if (file->range_count >= COALESCE_AT && file->range_count == file->range_room) coalesce(file);
    file->ranges = grown(file->ranges, file->range_count, &file->range_room, sizeof(range));
    file->ranges[file->range_count++] = (range){ from, to, file->epoch };
}

static int object_open(const node *file) {
    char name[16];
    snprintf(name, sizeof name, "%u", file->id);
    int fd = (int)raw(SYS_openat, objects, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) disk_refuse("the shadow cannot be written");
    return fd;
}

static void copy_range(int from, int to, off_t start, off_t end) {
    while (start < end) {
        ssize_t got = pread(from, block, end - start < BLOCK ? (size_t)(end - start) : BLOCK, start);
        if (got < 0) disk_refuse("a file cannot be read back");
        if (got == 0) return;
        if (raw(SYS_pwrite64, to, block, got, start) != got) disk_refuse("the shadow cannot be written");
        start += got;
    }
}

static uint64_t roll(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- syncing ----------------------------------------------------------------------------------------------- */

static void disk_busy(void) {
    if (!delay_us) return;
    struct timespec pause = { .tv_nsec = (long)(roll() % (uint64_t)delay_us) * 1000 };
    disk_unlock();
    nanosleep(&pause, NULL);
    disk_lock();
}

static void sync_file(node *file, int fd) {
    struct stat before, now;
    if (fstat(fd, &before) != 0) return;
    unsigned epoch = file->epoch++;
    disk_busy();
    if (epoch < file->synced || fstat(fd, &now) != 0) return; /* a later sync was done first, and did this one's work */
    /* Closing a second descriptor of a file drops the process's record locks on it: SQLite's files, which are locked,
     * are open for reading too, so that their own descriptor serves. */
    char path[32];
    int reader = fd;
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        reader = (int)raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (reader < 0) disk_refuse("a file cannot be opened for reading");
    }
    int object = object_open(file);
    file->size = before.st_size < now.st_size ? before.st_size : now.st_size;
    size_t kept = 0;
    for (size_t i = 0; i < file->range_count; i++) {
        range dirty = file->ranges[i];
        if (dirty.epoch > epoch) file->ranges[kept++] = dirty;
        else copy_range(reader, object, dirty.from, dirty.to < file->size ? dirty.to : file->size);
    }
    file->range_count = kept;
    if (raw(SYS_ftruncate, object, file->size) != 0) disk_refuse("the shadow cannot be cut to length");
    raw(SYS_close, object);
    if (reader != fd) raw(SYS_close, reader);
    file->synced = epoch;
    file->mode = now.st_mode & 07777;
}

static void sync_folder(node *folder, int fd) {
    struct stat status;
    unsigned epoch = folder->epoch++;
    size_t count = folder->entry_count;
    entry *listing = malloc((count + 1) * sizeof *listing);
    if (!listing) disk_refuse("out of memory");
    for (size_t i = 0; i < count; i++) {
        listing[i] = folder->entries[i];
        listing[i].name = strdup(listing[i].name);
    }
    disk_busy();
    if (epoch >= folder->synced) {
        for (size_t i = 0; i < folder->entry_count; i++) {
            node *target = NULL;
            for (size_t j = 0; j < count && !target; j++)
                if (!strcmp(listing[j].name, folder->entries[i].name)) target = listing[j].live;
            if (target != folder->entries[i].durable) keep_name(&folder->entries[i], target);
        }
        sweep(folder);
        folder->synced = epoch;
        if (fstat(fd, &status) == 0) folder->mode = status.st_mode & 07777;
    }
    for (size_t i = 0; i < count; i++) free(listing[i].name);
    free(listing);
}

void node_sync(node *target, int fd) {
    if (target->folder) sync_folder(target, fd);
    else sync_file(target, fd);
}

static void keep_some_data(node *file, int fd);

void node_sync_failed(node *target, int fd) {
    if (target->folder) return;
    if (tear && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY) keep_some_data(target, fd);
    target->range_count = 0;
}

/* ---- the cut ----------------------------------------------------------------------------------------------- */

enum luck { LOST, KEPT, MIXED };
static bool survives(enum luck luck) { return luck == KEPT || (luck == MIXED && roll() % 2); }

/* What the disk wrote of its own accord: any page of what was never synced, and any length between. */
static void keep_some_data(node *file, int fd) {
    struct stat status;
    enum luck luck = roll() % 3;
    if (luck == LOST || !file->range_count || fstat(fd, &status) != 0) return;
    int object = object_open(file);
    off_t reached = file->size;
    for (size_t i = 0; i < file->range_count; i++) {
        off_t end = file->ranges[i].to < status.st_size ? file->ranges[i].to : status.st_size;
        for (off_t at = file->ranges[i].from, next; at < end; at = next) {
            next = (at / PAGE + 1) * PAGE;
            if (next > end) next = end;
            if (!survives(luck)) continue;
            copy_range(fd, object, at, next);
            if (next > reached) reached = next;
        }
    }
    file->size = survives(luck) ? status.st_size : reached;
    if (raw(SYS_ftruncate, object, file->size) != 0) disk_refuse("the shadow cannot be cut to length");
    raw(SYS_close, object);
    file->range_count = 0;
}

static void keep_some(node *folder, int fd) {
    enum luck luck = roll() % 3;
    for (size_t i = 0; i < folder->entry_count; i++) {
        entry *name = &folder->entries[i];
        if (name->live) {
            int flags = O_RDONLY | O_CLOEXEC | (name->live->folder ? O_DIRECTORY : 0);
            int inner = (int)raw(SYS_openat, fd, name->name, flags, 0);
            if (inner >= 0 && name->live->folder) keep_some(name->live, inner);
            else if (inner >= 0) keep_some_data(name->live, inner);
            if (inner >= 0) raw(SYS_close, inner);
        }
        if (name->live != name->durable && survives(luck)) keep_name(name, name->live);
    }
}

/* The shadow describes itself: one line for each node that a durable name leads to, one for each such name. */
static void describe(const char *call) {
    int fd = (int)raw(SYS_openat, shadow, "cut.part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) disk_refuse("the shadow cannot be described");
    fprintf(out, "cut %llu %s\n", (unsigned long long)*calls, call);
    for (size_t i = 0; i < all_count; i++) {
        node *each = all[i];
        if (!each->durable) continue;
        if (each->folder) fprintf(out, "folder %u %o\n", each->id, each->mode);
        else fprintf(out, "file %u %o %lld\n", each->id, each->mode, (long long)each->size);
        for (size_t j = 0; j < each->entry_count; j++)
            if (each->entries[j].durable)
                fprintf(out, "name %u %u %s\n", each->id, each->entries[j].durable->id, each->entries[j].name);
    }
    if (fclose(out) != 0 || raw(SYS_renameat2, shadow, "cut.part", shadow, "cut", 0) != 0)
        disk_refuse("the shadow cannot be described");
}

void disk_count(const char *call) {
    if (++*calls != cut_at) return;
    if (tear) {
        int fd = (int)raw(SYS_openat, AT_FDCWD, root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0) disk_refuse("the root is gone");
        keep_some(root, fd);
    }
    describe(call);
    raw(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}
