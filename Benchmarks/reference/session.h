/* A database connection for the programs beside this file: JSON messages one after another on a blocking socket, told
 * apart by the braces' balance and otherwise left as they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_AT_ONCE = 1 << 16 };

struct session {
    int fd;
    char *bytes;
    size_t capacity;
    size_t used;   /* bytes that were read */
    size_t taken;  /* of those, what earlier messages were */
    size_t seen;   /* of those, what the balance was taken over */
    int depth, in_string, escaped;
};

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void fail(const char *what, const char *bytes, size_t length)
{
    fprintf(stderr, "%s: %.*s\n", what, (int) (length > 400 ? 400 : length), bytes);
    exit(1);
}

static inline struct session session_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    struct session s = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    if (s.fd < 0 || connect(s.fd, (struct sockaddr *) &address, sizeof address) != 0) die(path);
    return s;
}

static inline void session_send(struct session *s, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(s->fd, bytes, length);
        if (count < 0 && errno != EINTR) die("write");
        if (count > 0) {
            bytes += count;
            length -= (size_t) count;
        }
    }
}

/* The next message that was read whole; NULL when there is none. It lies where it was read until the next call. */
static inline const char *session_next(struct session *s, size_t *length)
{
    for (; s->seen < s->used; s->seen++) {
        char c = s->bytes[s->seen];
        if (s->in_string) {
            if (s->escaped) s->escaped = 0;
            else if (c == '\\') s->escaped = 1;
            else if (c == '"') s->in_string = 0;
        } else if (c == '"') s->in_string = 1;
        else if (c == '{' || c == '[') s->depth++;
        else if ((c == '}' || c == ']') && --s->depth == 0) {
            const char *message = s->bytes + s->taken;
            *length = ++s->seen - s->taken;
            s->taken = s->seen;
            return message;
        }
    }
    return NULL;
}

/* Reads once; blocks when nothing is there. */
static inline void session_read(struct session *s)
{
    memmove(s->bytes, s->bytes + s->taken, s->used - s->taken);
    s->used -= s->taken;
    s->seen -= s->taken;
    s->taken = 0;
    if (s->capacity - s->used < READ_AT_ONCE) {
        s->capacity = 2 * s->capacity + READ_AT_ONCE;
        s->bytes = realloc(s->bytes, s->capacity);
        if (!s->bytes) die("realloc");
    }
    ssize_t count;
    do count = read(s->fd, s->bytes + s->used, s->capacity - s->used);
    while (count < 0 && errno == EINTR);
    if (count < 0) die("read");
    if (count == 0) {
        fprintf(stderr, "ovsdb-server closed the connection\n");
        exit(1);
    }
    s->used += (size_t) count;
}

static inline const char *session_receive(struct session *s, size_t *length)
{
    const char *message;
    while (!(message = session_next(s, length))) session_read(s);
    return message;
}

static inline int holds(const char *message, size_t length, const char *text)
{
    return memmem(message, length, text, strlen(text)) != NULL;
}

/* The server's probe of a silent client (RFC 7047, 4.1.11); whether the message was one. */
static inline int answered_probe(struct session *s, const char *message, size_t length)
{
    static const char answer[] = "{\"id\":\"echo\",\"result\":[],\"error\":null}";
    if (!holds(message, length, "\"method\":\"echo\"")) return 0;
    session_send(s, answer, sizeof answer - 1);
    return 1;
}

/* Starts a monitor_cond_since and reads its whole reply. */
static inline void session_monitor(struct session *s, const char *requests)
{
    char *request;
    int count = asprintf(&request,
                         "{\"id\":1,\"method\":\"monitor_cond_since\",\"params\":[\"Open_vSwitch\",\"m\",%s,"
                         "\"00000000-0000-0000-0000-000000000000\"]}", requests);
    if (count < 0) die("asprintf");
    session_send(s, request, (size_t) count);
    free(request);
    size_t length;
    const char *reply = session_receive(s, &length);
    if (holds(reply, length, "\"error\":{")) fail("monitor", reply, length);
}

/* A transaction of these operations. */
static inline char *transaction(const char *operations)
{
    char *request;
    if (asprintf(&request, "{\"id\":2,\"method\":\"transact\",\"params\":[\"Open_vSwitch\",%s]}", operations) < 0)
        die("asprintf");
    return request;
}

/* A transaction of one update of one column of one row. */
static inline char *update_request(const char *table, const char *row, const char *column, const char *value)
{
    char *operation;
    if (asprintf(&operation,
                 "{\"op\":\"update\",\"table\":\"%s\",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"%s\"]]],"
                 "\"row\":{\"%s\":%s}}", table, row, column, value) < 0) die("asprintf");
    char *request = transaction(operation);
    free(operation);
    return request;
}
