#define _GNU_SOURCE
/* The floor for a repair: follows a database and knows one thing to do, to give one column of one row its value back
 * when a notification shows another one there. It keeps no replica, asks for no lock and decodes no JSON; its
 * transaction is the one update, or the operations given. Prints `ready` once it follows, and lives until it is ended.
 *
 *     repair SOCKET REQUESTS TABLE UUID COLUMN VALUE [OPERATIONS]
 *
 * REQUESTS is the JSON object of the monitor requests, OPERATIONS the JSON objects of a transaction, with commas. */
#include "session.h"

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 8) {
        fprintf(stderr, "usage: repair SOCKET REQUESTS TABLE UUID COLUMN VALUE [OPERATIONS]\n");
        return 64;
    }
    const char *row = argv[4], *value = argv[6];
    char *request = argc == 8 ? transaction(argv[7]) : update_request(argv[3], row, argv[5], value), *column;
    size_t request_length = strlen(request), length;
    if (asprintf(&column, "\"%s\":", argv[5]) < 0) die("asprintf");
    struct session session = session_open(argv[1]);
    session_monitor(&session, argv[2]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        const char *message = session_receive(&session, &length);
        if (holds(message, length, "\"method\":\"update3\"")) {
            // The value itself in it is the repair's own echo.
            if (holds(message, length, row) && holds(message, length, column) && !holds(message, length, value))
                session_send(&session, request, request_length);
        } else if (!answered_probe(&session, message, length) && !holds(message, length, "\"error\":null")) {
            fail("repair", message, length);
        }
    }
}
