/* What every step of a check uses: its verdict, its memory, its random numbers, and which tensor
 * an entry belongs to. */
#include <stdarg.h>
#include <stdio.h>

#include "checker.h"

/* -- Verdicts */
bool ct__check_invalid(ct__check *c, const char *format, ...)
{
    c->verdict = CT_GRADCHECK_INVALID;
    va_list arguments;
    va_start(arguments, format);
    if (c->report->diagnosis[0] == '\0')
        vsnprintf(c->report->diagnosis, sizeof c->report->diagnosis, format, arguments);
    va_end(arguments);
    return false;
}

bool ct__check_failed(ct__check *c, const char *what)
{
    if (ct_error(c->cx) == CT_OK)
        ct_fail(c->cx, CT_ERROR_CALLBACK, "gradcheck: %s failed without saying why", what);
    return ct__check_invalid(c, "%s failed: %s", what, ct_error_text(c->cx));
}

void ct__check_fail(ct__check *c, int64_t entry, double is, double wanted, const char *why)
{
    ct_gradcheck_report *r = c->report;
    c->verdict = CT_GRADCHECK_FAIL;
    ct__check_place(c, entry);
    r->order = 1, r->compared++, r->wrong++;
    r->analytic = is, r->numeric = r->left = r->right = wanted, r->bar = r->step = 0;
    snprintf(r->diagnosis, sizeof r->diagnosis, "%s", why);
}

void ct__check_fail_value(ct__check *c, const char *why)
{
    ct_gradcheck_report *r = c->report;
    c->verdict = CT_GRADCHECK_FAIL;
    r->compared++, r->wrong++;
    snprintf(r->diagnosis, sizeof r->diagnosis, "%.140s: the value itself", why);
}

/* -- Memory and random numbers */
void *ct__check_room(ct__check *c, int64_t count, size_t size)
{
    size_t bytes = ((size_t)count + 1) * size;
    void *room = ct__scope_chars(c->cx, bytes);
    if (room)
        return memset(room, 0, bytes);
    ct__check_invalid(c, "out of memory");
    return NULL;
}

double ct__check_random(ct__check *c)
{
    uint64_t bits = ct_random_at(c->options.seed, c->drawn++);
    double magnitude = 0.25 + 0.75 * (double)(bits >> 44) * 0x1p-20;
    return bits & 1 ? magnitude : -magnitude;
}

/* -- Entries */
ct__part *ct__check_part(const ct__check *c, int64_t entry)
{
    ct__part *part = c->parts;
    while (entry >= part->first + part->count)
        part++;
    return part;
}

void ct__check_place(ct__check *c, int64_t entry)
{
    ct_gradcheck_report *r = c->report;
    const ct__part *part = ct__check_part(c, entry);
    int64_t k = entry - part->first;
    r->input = part->input, r->ndim = part->x->ndim;
    for (int d = r->ndim - 1; d >= 0; d--) {
        r->index[d] = k % ct__shape(part->x)[d];
        k /= ct__shape(part->x)[d];
    }
}
