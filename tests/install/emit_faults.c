/* Linked with a program that ct_program_emit and cut.py made, and with what emit.c wrote to run it,
 * as `runs` by -Dmain=runs, and with --wrap=posix_memalign and --wrap=free. Each allocation fails,
 * with the next one, which is the same tried again, or with all after it. Then there is no state, or a
 * run is an error, and no block is left. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { NO_STATE = 2, NO_MEMORY = 10 + 1 }; /* of runs; CT_ERROR_MEMORY is 1 */

int runs(void);
int __real_posix_memalign(void **to, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **to, size_t alignment, size_t bytes);
void __real_free(void *at);
void __wrap_free(void *at);

static long left, live; /* allocations until one fails; blocks that are out */
static bool all;        /* then all others fail too, else one more does */

int __wrap_posix_memalign(void **to, size_t alignment, size_t bytes)
{
    const int no_memory = 12;
    left--;
    if (left < 0 && (all || left >= -2))
        return no_memory;
    live++;
    return __real_posix_memalign(to, alignment, bytes);
}

void __wrap_free(void *at)
{
    live -= at != NULL;
    __real_free(at);
}

int main(void)
{
    long counts[NO_MEMORY + 1] = { 0 };
    bool failed = true;
    for (long n = 0; failed; n++)
        for (int way = 0; way < 2; way++) {
            left = n;
            all = way > 0;
            int status = runs();
            failed = left < 0;
            if (live > 0 || (failed ? status != NO_STATE && status != NO_MEMORY : status != 0))
                return fprintf(stderr, "allocation %ld: %d, %ld blocks left\n", n, status, live), 1;
            counts[status]++;
        }
    fprintf(stderr, "%ld times no state, %ld times no run\n", counts[NO_STATE], counts[NO_MEMORY]);
    return counts[NO_STATE] == 0 || counts[NO_MEMORY] == 0;
}
