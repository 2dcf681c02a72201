/* The JSON parser that OVSDB reads through: jansson behind a few functions.
 *
 * A parsed text is a `covsdb_document`; the values in it live exactly as long as it does. Its tree lies in one piece of
 * memory that is given back at once, since millions of rows are parsed, looked at and forgotten. It is not for use by
 * two threads at once, and is freed by the thread that parsed it. No jansson type appears here, so that its headers stay
 * out of what imports this. */
#ifndef COVSDB_H
#define COVSDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct covsdb_document covsdb_document;
typedef struct covsdb_value covsdb_value;
typedef struct covsdb_member covsdb_member;

typedef enum {
    COVSDB_NULL,
    COVSDB_BOOLEAN,
    COVSDB_INTEGER,
    COVSDB_REAL,
    COVSDB_STRING,
    COVSDB_ARRAY,
    COVSDB_OBJECT,
} covsdb_kind;

/* Where and why a text is not JSON. */
typedef struct {
    size_t offset; /* bytes from the start */
    char text[160];
} covsdb_error;

/* Parses exactly one JSON text (RFC 8259) of UTF-8. Refuses repeated names in an object, integers beyond 64 bits and
 * U+0000, which RFC 7047, 3.1 has no place for, and more than four million values, since each takes many times the
 * memory of its text. Returns NULL with `*error` filled in. */
covsdb_document *covsdb_parse(const char *bytes, size_t length, covsdb_error *error);
const covsdb_value *covsdb_root(const covsdb_document *document);
void covsdb_free_document(covsdb_document *document);

covsdb_kind covsdb_kind_of(const covsdb_value *value);
bool covsdb_boolean(const covsdb_value *value);
int64_t covsdb_integer(const covsdb_value *value);
double covsdb_real(const covsdb_value *value);
/* UTF-8 without a NUL inside; `*length` in bytes. */
const char *covsdb_string(const covsdb_value *value, size_t *length);

/* Elements of an array or members of an object. */
size_t covsdb_count(const covsdb_value *container);
const covsdb_value *covsdb_element(const covsdb_value *array, size_t index);
/* The value of a member, or NULL. `name` ends with a NUL. */
const covsdb_value *covsdb_find(const covsdb_value *object, const char *name);
/* The members in the order of the text; NULL after the last. */
const covsdb_member *covsdb_first(const covsdb_value *object);
const covsdb_member *covsdb_next(const covsdb_value *object, const covsdb_member *member);
const char *covsdb_member_name(const covsdb_member *member);
const covsdb_value *covsdb_member_value(const covsdb_member *member);

/* Writes the text of a value on one line into at most `capacity` bytes. Returns the length of the whole text; nothing
 * past `capacity` was written when that is more. */
size_t covsdb_write(const covsdb_value *value, char *bytes, size_t capacity);

#endif
