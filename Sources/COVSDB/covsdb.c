#include "covsdb.h"

#include "arena.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* The public types are jansson's under other names: a value is a json_t, a member an iterator of its object. */
static const json_t *json(const covsdb_value *value) { return (const json_t *) value; }
static covsdb_value *give(json_t *value) { return (covsdb_value *) value; }

struct covsdb_document {
    struct arena arena;
    json_t *root;
};

/* Where jansson's memory comes from on this thread: the arena of the document being parsed, else the heap. */
static _Thread_local struct arena *parsing;

static void *allocate(size_t size) { return parsing ? arena_allocate(parsing, size) : malloc(size); }

/* What lies in an arena goes with it, and while a document is parsed nothing else is freed. */
static void release(void *memory)
{
    if (!parsing) free(memory);
}

/* Before any thread: jansson seeds its hash tables on first use, which two threads must not do at once. */
__attribute__((constructor)) static void prepare(void)
{
    json_set_alloc_funcs(allocate, release);
    json_object_seed(0);
}

/* Each value takes some 200 bytes of a tree at most, and only a text longer than this can have many. */
enum { SHORT_TEXT = 1 << 20, MOST_VALUES = 4 << 20 };

/* Each value but the outermost is the first one of what opened before it, or follows a comma. */
static bool has_too_many_values(const char *bytes, size_t length)
{
    size_t values = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (bytes[i] == '\\') i++;
            else if (bytes[i] == '"') in_string = false;
            continue;
        }
        switch (bytes[i]) {
        case '"': in_string = true; break;
        case '{':
        case '[':
        case ',': values++;
        }
    }
    return values > MOST_VALUES;
}

covsdb_document *covsdb_parse(const char *bytes, size_t length, covsdb_error *error)
{
    if (length > SHORT_TEXT && has_too_many_values(bytes, length)) {
        *error = (covsdb_error) {.offset = 0};
        snprintf(error->text, sizeof error->text, "more than %d values", MOST_VALUES);
        return NULL;
    }
    struct arena arena;
    arena_begin(&arena);
    covsdb_document *document = arena_allocate(&arena, sizeof *document);
    json_error_t reason = {.position = 0, .text = "out of memory"};
    json_t *root = NULL;
    if (document) {
        parsing = &arena;
        root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reason);
        parsing = NULL;
    }
    if (!root) {
        error->offset = reason.position > 0 ? (size_t) reason.position : 0;
        snprintf(error->text, sizeof error->text, "%s", reason.text);
        arena_end(&arena);
        return NULL;
    }
    document->arena = arena;
    document->root = root;
    return document;
}

const covsdb_value *covsdb_root(const covsdb_document *document) { return give(document->root); }

void covsdb_free_document(covsdb_document *document)
{
    struct arena arena = document->arena;
    arena_end(&arena);
}

covsdb_kind covsdb_kind_of(const covsdb_value *value)
{
    switch (json_typeof(json(value))) {
    case JSON_NULL: return COVSDB_NULL;
    case JSON_TRUE:
    case JSON_FALSE: return COVSDB_BOOLEAN;
    case JSON_INTEGER: return COVSDB_INTEGER;
    case JSON_REAL: return COVSDB_REAL;
    case JSON_STRING: return COVSDB_STRING;
    case JSON_ARRAY: return COVSDB_ARRAY;
    case JSON_OBJECT: return COVSDB_OBJECT;
    }
    return COVSDB_NULL;
}

bool covsdb_boolean(const covsdb_value *value) { return json_is_true(json(value)); }
int64_t covsdb_integer(const covsdb_value *value) { return json_integer_value(json(value)); }
double covsdb_real(const covsdb_value *value) { return json_real_value(json(value)); }

const char *covsdb_string(const covsdb_value *value, size_t *length)
{
    *length = json_string_length(json(value));
    return json_string_value(json(value));
}

size_t covsdb_count(const covsdb_value *container)
{
    return json_is_array(json(container)) ? json_array_size(json(container)) : json_object_size(json(container));
}

const covsdb_value *covsdb_element(const covsdb_value *array, size_t index)
{
    return give(json_array_get(json(array), index));
}

const covsdb_value *covsdb_find(const covsdb_value *object, const char *name)
{
    return give(json_object_get(json(object), name));
}

/* jansson's iterators are not const, but reading through one changes nothing. */
const covsdb_member *covsdb_first(const covsdb_value *object)
{
    return (const covsdb_member *) json_object_iter((json_t *) json(object));
}

const covsdb_member *covsdb_next(const covsdb_value *object, const covsdb_member *member)
{
    return (const covsdb_member *) json_object_iter_next((json_t *) json(object), (void *) member);
}

const char *covsdb_member_name(const covsdb_member *member) { return json_object_iter_key((void *) member); }

const covsdb_value *covsdb_member_value(const covsdb_member *member)
{
    return give(json_object_iter_value((void *) member));
}

size_t covsdb_write(const covsdb_value *value, char *bytes, size_t capacity)
{
    return json_dumpb(json(value), bytes, capacity, JSON_ENCODE_ANY | JSON_COMPACT);
}
