#define _GNU_SOURCE
/* What a repair takes, whoever makes it: edits one column of one row again and again, and measures from the reply to
 * the edit to the notification, on a connection of its own, that the column has its value back. Between a repair and
 * the next edit it waits for a moment, so that each edit finds everybody at rest. Prints microseconds as a JSON object,
 * `all` of them in order.
 *
 *     edits SOCKET COUNT PAUSE_US TABLE UUID COLUMN EDITED VALUE */
#include "session.h"

#include <poll.h>
#include <time.h>

enum { PATIENCE_MS = 10000, WARM_UP = 10 };

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int count = argc == 9 ? atoi(argv[2]) : 0;
    if (count <= 0) {
        fprintf(stderr, "usage: edits SOCKET COUNT PAUSE_US TABLE UUID COLUMN EDITED VALUE\n");
        return 64;
    }
    useconds_t pause = (useconds_t) atoi(argv[3]);
    const char *table = argv[4], *row = argv[5], *value = argv[8];
    char *edit = update_request(table, row, argv[6], argv[7]), *requests, *column;
    if (asprintf(&requests, "{\"%s\":[{\"columns\":[\"%s\"]}]}", table, argv[6]) < 0) die("asprintf");
    if (asprintf(&column, "\"%s\":", argv[6]) < 0) die("asprintf");
    struct session editor = session_open(argv[1]), watcher = session_open(argv[1]);
    session_monitor(&watcher, requests);

    double *samples = calloc((size_t) count, sizeof *samples);
    if (!samples) die("calloc");
    for (int number = -WARM_UP; number < count; number++) {
        double replied = 0, restored = 0;
        const char *message;
        size_t length;
        session_send(&editor, edit, strlen(edit));
        while (!replied || !restored) {
            struct pollfd fds[] = {{editor.fd, POLLIN, 0}, {watcher.fd, POLLIN, 0}};
            int ready = poll(fds, 2, PATIENCE_MS);
            if (ready < 0 && errno != EINTR) die("poll");
            if (ready == 0) fail(replied ? "not undone in time" : "not answered in time", edit, strlen(edit));
            if (fds[0].revents) {
                session_read(&editor);
                while ((message = session_next(&editor, &length))) {
                    if (answered_probe(&editor, message, length)) continue;
                    if (!holds(message, length, "\"error\":null")) fail("edit", message, length);
                    replied = now_us();
                }
            }
            if (fds[1].revents) {
                session_read(&watcher);
                double now = now_us();
                while ((message = session_next(&watcher, &length))) {
                    if (answered_probe(&watcher, message, length)) continue;
                    if (holds(message, length, row) && holds(message, length, column) && holds(message, length, value))
                        restored = now;
                }
            }
        }
        if (number >= 0) samples[number] = restored - replied;
        if (pause) usleep(pause);
    }
    printf("{\"all\": [");
    for (int i = 0; i < count; i++) printf("%s%.1f", i ? ", " : "", samples[i]);
    qsort(samples, (size_t) count, sizeof *samples, compare);
    printf("], \"p50_us\": %.2f, \"p99_us\": %.2f}\n", samples[count / 2], samples[(long) count * 99 / 100]);
    return 0;
}
