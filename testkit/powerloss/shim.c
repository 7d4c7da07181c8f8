/* The power-loss shim, preloaded into a server under test (x86-64, glibc): every call that changes a file or a name
 * below ACRE_SHIM_ROOT goes to the real file system and to the model of disk.h.
 *
 *   ACRE_SHIM_ROOT      the folder that is the disk; it exists, and may hold files: those count as durable
 *   ACRE_SHIM_SHADOW    an empty folder elsewhere, for what would survive
 *   ACRE_SHIM_CUT_AT    N: the process dies in place of its Nth changing call; 0 or absent: never
 *   ACRE_SHIM_TEAR      1: of what was not synced, some pages and some names reach the disk; else all of it is lost
 *   ACRE_SHIM_SEED      what decides between them
 *   ACRE_SHIM_DELAY_US  how long a sync may take at most (300)
 *   ACRE_SHIM_DURABLE   a folder: what ACRE_SHIM_ROOT durably holds at the start. The rest of it counts as read from a
 *                       cache whose pages are marked clean: no later sync writes them, only writing them anew does
 *   ACRE_SHIM_FAULTS    calls that fail, are short or are slow: faults.h
 *
 * Counted: making, writing, cutting and copying into a file, syncing a file or folder, making, moving and removing
 * names. A sync is the model's alone: the real one is not made, for only the shadow is looked at afterwards. A sync that
 * fails by a fault leaves what was written marked clean, as Linux does: the next sync has nothing to do with it.
 *
 * Not seen: system calls without libc (the `syscall` function is seen), stdio (it writes inside libc), writes through a
 * shared mapping (SQLite's -shm, which it rebuilds), O_SYNC and RWF_DSYNC (such writes count as not synced),
 * sync_file_range, sync and syncfs (they make nothing durable here). Renames are two names, each lost or kept for
 * itself, as POSIX has it; a journalling file system would keep or lose both. */
#define _GNU_SOURCE
#include "disk.h"
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- contents: the real call and its record are one step under the lock ------------------------------------- */

static node *file_begin(int fd, const char *call) {
    struct stat status;
    if (!node_may_be(fd, &status) || !S_ISREG(status.st_mode)) return NULL;
    disk_lock();
    node *file = node_of(&status);
    if (file) disk_count(call);
    else disk_unlock();
    return file;
}

static void file_end(node *file, off_t from, off_t to) {
    int kept = errno;
    node_dirty(file, from, to);
    disk_unlock();
    errno = kept;
}

static off_t position(int fd) { return lseek(fd, 0, SEEK_CUR); }
static off_t length(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_size : 0;
}

/* A call that wrote `done` bytes at the descriptor's position, or where an appending descriptor put them. */
static ssize_t written_here(node *file, int fd, ssize_t done) {
    off_t end = done > 0 ? position(fd) : 0;
    file_end(file, done > 0 ? end - done : 0, end);
    return done;
}

static ssize_t written_at(node *file, int fd, off_t at, ssize_t done) {
    if (done > 0 && fcntl(fd, F_GETFL) & O_APPEND) at = length(fd) - done;
    file_end(file, at, done > 0 ? at + done : at);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (fault_write(fd, &count)) return -1;
    node *file = file_begin(fd, "write");
    ssize_t done = raw(SYS_write, fd, bytes, count);
    return file ? written_here(file, fd, done) : done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (fault_fd(FAULT_WRITE, fd)) return -1;
    node *file = file_begin(fd, "writev");
    ssize_t done = raw(SYS_writev, fd, parts, count);
    return file ? written_here(file, fd, done) : done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    if (fault_write(fd, &count)) return -1;
    node *file = file_begin(fd, "pwrite");
    ssize_t done = raw(SYS_pwrite64, fd, bytes, count, at);
    return file ? written_at(file, fd, at, done) : done;
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return pwrite(fd, bytes, count, at); }

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags) {
    if (fault_fd(FAULT_WRITE, fd)) return -1;
    node *file = file_begin(fd, "pwritev");
    if (file && flags & RWF_APPEND) disk_refuse("RWF_APPEND is not followed");
    ssize_t done = raw(SYS_pwritev2, fd, parts, count, at, 0L, flags);
    if (!file) return done;
    return at == -1 ? written_here(file, fd, done) : written_at(file, fd, at, done);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t at, int flags) {
    return pwritev2(fd, parts, count, at, flags);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    if (fault_fd(FAULT_WRITE, fd)) return -1;
    node *file = file_begin(fd, "pwritev");
    ssize_t done = raw(SYS_pwritev, fd, parts, count, at, 0L);
    return file ? written_at(file, fd, at, done) : done;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
    if (fault_fd(FAULT_WRITE, to)) return -1;
    node *file = file_begin(to, "copy_file_range");
    off64_t at = to_at ? *to_at : 0;
    ssize_t done = raw(SYS_copy_file_range, from, from_at, to, to_at, count, flags);
    if (!file) return done;
    return to_at ? written_at(file, to, at, done) : written_here(file, to, done);
}

ssize_t sendfile(int to, int from, off_t *at, size_t count) {
    node *file = file_begin(to, "sendfile");
    ssize_t done = raw(SYS_sendfile, to, from, at, count);
    return file ? written_here(file, to, done) : done;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t count) { return sendfile(to, from, at, count); }

ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
    if (file_begin(to, "splice")) disk_refuse("splice into a file is not followed");
    return raw(SYS_splice, from, from_at, to, to_at, count, flags);
}

int ftruncate(int fd, off_t size) {
    if (fault_fd(FAULT_WRITE, fd)) return -1;
    node *file = file_begin(fd, "ftruncate");
    off_t before = file ? length(fd) : 0;
    int failed = (int)raw(SYS_ftruncate, fd, size);
    if (file && failed) file_end(file, 0, 0);
    else if (file) file_end(file, size < before ? size : before, size < before ? before : size);
    return failed;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int truncate(const char *path, off_t size) {
    int fd = (int)raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    int failed = ftruncate(fd, size), kept = errno;
    raw(SYS_close, fd);
    errno = kept;
    return failed;
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

int fallocate(int fd, int mode, off_t at, off_t size) {
    if (fault_fd(FAULT_WRITE, fd)) return -1;
    node *file = file_begin(fd, "fallocate");
    if (file && mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        disk_refuse("this fallocate is not followed");
    int failed = (int)raw(SYS_fallocate, fd, mode, at, size);
    if (file) file_end(file, at, failed ? at : at + size);
    return failed;
}
int fallocate64(int fd, int mode, off64_t at, off64_t size) { return fallocate(fd, mode, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) {
    int kept = errno, failed = fallocate(fd, 0, at, size), why = failed ? errno : 0;
    errno = kept;
    return why;
}
int posix_fallocate64(int fd, off64_t at, off64_t size) { return posix_fallocate(fd, at, size); }

static int synced(int fd, long number, const char *call) {
    struct stat status;
    bool is_folder = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
    bool fails = fault_fd(is_folder ? FAULT_SYNC_FOLDER : FAULT_SYNC_FILE, fd);
    int why = errno;
    node *target = NULL;
    if (node_may_be(fd, &status)) {
        disk_lock();
        target = node_of(&status);
        if (target) disk_count(call);
        if (target && fails) node_sync_failed(target, fd);
        else if (target) node_sync(target, fd);
        disk_unlock();
    }
    if (!fails) return target ? 0 : (int)raw(number, fd);
    errno = why;
    return -1;
}
int fsync(int fd) { return synced(fd, SYS_fsync, "fsync"); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync, "fdatasync"); }

/* ---- reading: never part of the model ------------------------------------------------------------------------ */

ssize_t read(int fd, void *bytes, size_t count) {
    return fault_fd(FAULT_READ, fd) ? -1 : raw(SYS_read, fd, bytes, count);
}
ssize_t pread(int fd, void *bytes, size_t count, off_t at) {
    return fault_fd(FAULT_READ, fd) ? -1 : raw(SYS_pread64, fd, bytes, count, at);
}
ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) { return pread(fd, bytes, count, at); }

/* A fault here is a disk without room. */
int statvfs(const char *path, struct statvfs *room) {
    static int (*real)(const char *, struct statvfs *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "statvfs");
    int failed = real(path, room);
    if (!failed && fault_path(FAULT_SPACE, path)) room->f_bavail = room->f_bfree = 0;
    return failed;
}
int statvfs64(const char *path, struct statvfs64 *room) { return statvfs(path, (struct statvfs *)room); }

/* ---- names -------------------------------------------------------------------------------------------------- */

static int leave(int result) {
    int kept = errno;
    disk_unlock();
    errno = kept;
    return result;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    if (fault_path(FAULT_OPEN, path)) return -1;
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    if (!disk_on() || !(flags & (O_CREAT | O_TRUNC) || unnamed)) return (int)raw(SYS_openat, at, path, flags, mode);
    char leaf[NAME_MAX + 1];
    struct stat before, after;
    disk_lock();
    bool existed = fstatat(at, path, &before, 0) == 0;
    node *parent = unnamed ? (existed ? node_of(&before) : NULL) : node_parent(at, path, leaf);
    if (!parent) return leave((int)raw(SYS_openat, at, path, flags, mode));
    bool cuts = existed && flags & O_TRUNC && before.st_size > 0, makes = unnamed || (!existed && flags & O_CREAT);
    if (makes || cuts) disk_count(makes ? "open (create)" : "open (truncate)");
    int fd = (int)raw(SYS_openat, at, path, flags, mode);
    if (fd < 0) return leave(fd);
    if (makes && fstat(fd, &after) == 0) {
        node *made = node_new(&after);
        if (!unnamed) name_set(parent, leaf, made);
    } else if (cuts && node_of(&before)) {
        node_dirty(node_of(&before), 0, before.st_size);
    }
    return leave(fd);
}

static mode_t mode_of(int flags, va_list list) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return opened(AT_FDCWD, path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return opened(at, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return opened(at, path, flags, 0); }
int __openat64_2(int at, const char *path, int flags) { return opened(at, path, flags, 0); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int mkdirat(int at, const char *path, mode_t mode) {
    if (!disk_on()) return (int)raw(SYS_mkdirat, at, path, mode);
    char leaf[NAME_MAX + 1];
    struct stat status;
    disk_lock();
    node *parent = node_parent(at, path, leaf);
    if (parent) disk_count("mkdir");
    int failed = (int)raw(SYS_mkdirat, at, path, mode);
    if (parent && !failed) {
        if (fstatat(at, path, &status, AT_SYMLINK_NOFOLLOW) != 0) disk_refuse("a new folder is gone");
        name_set(parent, leaf, node_new(&status));
    }
    return leave(failed);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int at, const char *path, int flags) {
    if (fault_path(FAULT_REMOVE, path)) return -1;
    if (!disk_on()) return (int)raw(SYS_unlinkat, at, path, flags);
    char leaf[NAME_MAX + 1];
    disk_lock();
    node *parent = node_parent(at, path, leaf);
    if (parent) disk_count(flags & AT_REMOVEDIR ? "rmdir" : "unlink");
    int failed = (int)raw(SYS_unlinkat, at, path, flags);
    if (parent && !failed) name_drop(parent, leaf);
    return leave(failed);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int failed = unlink(path);
    return failed && (errno == EISDIR || errno == EPERM) ? rmdir(path) : failed;
}

int renameat2(int from, const char *old_path, int to, const char *new_path, unsigned flags) {
    if (fault_path(FAULT_RENAME, new_path)) return -1;
    if (!disk_on()) return (int)raw(SYS_renameat2, from, old_path, to, new_path, flags);
    char old_leaf[NAME_MAX + 1], new_leaf[NAME_MAX + 1];
    disk_lock();
    node *source = node_parent(from, old_path, old_leaf), *target = node_parent(to, new_path, new_leaf);
    if (!source != !target) disk_refuse("a rename across the edge of the disk is not followed");
    if (source && flags & ~RENAME_NOREPLACE) disk_refuse("this rename is not followed");
    if (source) disk_count("rename");
    int failed = (int)raw(SYS_renameat2, from, old_path, to, new_path, flags);
    if (source && !failed) {
        node *moved = name_find(source, old_leaf);
        if (!moved) disk_refuse("a renamed file is not known");
        if (name_find(target, new_leaf) != moved) { /* two names of one file: rename(2) does nothing */
            name_set(target, new_leaf, moved);
            name_drop(source, old_leaf);
        }
    }
    return leave(failed);
}
int renameat(int from, const char *old_path, int to, const char *new_path) {
    return renameat2(from, old_path, to, new_path, 0);
}
int rename(const char *old_path, const char *new_path) { return renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0); }

int linkat(int from, const char *old_path, int to, const char *new_path, int flags) {
    if (!disk_on()) return (int)raw(SYS_linkat, from, old_path, to, new_path, flags);
    char leaf[NAME_MAX + 1];
    struct stat status;
    disk_lock();
    node *parent = node_parent(to, new_path, leaf);
    if (parent) disk_count("link");
    int failed = (int)raw(SYS_linkat, from, old_path, to, new_path, flags);
    if (parent && !failed) {
        node *target = fstatat(to, new_path, &status, AT_SYMLINK_NOFOLLOW) == 0 ? node_of(&status) : NULL;
        if (!target) disk_refuse("a link across the edge of the disk is not followed");
        name_set(parent, leaf, target);
    }
    return leave(failed);
}
int link(const char *old_path, const char *new_path) { return linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0); }

int symlinkat(const char *text, int at, const char *path) {
    char leaf[NAME_MAX + 1];
    if (disk_on()) {
        disk_lock();
        if (node_parent(at, path, leaf)) disk_refuse("symbolic links are not followed");
        disk_unlock();
    }
    return (int)raw(SYS_symlinkat, text, at, path);
}
int symlink(const char *text, const char *path) { return symlinkat(text, AT_FDCWD, path); }

/* ---- libc's own way around libc: std and rustix use it for calls that an older libc lacks -------------------- */

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long),
         e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    switch (disk_on() ? number : -1) {
    case SYS_write: return write((int)a, (const void *)b, (size_t)c);
    case SYS_writev: return writev((int)a, (const struct iovec *)b, (int)c);
    case SYS_pwrite64: return pwrite((int)a, (const void *)b, (size_t)c, d);
    case SYS_pwritev: return pwritev((int)a, (const struct iovec *)b, (int)c, d);
    case SYS_pwritev2: return pwritev2((int)a, (const struct iovec *)b, (int)c, d, (int)f);
    case SYS_copy_file_range:
        return copy_file_range((int)a, (off64_t *)b, (int)c, (off64_t *)d, (size_t)e, (unsigned)f);
    case SYS_sendfile: return sendfile((int)a, (int)b, (off_t *)c, (size_t)d);
    case SYS_splice: return splice((int)a, (off64_t *)b, (int)c, (off64_t *)d, (size_t)e, (unsigned)f);
    case SYS_ftruncate: return ftruncate((int)a, b);
    case SYS_truncate: return truncate((const char *)a, b);
    case SYS_fallocate: return fallocate((int)a, (int)b, c, d);
    case SYS_fsync: return fsync((int)a);
    case SYS_fdatasync: return fdatasync((int)a);
    case SYS_open: return opened(AT_FDCWD, (const char *)a, (int)b, (mode_t)c);
    case SYS_openat: return opened((int)a, (const char *)b, (int)c, (mode_t)d);
    case SYS_openat2: {
        const struct open_how *how = (const struct open_how *)c;
        if (how->flags & (O_CREAT | O_TRUNC)) disk_refuse("openat2 that makes or cuts a file is not followed");
        break;
    }
    case SYS_creat: return creat((const char *)a, (mode_t)b);
    case SYS_mkdir: return mkdir((const char *)a, (mode_t)b);
    case SYS_mkdirat: return mkdirat((int)a, (const char *)b, (mode_t)c);
    case SYS_unlink: return unlink((const char *)a);
    case SYS_rmdir: return rmdir((const char *)a);
    case SYS_unlinkat: return unlinkat((int)a, (const char *)b, (int)c);
    case SYS_rename: return rename((const char *)a, (const char *)b);
    case SYS_renameat: return renameat((int)a, (const char *)b, (int)c, (const char *)d);
    case SYS_renameat2: return renameat2((int)a, (const char *)b, (int)c, (const char *)d, (unsigned)e);
    case SYS_link: return link((const char *)a, (const char *)b);
    case SYS_linkat: return linkat((int)a, (const char *)b, (int)c, (const char *)d, (int)e);
    case SYS_symlink: return symlink((const char *)a, (const char *)b);
    case SYS_symlinkat: return symlinkat((const char *)a, (int)b, (const char *)c);
    case SYS_io_uring_setup: errno = ENOSYS; return -1;
    default: break;
    }
    return raw(number, a, b, c, d, e, f);
}
