/* Contexts and their modes. */
#include <unistd.h>

#include "tensors.h"

static bool is_zero(const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (words[i])
            return false;
    return true;
}

/* scope ids start at a place of the context's own, so that one of another context is not found */
static uint64_t first_scope(const ct_context *cx)
{
    return ct_random_at((uint64_t)(uintptr_t)cx, 0) | 1;
}

ct_context *ct_context_new(const ct_context_options *options)
{
    static const ct_context_options defaults;
    if (!options)
        options = &defaults;
    if (!is_zero(options->reserved, sizeof options->reserved / sizeof *options->reserved))
        return NULL;
    if (options->threads < -1 || options->max_bytes < 0 || options->pool_bytes < -1)
        return NULL;
    if ((int)options->simd < 0 || options->simd > CT_SIMD_AVX512)
        return NULL;
    ct_context *cx = ct__context_take(options);
    if (!cx)
        return NULL;
    cx->simd = ct__widest_simd();
    if (options->simd != 0 && options->simd < cx->simd)
        cx->simd = options->simd;
    if (options->threads < 0)
        cx->options.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    cx->recording = true;
    cx->scope = &cx->root;
    cx->root.recording = true;
    cx->scope_serial = first_scope(cx);
    ct_seed(cx, options->seed);
    return cx;
}

void ct_context_free(ct_context *cx)
{
    if (!cx)
        return;
    if (ct__in_callback(cx)) {
        ct_fail(cx, CT_ERROR_VALUE, "context_free: called inside a callback of this context");
        return;
    }
    ct__objects_free(cx);
    ct__scopes_free(cx);
    ct__kept_free(cx);
    ct__threads_free(cx);
    cx->closed = cx->given > 0;
    if (cx->closed)
        ct_memory_trim(cx);
    else
        ct__context_give_back(cx);
}

const char *ct_version(void)
{
    return CT_VERSION_TEXT;
}

void ct_no_grad(ct_context *cx)
{
    if (cx)
        cx->recording = false;
}

bool ct_is_recording(const ct_context *cx)
{
    return cx && cx->recording;
}

void ct_evaluation(ct_context *cx)
{
    if (cx)
        cx->inference = true;
}

void ct_inference(ct_context *cx)
{
    ct_evaluation(cx);
    ct_no_grad(cx);
}

bool ct_is_inference(const ct_context *cx)
{
    return cx && cx->inference;
}

bool ct_is_repeating(const ct_context *cx)
{
    return cx && cx->repeating;
}

void ct_find_nonfinite(ct_context *cx, bool on)
{
    if (!cx)
        return;
    ct__tell(cx, "find_nonfinite");
    cx->find_nonfinite = on;
    ct__listen(cx, cx->listener);
}
