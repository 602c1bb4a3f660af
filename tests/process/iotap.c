/* What a process does to the files below one folder: written down, or made to fail.
 *
 * Loaded with LD_PRELOAD. TAP_ROOT names the folder, TAP_LOG the file of records, TAP_FAULT what
 * fails (see `parse_fault`). A record is: op, length of the path, length of the second path, offset,
 * size, the paths, the data. Ops: c create, w write, t truncate, s sync, r rename, u unlink.
 * SQLite's -shm files are shared memory and gone after a power cut: they fail, but leave no record.
 * A file named "ack" is where the process tells what it promised: it is recorded and never fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 4096
#define PATH_BYTES 512
#define REAL(name) \
    static typeof(&name) real; \
    if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name)

struct __attribute__((packed)) record {
    char op;
    uint16_t path_bytes, path2_bytes;
    int64_t offset;
    uint32_t size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ready, log_fd = -1;
static const char *root;
static size_t root_bytes;
static char paths[FILES][PATH_BYTES];

static char fault_kind[16];
static long fault_at = -1, fault_count = 1, writes = -1, changes = -1, syncs = -1;
static char fault_flag[PATH_BYTES];

static ssize_t plain_write(int fd, const void *data, size_t size)
{
    REAL(write);
    return real(fd, data, size);
}

/* full:K writes from K on find no space; gap:K:N only N of them; while:PATH as long as PATH exists;
 * eio:K and short:K once; sync:K the Kth sync fails once; die:K the process ends before change K. */
static void parse_fault(const char *text)
{
    if (!text) return;
    if (!strncmp(text, "while:", 6)) {
        strcpy(fault_kind, "while");
        strncpy(fault_flag, text + 6, PATH_BYTES - 1);
        return;
    }
    sscanf(text, "%15[a-z]:%ld:%ld", fault_kind, &fault_at, &fault_count);
}

static void prepare(void)
{
    if (ready) return;
    ready = 1;
    root = getenv("TAP_ROOT");
    root_bytes = root ? strlen(root) : 0;
    parse_fault(getenv("TAP_FAULT"));
    const char *name = getenv("TAP_LOG");
    if (!root || !name) return;
    static int (*real)(const char *, int, ...);
    real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    log_fd = real(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

/* Begin to harm what lies below `folder`, from this call on; for a process forked from a warm one. */
void tap_arm(const char *folder, const char *fault)
{
    prepare();
    root = strdup(folder);
    root_bytes = strlen(root);
    parse_fault(fault);
}

static int is_ours(const char *path)
{
    prepare();
    return root && path && !strncmp(path, root, root_bytes);
}

static const char *ours(int fd)
{
    return fd >= 0 && fd < FILES && paths[fd][0] ? paths[fd] : NULL;
}

static int ends_with(const char *path, const char *end)
{
    size_t size = strlen(path), want = strlen(end);
    return size >= want && !strcmp(path + size - want, end);
}

static void note(char op, const char *path, int64_t offset, const void *data, size_t size,
                 const char *path2)
{
    if (log_fd < 0 || ends_with(path, "-shm")) return;
    struct record head = {op, strlen(path), path2 ? strlen(path2) : 0, offset, size};
    char buffer[sizeof head + 2 * PATH_BYTES];
    size_t used = sizeof head;
    memcpy(buffer, &head, used);
    memcpy(buffer + used, path, head.path_bytes);
    used += head.path_bytes;
    if (path2) memcpy(buffer + used, path2, head.path2_bytes);
    used += head.path2_bytes;
    pthread_mutex_lock(&lock);
    if (plain_write(log_fd, buffer, used) < 0) abort();
    if (size && plain_write(log_fd, data, size) < 0) abort();
    pthread_mutex_unlock(&lock);
}

static void maybe_die(const char *path)
{
    if (ends_with(path, "/ack")) return;
    if (__sync_add_and_fetch(&changes, 1) == fault_at && !strcmp(fault_kind, "die")) _exit(137);
}

/* Returns an error number, or 0; shortens *size for a short write. */
static int fault_of_write(const char *path, size_t *size)
{
    if (ends_with(path, "/ack")) return 0;
    maybe_die(path);
    if (!strcmp(fault_kind, "while")) return access(fault_flag, F_OK) ? 0 : ENOSPC;
    long number = __sync_add_and_fetch(&writes, 1);
    if (fault_at < 0 || number < fault_at) return 0;
    if (!strcmp(fault_kind, "full")) return ENOSPC;
    if (!strcmp(fault_kind, "gap")) return number < fault_at + fault_count ? ENOSPC : 0;
    if (number > fault_at) return 0;
    if (!strcmp(fault_kind, "eio")) return EIO;
    if (!strcmp(fault_kind, "short") && *size > 1) *size /= 2;
    return 0;
}

static int fault_of_sync(const char *path)
{
    maybe_die(path);
    return !strcmp(fault_kind, "sync") && __sync_add_and_fetch(&syncs, 1) == fault_at ? EIO : 0;
}

static int opened(int fd, const char *path, int flags, int existed)
{
    if (fd < 0 || fd >= FILES) return fd;
    paths[fd][0] = 0;
    if (!is_ours(path)) return fd;
    strncpy(paths[fd], path, PATH_BYTES - 1);
    if ((flags & O_CREAT) && !existed) note('c', path, 0, NULL, 0, NULL);
    if ((flags & O_TRUNC) && existed) note('t', path, 0, NULL, 0, NULL);
    return fd;
}

static int open_any(int (*real)(const char *, int, ...), const char *path, int flags, int mode)
{
    int existed = 1;
    if (is_ours(path) && (flags & O_CREAT)) {
        existed = !access(path, F_OK);
        size_t size = 0;
        int error = existed ? 0 : fault_of_write(path, &size);
        if (error) {
            errno = error;
            return -1;
        }
    }
    return opened(real(path, flags, mode), path, flags, existed);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        int mode = flags & O_CREAT ? va_arg(rest, int) : 0; \
        va_end(rest); \
        return open_any((int (*)(const char *, int, ...))real, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *data, size_t size)
{
    const char *path = ours(fd);
    if (!path) return plain_write(fd, data, size);
    int error = fault_of_write(path, &size);
    if (error) {
        errno = error;
        return -1;
    }
    off_t offset = lseek(fd, 0, SEEK_CUR);
    struct stat state;
    if ((fcntl(fd, F_GETFL) & O_APPEND) && !fstat(fd, &state)) offset = state.st_size;
    ssize_t done = plain_write(fd, data, size);
    if (done > 0) note('w', path, offset, data, done, NULL);
    return done;
}

#define PWRITE(name, offset_type) \
    ssize_t name(int fd, const void *data, size_t size, offset_type offset) \
    { \
        REAL(name); \
        const char *path = ours(fd); \
        int error = path ? fault_of_write(path, &size) : 0; \
        if (error) { \
            errno = error; \
            return -1; \
        } \
        ssize_t done = real(fd, data, size, offset); \
        if (path && done > 0) note('w', path, offset, data, done, NULL); \
        return done; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type) \
    int name(int fd, offset_type size) \
    { \
        REAL(name); \
        const char *path = ours(fd); \
        if (path) maybe_die(path); \
        int result = real(fd, size); \
        if (path && !result) note('t', path, size, NULL, 0, NULL); \
        return result; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int fd) \
    { \
        REAL(name); \
        const char *path = ours(fd); \
        int error = path ? fault_of_sync(path) : 0; \
        if (error) { \
            errno = error; \
            return -1; \
        } \
        int result = real(fd); \
        if (path && !result) note('s', path, 0, NULL, 0, NULL); \
        return result; \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path)
{
    REAL(unlink);
    if (is_ours(path)) maybe_die(path);
    int result = real(path);
    if (!result && is_ours(path)) note('u', path, 0, NULL, 0, NULL);
    return result;
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (is_ours(to)) maybe_die(to);
    int result = real(from, to);
    if (!result && is_ours(to)) note('r', from, 0, NULL, 0, to);
    return result;
}

int link(const char *from, const char *to)
{
    REAL(link);
    if (is_ours(to)) maybe_die(to);
    int result = real(from, to);
    if (!result && is_ours(to)) note('l', from, 0, NULL, 0, to);
    return result;
}

int close(int fd)
{
    REAL(close);
    if (fd >= 0 && fd < FILES) paths[fd][0] = 0;
    return real(fd);
}
