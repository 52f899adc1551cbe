#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
    abort();
}

/* -- Memory */
static void *allocate(size_t bytes, size_t alignment, void *user)
{
    fuzz_memory *m = user;
    void *p = NULL;
    if (m->fails_after == 0 && m->fails != 0) {
        m->fails -= m->fails > 0;
        return NULL;
    }
    m->fails_after -= m->fails_after > 0;
    if (bytes >> 31 > 0 || posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    memset(p, 0xcd, bytes < 4096 ? bytes : 4096); /* reads of what nobody wrote see nonsense */
    m->bytes += (int64_t)bytes;
    m->peak = m->bytes > m->peak ? m->bytes : m->peak;
    return p;
}

static void deallocate(void *p, size_t bytes, void *user)
{
    fuzz_memory *m = user;
    memset(p, 0xdd, bytes < 4096 ? bytes : 4096); /* and so do reads of what was freed */
    m->bytes -= (int64_t)bytes;
    free(p);
}

ct_allocator fuzz_allocator(fuzz_memory *memory)
{
    return (ct_allocator){ allocate, deallocate, memory };
}

/* -- Files */
static int file_of(const uint8_t *data, size_t size)
{
    static int file = -1;
    if (file < 0)
        file = memfd_create("fuzz", 0);
    MUST(file >= 0 && ftruncate(file, 0) == 0);
    MUST(pwrite(file, data, size, 0) == (ssize_t)size);
    return file;
}

void fuzz_file(const uint8_t *data, size_t size, int64_t most,
               void (*use)(ct_context *cx, const char *path))
{
    static ct_context *cx;
    static fuzz_memory memory = { .fails_after = -1 };
    char path[64];
    if (!cx)
        cx = ct_context_new(&(ct_context_options){ .allocator = fuzz_allocator(&memory),
                                                   .pool_bytes = -1 });
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    int64_t bytes = memory.peak = memory.bytes;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file_of(data, size));
    ct_scope scope = ct_scope_begin(cx);
    use(cx, path);
    ct_scope_end(cx, scope);
    ct_error_clear(cx);
    ct_memory_stats(cx, &after);
    MUST(after.tensors == before.tensors && after.live_bytes == before.live_bytes);
    MUST(memory.bytes == bytes && memory.peak - bytes <= most);
}

/* -- Numbers */
fuzz_bytes fuzz_begin(const uint8_t *data, size_t size)
{
    fuzz_bytes b = { data, size, 0x9e3779b97f4a7c15u };
    for (size_t i = 0; i < size; i++)
        b.state = (b.state ^ data[i]) * 0x100000001b3u;
    return b;
}

static unsigned next(fuzz_bytes *b)
{
    if (b->left > 0) {
        b->left--;
        return *b->at++;
    }
    b->state = b->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(b->state >> 56);
}

int fuzz_take(fuzz_bytes *b, int n)
{
    unsigned x = next(b);
    if (n > 256)
        x = x << 8 | next(b);
    return (int)(x % (unsigned)n);
}
