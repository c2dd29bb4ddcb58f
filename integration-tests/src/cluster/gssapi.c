// A host without Kerberos, for processes started with this library in LD_PRELOAD: the library of GSSAPI is not found.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
    static void *(*real)(const char *, int);
    if (!real) real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return real(name && strstr(name, "gssapi") ? "libgssapi_missing.so" : name, flags);
}
