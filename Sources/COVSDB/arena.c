#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = alignof(max_align_t), FIRST_BLOCK = 32 << 10, LARGEST_BLOCK = 1 << 20 };

struct arena_block {
    struct arena_block *earlier;
    size_t size;
    max_align_t memory[];
};

/* Large enough for a row or a short message. */
static _Thread_local alignas(max_align_t) char first_block[FIRST_BLOCK];
static _Thread_local int first_block_is_taken;

void arena_begin(struct arena *arena)
{
    *arena = (struct arena) {0};
    if (first_block_is_taken) return;
    first_block_is_taken = arena->owns_first = 1;
    arena->next = first_block;
    arena->end = first_block + sizeof first_block;
}

void *arena_allocate(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > (size_t) (arena->end - arena->next)) {
        /* Blocks double, so that a large tree takes few of them. */
        size_t block_size = arena->blocks ? 2 * arena->blocks->size : 2 * FIRST_BLOCK;
        if (block_size > LARGEST_BLOCK) block_size = LARGEST_BLOCK;
        if (block_size < size) block_size = size;
        struct arena_block *block = malloc(sizeof *block + block_size);
        if (!block) return NULL;
        block->earlier = arena->blocks;
        block->size = block_size;
        arena->blocks = block;
        arena->next = (char *) block->memory;
        arena->end = arena->next + block_size;
    }
    void *memory = arena->next;
    arena->next += size;
    return memory;
}

void arena_end(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *earlier = arena->blocks->earlier;
        free(arena->blocks);
        arena->blocks = earlier;
    }
    if (arena->owns_first) first_block_is_taken = 0;
}
