/* What the tests of programs share. */
#ifndef TEST_PROGRAMS_H
#define TEST_PROGRAMS_H
#include "support.h"

static inline bool same_bits(const ct_tensor *a, const ct_tensor *b)
{
    size_t bytes = (size_t)ct_count(a) * ct_dtype_size(ct_dtype_of(a));
    char *p = malloc(bytes + 1), *q = malloc(bytes + 1);
    bool same = ct_dtype_of(a) == ct_dtype_of(b) && ct_same_shape(a, b) &&
                ct_to_memory(a, p, bytes) == CT_OK && ct_to_memory(b, q, bytes) == CT_OK &&
                memcmp(p, q, bytes) == 0;
    free(p);
    free(q);
    return same;
}

/* how many runs were replays, as the text says */
static inline int replays(const ct_program *p)
{
    int all = 0, n;
    for (const char *at = ct_program_text(p); (at = strstr(at, "replayed ")); at++)
        if (sscanf(at, "replayed %d", &n) == 1)
            all += n;
    return all;
}
#endif
