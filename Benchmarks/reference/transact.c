#define _GNU_SOURCE
/* The floor for a round trip: empty transactions one after another over a non-blocking socket and epoll, each reply
 * read to its end by the braces' balance and looked at no further than that it answers without an error. Prints
 * microseconds as a JSON object. It needs to answer no probe: the server probes after 5 s of silence only.
 *
 *     transact SOCKET COUNT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 200 };

static char reply[1 << 16];

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static void wait_for(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) die("epoll_ctl");
}

static void await(int epoll)
{
    struct epoll_event event;
    int count;
    do count = epoll_wait(epoll, &event, 1, -1);
    while (count < 0 && errno == EINTR);
    if (count < 0) die("epoll_wait");
}

/* The socket is watched for reading; only a full one is watched for writing, and only while it is full. */
static void send_all(int epoll, int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, bytes, length);
        if (count >= 0) {
            bytes += count;
            length -= (size_t) count;
        } else if (errno == EAGAIN) {
            wait_for(epoll, fd, EPOLLOUT);
            await(epoll);
            wait_for(epoll, fd, EPOLLIN);
        } else if (errno != EINTR) {
            die("write");
        }
    }
}

/* Reads one JSON object; gives its length. Nothing follows it, since one request is in flight. */
static size_t receive(int epoll, int fd)
{
    size_t length = 0;
    int depth = 0, in_string = 0, escaped = 0;
    for (;;) {
        await(epoll);
        ssize_t count = read(fd, reply + length, sizeof reply - length);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count < 0) die("read");
        if (count == 0) {
            fprintf(stderr, "closed, or a reply of more than %zu bytes\n", sizeof reply);
            exit(1);
        }
        for (size_t i = length; i < length + (size_t) count; i++) {
            char c = reply[i];
            if (in_string) {
                if (escaped) escaped = 0;
                else if (c == '\\') escaped = 1;
                else if (c == '"') in_string = 0;
            } else if (c == '"') in_string = 1;
            else if (c == '{' || c == '[') depth++;
            else if ((c == '}' || c == ']') && --depth == 0) return i + 1;
        }
        length += (size_t) count;
    }
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[2]) : 0;
    if (count <= 0) {
        fprintf(stderr, "usage: transact SOCKET COUNT\n");
        return 64;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) != 0) die(argv[1]);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) die("fcntl");
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll");

    double *samples = calloc((size_t) count, sizeof *samples);
    if (!samples) die("calloc");
    for (int number = -WARM_UP; number < count; number++) {
        double started = now_us();
        char request[256], id[32];
        int length = snprintf(request, sizeof request,
                              "{\"id\":%d,\"method\":\"transact\",\"params\":[\"Open_vSwitch\","
                              "{\"op\":\"comment\",\"comment\":\"\"}]}", number);
        send_all(epoll, fd, request, (size_t) length);
        size_t received = receive(epoll, fd);
        if (number >= 0) samples[number] = now_us() - started;
        int id_length = snprintf(id, sizeof id, "\"id\":%d", number);
        if (!memmem(reply, received, id, (size_t) id_length) || !memmem(reply, received, "\"error\":null", 12)) {
            fprintf(stderr, "not the reply to request %d: %.*s\n", number, (int) received, reply);
            return 1;
        }
    }
    qsort(samples, (size_t) count, sizeof *samples, compare);
    printf("{\"p50_us\": %.2f, \"p99_us\": %.2f}\n", samples[count / 2], samples[(long) count * 99 / 100]);
    return 0;
}
