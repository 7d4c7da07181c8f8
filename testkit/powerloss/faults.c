#define _GNU_SOURCE
#include "faults.h"
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* As testkit/src/faults.rs writes it. */
typedef struct {
    uint32_t on, calls;
    int32_t error;       /* 0: the call is made, only later */
    uint32_t delay_ms;
    int64_t left;        /* calls that it may still befall; negative: until it is lifted */
    uint64_t hits;
    uint32_t halves;     /* so many writes are made by half before one fails */
    uint32_t reserved;
    char path[88];       /* a part of the path; its end if a '$' stands behind it */
} slot;

enum { SLOTS = 8 };
_Static_assert(sizeof(slot) == 128, "the layout is shared with the test");

static slot *slots;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("ACRE_SHIM_FAULTS");
    if (!path) return;
    int fd = (int)raw(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, SLOTS * sizeof(slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) disk_refuse("ACRE_SHIM_FAULTS cannot be shared");
    raw(SYS_close, fd);
    slots = map;
    unsetenv("ACRE_SHIM_FAULTS");
    unsetenv("LD_PRELOAD");
}

static bool is_on(const slot *each, unsigned call) {
    return __atomic_load_n(&each->on, __ATOMIC_ACQUIRE) && each->calls & call;
}

static bool matches(const slot *each, const char *path) {
    size_t length = strnlen(each->path, sizeof each->path), end = strlen(path);
    if (length == 0 || length == sizeof each->path || each->path[length - 1] != '$') return strstr(path, each->path);
    return end >= length - 1 && !memcmp(path + end - (length - 1), each->path, length - 1);
}

/* Whether it still befalls a call; this one is counted. */
static bool take(slot *each) {
    for (int64_t left = __atomic_load_n(&each->left, __ATOMIC_ACQUIRE); left >= 0;) {
        if (left == 0) return false;
        if (__atomic_compare_exchange_n(&each->left, &left, left - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) break;
    }
    __atomic_fetch_add(&each->hits, 1, __ATOMIC_ACQ_REL);
    return true;
}

static bool befalls(unsigned call, const char *path, size_t *count) {
    for (slot *each = slots; each < slots + SLOTS; each++) {
        if (!is_on(each, call) || !matches(each, path) || !take(each)) continue;
        if (each->delay_ms) {
            struct timespec pause = { .tv_sec = each->delay_ms / 1000, .tv_nsec = each->delay_ms % 1000 * 1000000L };
            nanosleep(&pause, NULL);
        }
        if (count && *count > 1 && each->halves) {
            each->halves--;
            *count /= 2;
            return false;
        }
        if (each->error) {
            errno = each->error;
            return true;
        }
    }
    return false;
}

static bool any(unsigned call) {
    for (const slot *each = slots; slots && each < slots + SLOTS; each++)
        if (is_on(each, call)) return true;
    return false;
}

static bool befalls_fd(unsigned call, int fd, size_t *count) {
    if (!any(call)) return false;
    char link[32], path[PATH_MAX];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = raw(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return false;
    path[length] = 0;
    return befalls(call, path, count);
}

bool fault_fd(unsigned call, int fd) { return befalls_fd(call, fd, NULL); }
bool fault_write(int fd, size_t *count) { return befalls_fd(FAULT_WRITE, fd, count); }
bool fault_path(unsigned call, const char *path) { return any(call) && befalls(call, path, NULL); }
