/* Compiled with -DNAME=NAME and linked with NAME.o, which ct_program_emit and cut.py made, and with
 * --wrap=posix_memalign and --wrap=free: whichever allocation fails, with the next one, which is
 * the same tried again, or with all after it, NAME_new gives NULL and keeps nothing. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define JOINED(a, b) a##b
#define JOIN(a, b)   JOINED(a, b)
typedef struct NAME NAME;
NAME *JOIN(NAME, _new)(int simd, int threads);
void JOIN(NAME, _free)(NAME *s);

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
    NAME *s = NULL;
    for (long n = 0; !s; n++)
        for (int way = 0; way < 2; way++) {
            left = n;
            all = way > 0;
            JOIN(NAME, _free)(s);
            s = JOIN(NAME, _new)(1, 1);
            if (s ? left < 0 || n < 2 : left >= 0 || live > 0)
                return printf("allocation %ld: %s\n", n, s ? "made" : "blocks are left"), 1;
        }
    JOIN(NAME, _free)(s);
    return live > 0 ? puts("blocks are left"), 1 : 0;
}
