// A process that is cut off from some ports: nothing it sends there arrives, nothing that comes from there reaches it,
// and neither side is notified. The ports are in the file CUT_DIRECTORY/<process id>, which may come and go while the
// process runs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PORTS 64
#define LOOK_NS 20000000L

static const char *directory;
static int ports[PORTS];
static int count;
static long looked;

static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_readv)(int, const struct iovec *, int);
static ssize_t (*real_recv)(int, void *, size_t, int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);

static void begin(void) {
    directory = getenv("CUT_DIRECTORY");
    real_read = dlsym(RTLD_NEXT, "read");
    real_readv = dlsym(RTLD_NEXT, "readv");
    real_recv = dlsym(RTLD_NEXT, "recv");
    real_write = dlsym(RTLD_NEXT, "write");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_send = dlsym(RTLD_NEXT, "send");
    real_connect = dlsym(RTLD_NEXT, "connect");
}

// Whether anything is cut; the file is read a few times a second.
static int any(void) {
    struct timespec now;
    if (!directory) return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long at = now.tv_sec * 1000000000L + now.tv_nsec;
    long last = __atomic_load_n(&looked, __ATOMIC_RELAXED);
    // One thread reads it, all others use what is known.
    if (at - last < LOOK_NS || !__atomic_compare_exchange_n(&looked, &last, at, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    char path[4096], text[1024];
    snprintf(path, sizeof path, "%s/%d", directory, getpid());
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        __atomic_store_n(&count, 0, __ATOMIC_RELEASE);
        return 0;
    }
    ssize_t length = real_read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    int found = 0;
    for (char *rest = text, *end; found < PORTS; rest = end) {
        long port = strtol(rest, &end, 10);
        if (end == rest) break;
        ports[found++] = (int)port;
    }
    __atomic_store_n(&count, found, __ATOMIC_RELEASE);
    return found;
}

static int is_cut(const struct sockaddr_storage *address, int known) {
    if (address->ss_family != AF_INET && address->ss_family != AF_INET6) return 0;
    // The port is at the same offset in both.
    int port = ntohs(((const struct sockaddr_in *)address)->sin_port);
    for (int i = 0; i < known; i++)
        if (ports[i] == port) return 1;
    return 0;
}

// Whether this is a connection to or from a port that is cut off.
static int cut(int fd) {
    // Other libraries may read before a constructor of ours would run.
    if (!real_connect) begin();
    int saved = errno, known = any(), answer = 0;
    if (known) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        if (!getpeername(fd, (struct sockaddr *)&address, &length)) {
            answer = is_cut(&address, known);
            length = sizeof address;
            if (!answer && !getsockname(fd, (struct sockaddr *)&address, &length)) answer = is_cut(&address, known);
        }
    }
    errno = saved;
    return answer;
}

// Drops everything that has arrived. Blocking calls wait here until the connection is restored; others get nothing.
static int lost(int fd) {
    char buffer[4096];
    for (;;) {
        ssize_t got;
        while ((got = real_recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        }
        int over = got == 0 || (errno != EAGAIN && errno != EINTR);
        int waits = !(fcntl(fd, F_GETFL) & O_NONBLOCK);
        // The other side may have given up; that would not arrive either, and a selector would ask again at once.
        if (over || waits) usleep(50000);
        if (!waits) break;
        if (!cut(fd)) return 0;
    }
    errno = EAGAIN;
    return -1;
}

static ssize_t length_of(const struct iovec *parts, int number) {
    ssize_t all = 0;
    for (int i = 0; i < number; i++) all += (ssize_t)parts[i].iov_len;
    return all;
}

ssize_t read(int fd, void *buffer, size_t length) {
    if (cut(fd) && lost(fd)) return -1;
    return real_read(fd, buffer, length);
}

ssize_t readv(int fd, const struct iovec *parts, int number) {
    if (cut(fd) && lost(fd)) return -1;
    return real_readv(fd, parts, number);
}

ssize_t recv(int fd, void *buffer, size_t length, int flags) {
    if (cut(fd) && lost(fd)) return -1;
    return real_recv(fd, buffer, length, flags);
}

ssize_t write(int fd, const void *buffer, size_t length) {
    return cut(fd) ? (ssize_t)length : real_write(fd, buffer, length);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    return cut(fd) ? length_of(parts, number) : real_writev(fd, parts, number);
}

ssize_t send(int fd, const void *buffer, size_t length, int flags) {
    return cut(fd) ? (ssize_t)length : real_send(fd, buffer, length, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    if (!real_connect) begin();
    int known = any();
    struct sockaddr_storage copy = {0};
    memcpy(&copy, address, length < sizeof copy ? length : sizeof copy);
    if (known && is_cut(&copy, known)) {
        errno = EHOSTUNREACH;
        return -1;
    }
    return real_connect(fd, address, length);
}
