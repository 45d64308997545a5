// Stands between the server and the file system: loaded with LD_PRELOAD, it counts the calls below one folder and makes
// the Nth of them fail, kills the process just before it, or holds it there until the test has looked at what is on the
// disk. SQLite's files go through it like all others.
//
// FAULT_ROOT     the folder, as an absolute path without links
// FAULT_CONTROL  a file that holds a `struct control`; the test writes and reads it while the server runs
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum class { OPEN, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, ALLOCATE, MAKE_FOLDER, READ, CREATE, CLASSES };

static const char *const class_names[CLASSES] = {
    "open", "write", "sync", "rename", "unlink", "truncate", "allocate", "mkdir", "read", "create"};

enum mode { COUNT, FAIL, KILL, HANG_UP, HOLD };
enum files { ALL, CATALOG, STORE };

// The layout is known to FaultShim.swift: 24 numbers of 32 bits, then texts of 64 and 256 bytes.
struct control {
    int32_t mode;
    int32_t classes;        // bit set of what is counted
    int32_t files;          // enum files
    int32_t nth;            // the first that fails, from 1
    int32_t times;          // how many fail
    int32_t skips_sync;     // a sync answers success and does nothing
    int32_t error[CLASSES]; // what each class fails with
    int32_t count;          // operations counted since the test set this to 0
    int32_t fired;          // operations that failed
    int32_t syncs;          // syncs that were passed on
    int32_t repeated_syncs; // syncs of a regular file after one of that file failed
    int32_t held;           // operations that have stopped before they began
    int32_t let_go;         // how many of them may go on
    int32_t unused[2];
    char pattern[64];       // a part of the path, its end where a $ follows, or empty for all
    char victim[256];       // what failed last
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct { dev_t device; ino_t inode; } failed_syncs[64];
static int failed_sync_count;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("FAULT_ROOT"), *file = getenv("FAULT_CONTROL");
    if (!folder || !file) return;
    int descriptor = open(file, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (shared == MAP_FAILED) return;
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    control = shared;
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int path_at(int folder, const char *name, char *path) {
    if (name[0] == '/' || folder == AT_FDCWD) {
        snprintf(path, PATH_MAX, "%s", name);
        return 1;
    }
    char base[PATH_MAX];
    if (!path_of(folder, base)) return 0;
    if ((size_t)snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    return 1;
}

static int is_counted(enum class class, const char *path) {
    if (!control || !(control->classes & (1 << class))) return 0;
    if (strncmp(path, root, root_length) != 0 || (path[root_length] != '/' && path[root_length] != 0)) return 0;
    int is_catalog = strncmp(path + root_length, "/berth.db", 9) == 0;
    if (control->files == CATALOG && !is_catalog) return 0;
    if (control->files == STORE && is_catalog) return 0;
    size_t length = strnlen(control->pattern, sizeof control->pattern), own = strlen(path);
    if (length == 0) return 1;
    if (control->pattern[length - 1] != '$') return strstr(path + root_length, control->pattern) != NULL;
    return own >= --length && memcmp(path + own - length, control->pattern, length) == 0;
}

// Stands still until the test says go on, and with it every other operation that is counted.
static void hold(void) {
    int ticket = __atomic_add_fetch(&control->held, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&control->mode, __ATOMIC_SEQ_CST) == HOLD
           && __atomic_load_n(&control->let_go, __ATOMIC_SEQ_CST) < ticket)
        usleep(100);
}

// 0, or what the operation has to fail with. Does not return from a kill.
static int fault(enum class class, const char *path) {
    if (!is_counted(class, path)) return 0;
    pthread_mutex_lock(&lock);
    int number = ++control->count, error = 0;
    if (control->mode != COUNT && number >= control->nth && number - control->nth < control->times) {
        control->fired++;
        snprintf(control->victim, sizeof control->victim, "%s %s", class_names[class], path + root_length);
        if (control->mode == KILL) {
            kill(getpid(), SIGKILL);
            for (;;) pause();
        }
        if (control->mode == HANG_UP) kill(getpid(), SIGHUP);
        else if (control->mode == HOLD) hold();
        else error = control->error[class];
    }
    pthread_mutex_unlock(&lock);
    return error;
}

static int fault_of(enum class class, int descriptor) {
    if (!control) return 0;
    int before = errno;
    char path[PATH_MAX];
    int error = path_of(descriptor, path) ? fault(class, path) : 0;
    errno = before;
    return error;
}

static int fault_at(enum class class, int folder, const char *name) {
    if (!control) return 0;
    int before = errno;
    char path[PATH_MAX];
    int error = path_at(folder, name, path) ? fault(class, path) : 0;
    errno = before;
    return error;
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

#define NEXT(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = next(name)

#define FAILS(error) \
    do { int code = (error); if (code) { errno = code; return -1; } } while (0)

// Opening

static int mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, int) : 0;
}

// An inode number that is used anew belongs to another file.
static void forget_if_new(int descriptor, int flags) {
    struct stat status;
    if (descriptor < 0 || !(flags & O_CREAT) || fstat(descriptor, &status) != 0 || status.st_size != 0) return;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < failed_sync_count; i++)
        if (failed_syncs[i].inode == status.st_ino && failed_syncs[i].device == status.st_dev)
            failed_syncs[i] = failed_syncs[--failed_sync_count];
    pthread_mutex_unlock(&lock);
}

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        NEXT(int, #name, const char *, int, ...); \
        va_list arguments; \
        va_start(arguments, flags); \
        int mode = mode_of(flags, arguments); \
        va_end(arguments); \
        FAILS(fault_at(flags & O_CREAT ? CREATE : OPEN, AT_FDCWD, path)); \
        int descriptor = real(path, flags, mode); \
        if (control) forget_if_new(descriptor, flags); \
        return descriptor; \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        NEXT(int, #name, int, const char *, int, ...); \
        va_list arguments; \
        va_start(arguments, flags); \
        int mode = mode_of(flags, arguments); \
        va_end(arguments); \
        FAILS(fault_at(flags & O_CREAT ? CREATE : OPEN, folder, path)); \
        int descriptor = real(folder, path, flags, mode); \
        if (control) forget_if_new(descriptor, flags); \
        return descriptor; \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

// Reading and writing

ssize_t write(int descriptor, const void *bytes, size_t count) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    FAILS(fault_of(WRITE, descriptor));
    return real(descriptor, bytes, count);
}

#define WRITING_AT(name, offset_type) \
    ssize_t name(int descriptor, const void *bytes, size_t count, offset_type offset) { \
        NEXT(ssize_t, #name, int, const void *, size_t, offset_type); \
        FAILS(fault_of(WRITE, descriptor)); \
        return real(descriptor, bytes, count, offset); \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

#define WRITING_VECTOR(name, offset_type) \
    ssize_t name(int descriptor, const struct iovec *pieces, int count, offset_type offset) { \
        NEXT(ssize_t, #name, int, const struct iovec *, int, offset_type); \
        FAILS(fault_of(WRITE, descriptor)); \
        return real(descriptor, pieces, count, offset); \
    }
WRITING_VECTOR(pwritev, off_t)
WRITING_VECTOR(pwritev64, off64_t)

#define READING_AT(name, offset_type) \
    ssize_t name(int descriptor, void *bytes, size_t count, offset_type offset) { \
        NEXT(ssize_t, #name, int, void *, size_t, offset_type); \
        FAILS(fault_of(READ, descriptor)); \
        return real(descriptor, bytes, count, offset); \
    }
READING_AT(pread, off_t)
READING_AT(pread64, off64_t)

// openat2 by its number: never from memory, so that whatever opens a file comes by openat and can fail there.
long syscall(long number, ...) {
    va_list arguments;
    va_start(arguments, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_openat2) {
        errno = EAGAIN;
        return -1;
    }
    long (*call)(long, ...) = next("syscall");
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// Syncing

static int sync_fault(int descriptor) {
    struct stat status;
    int error = fault_of(SYNC, descriptor);
    if (!control || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return error;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < failed_sync_count; i++) {
        if (failed_syncs[i].inode != status.st_ino || failed_syncs[i].device != status.st_dev) continue;
        control->repeated_syncs++;
        char path[PATH_MAX];
        if (path_of(descriptor, path)) snprintf(control->victim, sizeof control->victim, "again: sync %.200s", path);
    }
    if (error && failed_sync_count < 64) {
        failed_syncs[failed_sync_count].device = status.st_dev;
        failed_syncs[failed_sync_count++].inode = status.st_ino;
    }
    if (!error) control->syncs++;
    pthread_mutex_unlock(&lock);
    return error;
}

#define SYNCING(name) \
    int name(int descriptor) { \
        NEXT(int, #name, int); \
        FAILS(sync_fault(descriptor)); \
        return control && control->skips_sync ? 0 : real(descriptor); \
    }
SYNCING(fsync)
SYNCING(fdatasync)
SYNCING(syncfs)

int sync_file_range(int descriptor, off64_t offset, off64_t count, unsigned flags) {
    NEXT(int, "sync_file_range", int, off64_t, off64_t, unsigned);
    return control && control->skips_sync ? 0 : real(descriptor, offset, count, flags);
}

// Names

int rename(const char *old, const char *new) {
    NEXT(int, "rename", const char *, const char *);
    FAILS(fault_at(RENAME, AT_FDCWD, new));
    return real(old, new);
}

int renameat(int old_folder, const char *old, int new_folder, const char *new) {
    NEXT(int, "renameat", int, const char *, int, const char *);
    FAILS(fault_at(RENAME, new_folder, new));
    return real(old_folder, old, new_folder, new);
}

int renameat2(int old_folder, const char *old, int new_folder, const char *new, unsigned flags) {
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
    FAILS(fault_at(RENAME, new_folder, new));
    return real(old_folder, old, new_folder, new, flags);
}

int unlink(const char *path) {
    NEXT(int, "unlink", const char *);
    FAILS(fault_at(UNLINK, AT_FDCWD, path));
    return real(path);
}

int unlinkat(int folder, const char *name, int flags) {
    NEXT(int, "unlinkat", int, const char *, int);
    FAILS(fault_at(UNLINK, folder, name));
    return real(folder, name, flags);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, "mkdir", const char *, mode_t);
    FAILS(fault_at(MAKE_FOLDER, AT_FDCWD, path));
    return real(path, mode);
}

int mkdirat(int folder, const char *name, mode_t mode) {
    NEXT(int, "mkdirat", int, const char *, mode_t);
    FAILS(fault_at(MAKE_FOLDER, folder, name));
    return real(folder, name, mode);
}

// Sizes

#define TRUNCATING(name, size_type) \
    int name(int descriptor, size_type size) { \
        NEXT(int, #name, int, size_type); \
        FAILS(fault_of(TRUNCATE, descriptor)); \
        return real(descriptor, size); \
    }
TRUNCATING(ftruncate, off_t)
TRUNCATING(ftruncate64, off64_t)

#define ALLOCATING(name, size_type) \
    int name(int descriptor, size_type offset, size_type size) { \
        NEXT(int, #name, int, size_type, size_type); \
        int error = fault_of(ALLOCATE, descriptor); \
        return error ? error : real(descriptor, offset, size); \
    }
ALLOCATING(posix_fallocate, off_t)
ALLOCATING(posix_fallocate64, off64_t)
