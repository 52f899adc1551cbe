/* Fuzzing: functions that get any bytes, and must neither crash nor leak. targets.def lists them.
 * libFuzzer calls one of them with bytes that it makes (libfuzzer.c, ./run fuzz), and the tests
 * call all of them with the bytes of corpus/ (replay.c). */
#ifndef FUZZ_H
#define FUZZ_H
#include <cotangent.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET(name) void fuzz_##name(const uint8_t *data, size_t size);
#include "targets.def"
#undef TARGET

/* ends the process, as a sanitizer's finding does, if the condition does not hold */
#define MUST(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *condition);

/* -- Memory. The allocator counts, and fails when it is told to */
typedef struct fuzz_memory {
    int64_t bytes, peak;       /* out now, and at most since `peak` was set */
    int64_t fails_after;       /* so many allocations succeed; -1: all do */
    int fails;                 /* how many fail then; -1: all */
} fuzz_memory;
ct_allocator fuzz_allocator(fuzz_memory *memory);

/* Calls use(cx, path), where the file has these bytes, in a context that is made once. Afterwards
 * no tensor and no byte is there that was not there before, and meanwhile at most that many
 * were. */
void fuzz_file(const uint8_t *data, size_t size, int64_t most,
               void (*use)(ct_context *cx, const char *path));

/* -- Numbers out of the data; when they are used up, others that follow from them */
typedef struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
    uint64_t state;
} fuzz_bytes;
fuzz_bytes fuzz_begin(const uint8_t *data, size_t size);
/* 0 to n - 1; n is at most 2^16 */
int fuzz_take(fuzz_bytes *b, int n);
#endif
