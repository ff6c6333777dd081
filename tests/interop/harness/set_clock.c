// A system clock that somebody sets: CLOCK_REALTIME is off by the seconds that a file says, for the program alone that this
// is loaded into. No other clock is touched, and no other program.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    int (*system)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int done = system(clock, at);
    const char *path = getenv("CENTRALA_TEST_CLOCK");
    int file = clock == CLOCK_REALTIME && path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        char text[32] = {0};
        if (read(file, text, sizeof text - 1) > 0)
            at->tv_sec += atoll(text);
        close(file);
    }
    return done;
}
