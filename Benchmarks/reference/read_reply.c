#define _GNU_SOURCE
/* The floor for a snapshot: sends one monitor_cond_since for the columns given and only reads the reply off the
 * socket, looking at no byte but the braces' balance. Prints milliseconds and bytes as a JSON object.
 *
 *     read_reply SOCKET REQUESTS     REQUESTS: the JSON object of the monitor requests */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: read_reply SOCKET REQUESTS\n");
        return 64;
    }
    double started = now_ms();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) != 0) {
        perror(argv[1]);
        return 1;
    }
    char *request;
    int length = asprintf(&request,
                          "{\"id\":1,\"method\":\"monitor_cond_since\",\"params\":[\"Open_vSwitch\",\"m\",%s,"
                          "\"00000000-0000-0000-0000-000000000000\"]}", argv[2]);
    if (length < 0 || write(fd, request, (size_t) length) != length) {
        perror("write");
        return 1;
    }
    static char buffer[1 << 16];
    size_t total = 0;
    int depth = 0, in_string = 0, escaped = 0;
    for (;;) {
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count <= 0) {
            if (count < 0) perror("read");
            else fprintf(stderr, "%s: closed before the reply ended\n", argv[1]);
            return 1;
        }
        for (ssize_t i = 0; i < count; i++) {
            char c = buffer[i];
            if (in_string) {
                if (escaped) escaped = 0;
                else if (c == '\\') escaped = 1;
                else if (c == '"') in_string = 0;
            } else if (c == '"') in_string = 1;
            else if (c == '{' || c == '[') depth++;
            else if (c == '}' || c == ']') {
                if (--depth == 0) {
                    printf("{\"reply_ms\": %.3f, \"reply_bytes\": %zu}\n", now_ms() - started, total + (size_t) i + 1);
                    return 0;
                }
            }
        }
        total += (size_t) count;
    }
}
