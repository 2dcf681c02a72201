/* Memory that is taken in small pieces and given back at once: a bump allocator over growing blocks. */
#ifndef COVSDB_ARENA_H
#define COVSDB_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    char *next;
    char *end;
    struct arena_block *blocks; /* from the heap, the latest first */
    int owns_first;             /* whether it holds the thread's first block */
};

/* Nothing is taken from the heap as long as the thread's own first block suffices, which one arena at a time has. */
void arena_begin(struct arena *arena);
/* Aligned for anything; NULL when there is no memory. */
void *arena_allocate(struct arena *arena, size_t size);
/* On the thread that began it. */
void arena_end(struct arena *arena);

#endif
